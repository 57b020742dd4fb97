/*
 * The HTTP library is lenient: it takes Content-Length together with
 * Transfer-Encoding, repeated Content-Length and Host, decodes %00 and then
 * sees a shorter path, and hangs on codings that it does not know.  So the
 * raw target and each header pass here first.
 *
 * Three more things never become visible in what the library hands out: a
 * NUL inside a header or method (it arrives cut), a folded header (its
 * second line joins the first, even the name), and lines that end in a bare
 * LF.  They are told by arithmetic: the header section has a size when each
 * line is "Name: value" and CRLF, or one byte less for each line without
 * the space, and the library knows how many bytes it read.  A request that
 * balances one such trick against another still passes.  That is harmless
 * here: nobody else reads the same bytes (there is no proxy on the way, and
 * a client is known by its socket), and no header but Host, Content-Length,
 * Content-Type and Transfer-Encoding is ever looked at.
 */
#include "guard.h"

#include <string.h>
#include <strings.h>

#include "../../broker/base/mem.h"
#include "../route.h"

#define LENGTH_DIGITS 10 /* of a Content-Length; more cannot be meant */

static const char *const methods[] = { "GET", "POST", "PUT", "DELETE" };

/* True when the first n bytes of query hold this field's name already. */
static bool
seen_before(const char *query, size_t n, const char *name, size_t length)
{
	for (size_t i = 0; i < n; i += strcspn(query + i, "&") + 1)
		if (strcspn(query + i, "=") == length &&
		    memcmp(query + i, name, length) == 0)
			return true;
	return false;
}

/* A query is name=value fields, none twice: one reading only. */
static enum err
check_query(const char *query, struct fault *why)
{
	const char *p = query;

	for (;;) {
		size_t name = 0, value = 0;

		while (route_name_byte(p[name]))
			name++;
		if (name == 0 || p[name] != '=')
			return fault_set(why, ERR_SYNTAX, "query: fields must "
			    "be name=value");
		if (seen_before(query, (size_t)(p - query), p, name))
			return fault_set(why, ERR_SYNTAX, "query: %.*s is "
			    "given twice", (int)name, p);
		p += name + 1;
		while (route_name_byte(p[value]))
			value++;
		p += value;
		if (*p == '\0')
			return OK;
		if (*p++ != '&')
			return fault_set(why, ERR_SYNTAX, "query: values are "
			    "letters, digits, dot, underscore and hyphen");
	}
}

enum err
guard_target(const char *target, struct fault *why)
{
	const char *query = strchr(target, '?');
	size_t n = query != NULL ? (size_t)(query - target) : strlen(target);

	if (strnlen(target, TARGET_MAX + 1) > TARGET_MAX)
		return fault_set(why, ERR_LIMIT, "target: longer than %d bytes",
		    TARGET_MAX);
	if (target[0] != '/')
		return fault_set(why, ERR_SYNTAX, "target: must start with /");
	for (size_t i = 0; i < n; i++) {
		char c = target[i];

		if (c == '/' && target[i + 1] == '/')
			return fault_set(why, ERR_SYNTAX, "target: //");
		if (c == '.' && target[i + 1] == '.')
			return fault_set(why, ERR_SYNTAX, "target: ..");
		if (c != '/' && !route_name_byte(c))
			return fault_set(why, ERR_SYNTAX, "target: byte 0x%02x "
			    "is not allowed; nothing is percent-decoded",
			    (unsigned char)c);
	}
	return query != NULL ? check_query(query + 1, why) : OK;
}

void
guard_start(struct guard *g)
{
	g->headers = g->hosts = g->lengths = g->types = 0;
	g->json = false;
	g->length = 0;
	g->size = 0;
	g->why.code = OK;
}

/* Remembers the first refusal only. */
static void
refuse(struct guard *g, const char *check)
{
	if (g->why.code == OK)
		fault_set(&g->why, ERR_SYNTAX, "headers: %s", check);
}

static void
read_host(struct guard *g, const char *value)
{
	(void)value;
	if (g->hosts++ > 0)
		refuse(g, "more than one Host");
}

