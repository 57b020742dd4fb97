#include "problem.h"

#include <stdio.h>
#include <string.h>

#include "../broker/base/mem.h"
#include "json.h"

/*
 * Exit codes of the command line: 1 something of ours or of the system
 * failed, 2 the request is wrong, 3 the configuration is wrong, 4 refused by
 * policy, 5 no such thing, 6 not in this state, 7 try again later, 8 the
 * token or the key, 9 the broker or the CA did not do its part.
 */
static const struct {
	unsigned status;
	int exit_code;
	const char *title;
} table[] = {
	[OK] = { 200, 0, "Done" },
	[ERR_USAGE] = { 400, 2, "Wrong usage" },
	[ERR_CONFIG] = { 422, 2, "Wrong configuration" },
	[ERR_SYNTAX] = { 400, 2, "Malformed request" },
	[ERR_LIMIT] = { 413, 2, "Too large" },
	[ERR_DENIED] = { 403, 4, "Denied by policy" },
	[ERR_RATE] = { 429, 7, "Over the rate that policy allows" },
	[ERR_NOT_FOUND] = { 404, 5, "Not found" },
	[ERR_METHOD] = { 405, 2, "Method not allowed" },
	[ERR_CONFLICT] = { 409, 6, "Not in this state" },
	[ERR_UNSUPPORTED] = { 422, 2, "Not supported" },
	[ERR_BUSY] = { 503, 7, "Busy" },
	[ERR_TIMEOUT] = { 504, 7, "Took too long" },
	[ERR_TOKEN] = { 503, 8, "Token not available" },
	[ERR_PIN] = { 503, 8, "PIN refused or locked" },
	[ERR_KEY] = { 409, 8, "Key missing or not the expected one" },
	[ERR_SHAPE] = { 403, 8, "Not what this key signs" },
	[ERR_SIGNATURE] = { 500, 8, "Signature does not verify" },
	[ERR_CA] = { 502, 9, "The CA refused" },
	[ERR_NETWORK] = { 502, 9, "The CA cannot be reached" },
	[ERR_CERTIFICATE] = { 502, 9, "Certificate not acceptable" },
	[ERR_CRYPTO] = { 500, 1, "Cryptographic failure" },
	[ERR_IO] = { 500, 1, "Operating system failure" },
	[ERR_FULL] = { 507, 1, "Disk full" },
	[ERR_CLOSED] = { 503, 9, "The other process is gone" },
	[ERR_INTERNAL] = { 500, 1, "Internal error" },
};
_Static_assert(nitems(table) == ERR__MAX, "every error has a row");

static enum err
known(enum err code)
{
	return (unsigned)code < ERR__MAX ? code : ERR_INTERNAL;
}

unsigned
problem_status(enum err code)
{
	return table[known(code)].status;
}

int
problem_exit_code(enum err code)
{
	return table[known(code)].exit_code;
}

static void
put_positive(struct json_writer *w, const char *name, uint64_t v)
{
	if (v != 0 && v <= JSON_INT_MAX)
		json_put_int(w, name, (int64_t)v);
}

void
problem_write(struct buf *out, const struct fault *why)
{
	enum err code = known(why->code);
	char type[sizeof(PROBLEM_URN_PREFIX) + 64];
	struct json_writer w;

	snprintf(type, sizeof(type), PROBLEM_URN_PREFIX "%s", err_name(code));
	json_write_start(&w, out);
	json_open_object(&w, NULL);
	json_put_string(&w, "type", type);
	json_put_string(&w, "title", table[code].title);
	json_put_int(&w, "status", table[code].status);
	json_put_string(&w, "detail", why->text);
	put_positive(&w, "line", why->line);
	put_positive(&w, "column", why->column);
	put_positive(&w, "retryAfter", why->retry_after);
	put_positive(&w, "ckr", why->ckr);
	json_close_object(&w);
}

/* The error that a type names; ERR__MAX when it is none of ours. */
static enum err
type_code(const char *type)
{
	size_t n = strlen(PROBLEM_URN_PREFIX);

	if (type == NULL || strncmp(type, PROBLEM_URN_PREFIX, n) != 0)
		return ERR__MAX;
	return err_parse(type + n);
}

static uint32_t
get_positive(const struct json *v, const char *name)
{
	int64_t number = 0;

	if (!json_get_int(v, name, &number) || number < 0 ||
	    number > UINT32_MAX)
		return 0;
	return (uint32_t)number;
}

void
problem_read(const char *text, size_t n, unsigned status, struct fault *why)
{
	struct json *v = json_parse(text, n, NULL);
	const char *detail = json_get_string(v, "detail");
	enum err code = type_code(json_get_string(v, "type"));

	if (code == OK || code == ERR__MAX) {
		fault_set(why, ERR_INTERNAL, "the broker answered %u without "
		    "a problem document", status);
	} else {
		fault_set(why, code, "%s", detail != NULL ? detail :
		    table[code].title);
		why->line = get_positive(v, "line");
		why->column = get_positive(v, "column");
		why->retry_after = get_positive(v, "retryAfter");
		why->ckr = get_positive(v, "ckr");
	}
	json_free(v);
}
