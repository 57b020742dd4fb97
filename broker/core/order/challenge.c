#include "challenge.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../base/io.h"
#include "../../base/log.h"
#include "../../base/mem.h"
#include "../compose/compose.h"
#include "../core.h"
#include "../engine/hook.h"

typedef enum err provision_fn(const struct certificate_row *,
    const struct authorization_row *, const char *text, struct fault *);

static provision_fn nothing, file_write, file_remove, dns_present, dns_clean;

static const struct {
	const char *type;
	provision_fn *provision;
	provision_fn *clean;
} kinds[] = {
	[CHALLENGE_HTTP_LISTENER] = { "http-01", nothing, nothing },
	[CHALLENGE_HTTP_WEBROOT] = { "http-01", file_write, file_remove },
	[CHALLENGE_DNS_HOOK] = { "dns-01", dns_present, dns_clean },
};

const char *
challenge_type(const struct certificate_row *c)
{
	return kinds[c->challenge].type;
}

static enum err
nothing(const struct certificate_row *c, const struct authorization_row *a,
    const char *text, struct fault *why)
{
	(void)c;
	(void)a;
	(void)text;
	(void)why;
	return OK;
}

/* Folders and file are for a web server of another user to read.  That user
 * may own the webroot and put a link where our new folder was. */
static enum err
make_public_folder(const char *path, struct fault *why)
{
	struct stat st;
	enum err e = OK;
	int fd;

	if (mkdir(path, 0755) != 0)
		return errno == EEXIST ? OK : fault_errno(why, ERR_IO,
		    "cannot make folder %s", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0 || st.st_uid != geteuid() ||
	    fchmod(fd, 0755) != 0)
		e = fault_errno(why, ERR_IO, "cannot open folder %s to "
		    "readers", path);
	if (fd >= 0)
		close(fd);
	return e;
}

static enum err
file_write(const struct certificate_row *c,
    const struct authorization_row *a, const char *text, struct fault *why)
{
	char *known = xasprintf("%s/.well-known", c->webroot);
	char *folder = xasprintf("%s/acme-challenge", known);
	char *path = xasprintf("%s/%s", folder, a->token);
	enum err e;

	e = make_public_folder(known, why);
	if (e == OK)
		e = make_public_folder(folder, why);
	if (e == OK)
		e = write_file(path, text, strlen(text), 0644, why);
	free(path);
	free(folder);
	free(known);
	return e;
}

static enum err
file_remove(const struct certificate_row *c,
    const struct authorization_row *a, const char *text, struct fault *why)
{
	char *path = xasprintf("%s/.well-known/acme-challenge/%s",
	    c->webroot, a->token);
	enum err e = OK;

	(void)text;
	if (unlink(path) != 0 && errno != ENOENT)
		e = fault_errno(why, ERR_IO, "cannot remove %s", path);
	free(path);
	return e;
}

static enum err
dns_hook(const char *action, const struct certificate_row *c,
    const struct authorization_row *a, const char *text, struct fault *why)
{
	char *value = dns01_value(text);
	char *record = xasprintf("_acme-challenge.%s", a->identifier);
	const char *values[] = {
		"KEYBROKER_ACTION", action,
		"KEYBROKER_CERTIFICATE", c->name,
		"KEYBROKER_DOMAIN", a->identifier,
		"KEYBROKER_RECORD", record,
		"KEYBROKER_VALUE", value,
	};
	struct hook_end end;
	enum err e;

	e = hook_run(HOOK_DNS, c->name, values, nitems(values), &end, why);
	if (e == OK && (end.status != 0 || end.timed_out))
		e = fault_set(why, ERR_IO, "the DNS program %s (%s for %s): "
		    "%.300s", end.timed_out ? "ran too long" : "failed",
		    action, record, end.output);
	free(record);
	free(value);
	return e;
}

static enum err
dns_present(const struct certificate_row *c,
    const struct authorization_row *a, const char *text, struct fault *why)
{
	return dns_hook("present", c, a, text, why);
}

static enum err
dns_clean(const struct certificate_row *c, const struct authorization_row *a,
    const char *text, struct fault *why)
{
	return dns_hook("cleanup", c, a, text, why);
}

static char *
text_of(const struct authorization_row *a, const char *account_key,
    struct fault *why)
{
	unsigned char spki[SPKI_MAX];
	enum key_type type;
	size_t n;

	if (keys_public(core.keys, account_key, spki, &n, &type, why) != OK)
		return NULL;
	return key_authorization(a->token, spki, n, why);
}

enum err
challenge_provision(const struct certificate_row *c,
    const struct authorization_row *a, const char *account_key,
    struct fault *why)
{
	char *text = text_of(a, account_key, why);
	enum err e;

	if (text == NULL)
		return why->code;
	e = kinds[c->challenge].provision(c, a, text, why);
	free(text);
	return e;
}

void
challenge_clean(const struct certificate_row *c,
    const struct authorization_row *a, const char *account_key)
{
	struct fault why;
	char *text = text_of(a, account_key, &why);

	if (text == NULL ||
	    kinds[c->challenge].clean(c, a, text, &why) != OK)
		log_warning("%s: challenge not cleaned up: %s", a->identifier,
		    why.text);
	free(text);
}
