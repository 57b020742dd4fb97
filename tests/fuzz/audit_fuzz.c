/*
 * The proof of an audit log.  A log that is said to be whole is a chain to
 * anyone who recomputes it, and none any more when its first line is gone.
 */
#include <inttypes.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../api/cli/verify.h"
#include "../../api/json.h"
#include "../../broker/base/b64.h"
#include "der.h"
#include "fuzz.h"

static int fd = -1;
static char path[64];
static struct audit_key key;
static const struct audit_claim claim = { .keys = &key, .nkeys = 1 };

static void
set_up(void)
{
	const unsigned char *p = der_spki;

	fd = memfd_create("audit.log", MFD_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	key.key = d2i_PUBKEY(NULL, &p, sizeof(der_spki));
	require(fd >= 0 && key.key != NULL);
	sha256(key.id, der_spki, sizeof(der_spki));
}

static void
prove(const uint8_t *p, size_t n, struct verification *v)
{
	const char *const files[] = { path };
	struct fault why;

	require(ftruncate(fd, 0) == 0);
	require(pwrite(fd, p, n, 0) == (ssize_t)n);
	require(audit_prove(files, 1, &claim, v, &why) == OK);
	require(v->damage < DAMAGE__MAX && v->proved <= v->last.seq);
	if (v->damage == DAMAGE_NONE)
		return;
	require(v->line > 0 && v->file == files[0] && v->detail[0] != '\0');
	for (const char *t = v->detail; *t != '\0'; t++)
		require((unsigned char)*t >= 0x20 && *t != 0x7f);
}

/* Each line carries its number and the hash of the one before. */
static uint64_t
recompute(const char *p, size_t n)
{
	unsigned char hash[SHA256_SIZE] = { 0 };
	char hex[2 * SHA256_SIZE + 1];
	uint64_t lines = 0;

	for (const char *end; n > 0; n -= (size_t)(end + 1 - p), p = end + 1) {
		struct json *v;
		int64_t seq = 0;

		end = memchr(p, '\n', n);
		require(end != NULL);
		v = json_parse(p, (size_t)(end - p), NULL);
		hex_encode(hex, hash, sizeof(hash));
		require(json_get_int(v, "seq", &seq) &&
		    (uint64_t)seq == ++lines);
		require(strcasecmp(json_get_string(v, "prev"), hex) == 0);
		sha256(hash, p, (size_t)(end - p));
		json_free(v);
	}
	return lines;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct verification v;
	const uint8_t *second;
	uint64_t lines;

	if (fd < 0)
		set_up();
	prove(p, n, &v);
	if (v.damage != DAMAGE_NONE)
		return 0;
	lines = recompute((const char *)p, n);
	require(v.lines == lines && v.last.seq == lines);
	if (lines < 2)
		return 0;
	second = (const uint8_t *)memchr(p, '\n', n) + 1;
	prove(second, n - (size_t)(second - p), &v);
	require(v.damage != DAMAGE_NONE);
	return 0;
}
