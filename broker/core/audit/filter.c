#include "filter.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "../../base/b64.h"
#include "../../base/mem.h"

#define NEEDLE_MAX 160 /* bytes of a value in its quotes */

/* True when a text stands in the line as a whole string.  A quote within a
 * string is escaped, so that no string can look like two. */
static bool
has_string(const char *line, size_t n, const char *value)
{
	char needle[NEEDLE_MAX];
	int length = snprintf(needle, sizeof(needle), "\"%s\"", value);

	return length > 0 && (size_t)length < sizeof(needle) &&
	    memmem(line, n, needle, (size_t)length) != NULL;
}

static bool
is(const struct json *line, const char *member, const char *wanted)
{
	const char *value = json_get_string(line, member);

	return value != NULL && strcmp(value, wanted) == 0;
}

struct wish {
	const char *value;
	const char *member, *other; /* or in this one, unless NULL */
};

static bool
wanted(const struct json *line, const struct wish *wishes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (wishes[i].value != NULL &&
		    !is(line, wishes[i].member, wishes[i].value) &&
		    (wishes[i].other == NULL ||
			!is(line, wishes[i].other, wishes[i].value)))
			return false;
	return true;
}

static bool
among(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

/* What was denied may be another tenant's, and the line says so, unlike the
 * reply that the client got: who asks sees only that he asked. */
static bool
is_seen(const char *member, bool denied)
{
	static const char *const others[] = { "seq", "prev" };
	static const char *const always[] = { "time", "event", "operation",
		"decision", "tenant", "uid", "gid", "pid", "listener" };

	return denied ? among(always, nitems(always), member) :
	    !among(others, nitems(others), member);
}

/* The line without what tells of others. */
static void
put_own(struct buf *out, const struct json *line)
{
	bool denied = is(line, "decision", "deny");
	struct json_writer w;

	json_write_start(&w, out);
	json_open_object(&w, NULL);
	for (const struct json *m = json_first(line); m != NULL;
	     m = json_next(m))
		if (is_seen(json_name(m), denied))
			json_put_value(&w, json_name(m), m);
	json_close_object(&w);
}

/* What is not seen cannot be asked for. */
static bool
may_ask(const struct audit_filter *f, const struct json *line)
{
	return f->only == NULL || f->key == NULL ||
	    !is(line, "decision", "deny");
}

/* Most lines are passed over without being parsed. */
bool
audit_show(const char *line, size_t n, struct buf *out, void *filter)
{
	const struct audit_filter *f = filter;
	const struct wish wishes[] = {
		{ f->event, "event", NULL },
		{ f->operation, "operation", NULL },
		{ f->decision, "decision", NULL },
		{ f->tenant, "tenant", NULL },
		{ f->only, "tenant", NULL },
		{ f->key, "key", "keyId" },
	};
	bool any = false, shown;
	struct json *parsed;

	for (size_t i = 0; i < nitems(wishes); i++) {
		if (wishes[i].value == NULL)
			continue;
		any = true;
		if (!has_string(line, n, wishes[i].value))
			return false;
	}
	if (!any) {
		buf_put(out, line, n);
		return true;
	}
	parsed = json_parse(line, n, NULL);
	shown = parsed != NULL && may_ask(f, parsed) &&
	    wanted(parsed, wishes, nitems(wishes));
	if (shown && f->only != NULL)
		put_own(out, parsed);
	else if (shown)
		buf_put(out, line, n);
	json_free(parsed);
	return shown;
}

/* ------------------------------------------------------------------ cursors */

/* One block of a cipher, whose key is as old as this process: the number and
 * eight zeros. */
static unsigned char cursor_key[16];
static pthread_once_t cursor_once = PTHREAD_ONCE_INIT;

static void
make_key(void)
{
	if (RAND_bytes(cursor_key, sizeof(cursor_key)) != 1)
		fatal("no random bytes");
}

static void
crypt_block(unsigned char block[static 16], bool encrypt)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	const EVP_CIPHER *aes = EVP_aes_128_ecb();
	int n = 0;

	pthread_once(&cursor_once, make_key);
	if (ctx == NULL ||
	    EVP_CipherInit_ex(ctx, aes, NULL, cursor_key, NULL, encrypt) != 1 ||
	    EVP_CIPHER_CTX_set_padding(ctx, 0) != 1 ||
	    EVP_CipherUpdate(ctx, block, &n, block, 16) != 1 || n != 16)
		fatal("AES does not work");
	EVP_CIPHER_CTX_free(ctx);
}

void
cursor_write(uint64_t seq, char out[static CURSOR_SIZE])
{
	unsigned char block[16] = { 0 };

	for (unsigned i = 0; i < 8; i++)
		block[i] = (unsigned char)(seq >> (56 - 8 * i));
	crypt_block(block, true);
	hex_encode(out, block, sizeof(block));
}

bool
cursor_read(const char *text, uint64_t *seq)
{
	static const unsigned char zeros[8];
	unsigned char block[16];

	if (!hex_decode(block, sizeof(block), text))
		return false;
	crypt_block(block, false);
	*seq = 0;
	for (unsigned i = 0; i < 8; i++)
		*seq = *seq << 8 | block[i];
	return memcmp(block + 8, zeros, sizeof(zeros)) == 0;
}