static void
read_length(struct guard *g, const char *value)
{
	size_t n = strspn(value, "0123456789");

	if (g->lengths++ > 0)
		refuse(g, "more than one Content-Length");
	if (n == 0 || n > LENGTH_DIGITS || value[n] != '\0') {
		refuse(g, "Content-Length is not a plain number");
		return;
	}
	g->length = 0;
	for (size_t i = 0; i < n; i++)
		g->length = g->length * 10 + (uint64_t)(value[i] - '0');
}

static void
read_type(struct guard *g, const char *value)
{
	if (g->types++ > 0)
		refuse(g, "more than one Content-Type");
	g->json = strcasecmp(value, "application/json") == 0;
}

static void
read_coding(struct guard *g, const char *value)
{
	(void)value;
	refuse(g, "Transfer-Encoding is not taken; send Content-Length");
}

/* The headers that mean something here; all others are passed over. */
static const struct {
	const char *name;
	void (*read)(struct guard *, const char *);
} readers[] = {
	{ "Host", read_host },
	{ "Content-Length", read_length },
	{ "Content-Type", read_type },
	{ "Transfer-Encoding", read_coding },
};

/* RFC 9110 section 5.6.2. */
static bool
is_token(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!route_name_byte(p[i]) &&
		    (p[i] == '\0' || strchr("!#$%&'*+^`|~", p[i]) == NULL))
			return false;
	return n > 0;
}

static bool
has_control(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (((unsigned char)p[i] < 0x20 && p[i] != '\t') ||
		    p[i] == 0x7f)
			return true;
	return false;
}

void
guard_header(struct guard *g, const char *name, size_t nname,
    const char *value, size_t nvalue)
{
	g->headers++;
	g->size += nname + strlen(": ") + nvalue + strlen("\r\n");
	if (!is_token(name, nname)) {
		refuse(g, "a name has a byte that names must not have");
		return;
	}
	if (value == NULL)
		value = "";
	if (strlen(value) != nvalue || has_control(value, nvalue)) {
		refuse(g, "a value has a control character");
		return;
	}
	for (size_t i = 0; i < nitems(readers); i++)
		if (strlen(readers[i].name) == nname &&
		    strncasecmp(readers[i].name, name, nname) == 0)
			readers[i].read(g, value);
}

static bool
is_known(const char *method)
{
	for (size_t i = 0; i < nitems(methods); i++)
		if (strcmp(methods[i], method) == 0)
			return true;
	return false;
}

/* What a body must be, by method. */
static enum err
check_body(const struct guard *g, const char *method, uint64_t body_max,
    struct fault *why)
{
	bool takes = method[0] == 'P';

	if (g->length == 0)
		return OK;
	if (!takes)
		return fault_set(why, ERR_SYNTAX, "body: %s has none", method);
	if (g->length > body_max)
		return fault_set(why, ERR_LIMIT, "body: more than %llu bytes",
		    (unsigned long long)body_max);
	if (!g->json)
		return fault_set(why, ERR_SYNTAX, "body: Content-Type must be "
		    "application/json");
	return OK;
}

enum err
guard_finish(struct guard *g, const char *method, const char *target,
    const char *version, size_t size, uint64_t body_max, struct fault *why)
{
	g->size += strlen(method) + strlen(target) + strlen(version) +
	    strlen("  \r\n\r\n");
	if (strcmp(version, "HTTP/1.1") != 0)
		return fault_set(why, ERR_SYNTAX, "request line: HTTP/1.1 is "
		    "spoken here");
	if (!is_known(method))
		return fault_set(why, ERR_METHOD, "request line: no such "
		    "method: %.16s", method);
	if (g->why.code == OK && g->hosts == 0)
		refuse(g, "no Host");
	if (g->why.code == OK && (size > g->size ||
	    size + g->headers < g->size))
		refuse(g, "lines must be \"Name: value\" and CRLF, with no NUL "
		    "and no folding");
	if (g->why.code != OK) {
		if (why != NULL)
			*why = g->why;
		return why != NULL ? why->code : g->why.code;
	}
	return check_body(g, method, body_max, why);
}
