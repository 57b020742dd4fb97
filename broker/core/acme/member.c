#include "member.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../../policy/config.h"
#include "../../../policy/text.h"
#include "../../base/b64.h"
#include "../../base/mem.h"

#define CERT_ID_PARTS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" \
	"0123456789-_"

static enum err
wrong(struct fault *why, const char *member, const char *what)
{
	return fault_set(why, ERR_SYNTAX, "\"payload\": \"%s\" is not %s",
	    member, what);
}

/* ------------------------------------------------------------- identifiers */

static enum err
read_one(struct understood *u, const struct json *v, bool wildcard,
    struct fault *why)
{
	const char *type = NULL, *value = NULL;
	const struct json_member rows[] = {
		{ "type", JSON_STRING, true, &type },
		{ "value", JSON_STRING, true, &value },
	};
	enum err e;

	if (!json_is_object(v))
		return wrong(why, "identifiers", "an array of objects");
	e = json_read(v, rows, nitems(rows), why);
	return e == OK ? identifiers_add(&u->ids, type, value, strlen(value),
	    wildcard, why) : e;
}

static enum err
read_identifiers(struct understood *u, const struct json *v,
    struct fault *why)
{
	enum err e = OK;

	if (!json_is_array(v))
		return wrong(why, "identifiers", "an array");
	for (v = json_first(v); e == OK && v != NULL; v = json_next(v))
		e = read_one(u, v, true, why);
	return e == OK ? identifiers_end(&u->ids, why) : e;
}

/* No wildcards here, RFC 8555 section 7.4.1. */
static enum err
read_identifier(struct understood *u, const struct json *v, struct fault *why)
{
	enum err e = read_one(u, v, false, why);

	return e == OK ? identifiers_end(&u->ids, why) : e;
}

static void
write_one(const struct identifier *id, struct json_writer *w,
    const char *name)
{
	json_open_object(w, name);
	json_put_string(w, "type", id->ip ? "ip" : "dns");
	json_put_string(w, "value", id->value);
	json_close_object(w);
}

static void
write_identifiers(const struct understood *u, struct json_writer *w,
    const char *name)
{
	json_open_array(w, name);
	for (size_t i = 0; i < u->ids.n; i++)
		write_one(&u->ids.v[i], w, NULL);
	json_close_array(w);
}

static void
write_identifier(const struct understood *u, struct json_writer *w,
    const char *name)
{
	write_one(&u->ids.v[0], w, name);
}

/* ------------------------------------------------------------------ words */

static enum err
read_only_existing(struct understood *u, const struct json *v,
    struct fault *why)
{
	bool only = false;

	(void)u;
	return json_bool(v, &only) && only ? OK : fault_set(why, ERR_DENIED,
	    "accounts are made by the broker itself: nothing is signed but "
	    "{\"onlyReturnExisting\":true}");
}

static void
write_only_existing(const struct understood *u, struct json_writer *w,
    const char *name)
{
	(void)u;
	json_put_bool(w, name, true);
}

/* RFC 3339 in the one form that means a second and is what we would write. */
static enum err
read_time(const char **out, const char *member, const struct json *v,
    struct fault *why)
{
	const char *s = json_string(v), *end;
	char again[sizeof("2026-11-23T14:30:02Z")];
	struct tm tm = { .tm_isdst = 0 };
	time_t t;

	*out = s;
	end = s != NULL ? strptime(s, "%Y-%m-%dT%H:%M:%SZ", &tm) : NULL;
	if (end == NULL || *end != '\0')
		return wrong(why, member, "a time such as "
		    "2026-11-23T14:30:02Z");
	t = timegm(&tm);
	if (gmtime_r(&t, &tm) == NULL ||
	    strftime(again, sizeof(again), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0 ||
	    strcmp(again, s) != 0)
		return wrong(why, member, "a time that there is");
	return OK;
}

static enum err
read_not_before(struct understood *u, const struct json *v, struct fault *why)
{
	return read_time(&u->not_before, "notBefore", v, why);
}

static enum err
read_not_after(struct understood *u, const struct json *v, struct fault *why)
{
	return read_time(&u->not_after, "notAfter", v, why);
}

static void
write_not_before(const struct understood *u, struct json_writer *w,
    const char *name)
{
	json_put_string(w, name, u->not_before);
}

static void
write_not_after(const struct understood *u, struct json_writer *w,
    const char *name)
{
	json_put_string(w, name, u->not_after);
}

/* As rules can list it. */
static enum err
read_profile(struct understood *u, const struct json *v, struct fault *why)
{
	u->profile = json_string(v);
	return u->profile != NULL && name_valid(u->profile) ? OK :
	    wrong(why, "profile", "a name: a-z, 0-9, then also . _ -");
}

static void
write_profile(const struct understood *u, struct json_writer *w,
    const char *name)
{
	json_put_string(w, name, u->profile);
}

/* RFC 9773 section 4.1: two parts of base64url with a dot between. */
static enum err
read_replaces(struct understood *u, const struct json *v, struct fault *why)
{
	const char *s = json_string(v);
	size_t n = s != NULL ? strspn(s, CERT_ID_PARTS) : 0, m = 0;

	u->replaces = s;
	if (n > 0 && s[n] == '.')
		m = strspn(s + n + 1, CERT_ID_PARTS);
	return m > 0 && s[n + 1 + m] == '\0' && n + m + 2 <= CERT_ID_MAX ? OK :
	    wrong(why, "replaces", "the name of a certificate");
}

static void
write_replaces(const struct understood *u, struct json_writer *w,
    const char *name)
{
	json_put_string(w, name, u->replaces);
}

static enum err
read_status(struct understood *u, const struct json *v, struct fault *why)
{
	const char *s = json_string(v);

	(void)u;
	return s != NULL && strcmp(s, "deactivated") == 0 ? OK :
	    wrong(why, "status", "\"deactivated\"");
}

static void
write_status(const struct understood *u, struct json_writer *w,
    const char *name)
{
	(void)u;
	json_put_string(w, name, "deactivated");
}

/* --------------------------------------------------------- CSR, certificate */

static enum err
read_csr(struct understood *u, const struct json *v, struct fault *why)
{
	if (!json_is_string(v))
		return wrong(why, "csr", "a string");
	return proof_csr(&u->proof, json_string(v), why);
}

static enum err
read_certificate(struct understood *u, const struct json *v,
    struct fault *why)
{
	if (!json_is_string(v))
		return wrong(why, "certificate", "a string");
	return proof_certificate(&u->proof, json_string(v), why);
}

static void
write_der(const struct understood *u, struct json_writer *w, const char *name)
{
	char *text = b64_encode(u->proof.der, u->proof.n);

	json_put_string(w, name, text);
	free(text);
}

static void
tell_digest(struct json_writer *w, const char *name,
    const unsigned char digest[static SHA256_SIZE])
{
	char hex[2 * SHA256_SIZE + 1];

	hex_encode(hex, digest, SHA256_SIZE);
	json_put_string(w, name, hex);
}

static void
tell_strings(struct json_writer *w, const char *name, const char *const *v,
    size_t n)
{
	if (n == 0)
		return;
	json_open_array(w, name);
	for (size_t i = 0; i < n; i++)
		json_put_string(w, NULL, v[i]);
	json_close_array(w);
}

static void
tell_der(const struct understood *u, struct json_writer *w, const char *name)
{
	const struct proof *p = &u->proof;
	unsigned char digest[SHA256_SIZE];

	sha256(digest, p->der, p->n);
	json_open_object(w, name);
	tell_digest(w, "sha256", digest);
	tell_digest(w, "keySha256", p->spki_sha256);
	tell_strings(w, "names", p->ids.names, p->ids.nnames);
	tell_strings(w, "ips", p->ids.ips, p->ids.nips);
	tell_strings(w, "extensions", p->extensions, p->nextensions);
	if (p->serial[0] != '\0')
		json_put_string(w, "serial", p->serial);
	json_close_object(w);
}

/* Those of RFC 5280 section 5.3.1 that are for who has the certificate. */
static enum err
read_reason(struct understood *u, const struct json *v, struct fault *why)
{
	static const int64_t reasons[] = { 0, 1, 3, 4, 5, 9 };

	for (size_t i = 0; json_int(v, &u->reason) && i < nitems(reasons); i++)
		if (u->reason == reasons[i])
			return OK;
	return wrong(why, "reason", "0, 1, 3, 4, 5 or 9");
}

static void
write_reason(const struct understood *u, struct json_writer *w,
    const char *name)
{
	json_put_int(w, name, u->reason);
}

/* ---------------------------------------------------------------- contacts */

static enum err
read_contact(struct understood *u, const struct json *v, struct fault *why)
{
	const char *s;

	if (!json_is_array(v))
		return wrong(why, "contact", "an array");
	for (v = json_first(v); v != NULL; v = json_next(v)) {
		s = json_string(v);
		if (u->ncontacts == CONTACTS_MAX)
			return fault_set(why, ERR_LIMIT, "\"contact\" has "
			    "more than %d contacts", CONTACTS_MAX);
		if (s == NULL || check_contact(s) != NULL)
			return wrong(why, "contact", "an array of mailto: "
			    "with one address each");
		u->contacts[u->ncontacts++] = s;
	}
	return OK;
}

static void
write_contact(const struct understood *u, struct json_writer *w,
    const char *name)
{
	json_open_array(w, name);
	for (size_t i = 0; i < u->ncontacts; i++)
		json_put_string(w, NULL, u->contacts[i]);
	json_close_array(w);
}

const struct member_row members[MEMBER__MAX] = {
	[MEMBER_ONLY_EXISTING] = { "onlyReturnExisting", read_only_existing,
	    write_only_existing, NULL },
	[MEMBER_IDENTIFIERS] = { "identifiers", read_identifiers,
	    write_identifiers, NULL },
	[MEMBER_IDENTIFIER] = { "identifier", read_identifier,
	    write_identifier, NULL },
	[MEMBER_NOT_BEFORE] = { "notBefore", read_not_before,
	    write_not_before, NULL },
	[MEMBER_NOT_AFTER] = { "notAfter", read_not_after, write_not_after,
	    NULL },
	[MEMBER_PROFILE] = { "profile", read_profile, write_profile, NULL },
	[MEMBER_REPLACES] = { "replaces", read_replaces, write_replaces,
	    NULL },
	[MEMBER_CSR] = { "csr", read_csr, write_der, tell_der },
	[MEMBER_CERTIFICATE] = { "certificate", read_certificate, write_der,
	    tell_der },
	[MEMBER_REASON] = { "reason", read_reason, write_reason, NULL },
	[MEMBER_STATUS] = { "status", read_status, write_status, NULL },
	[MEMBER_CONTACT] = { "contact", read_contact, write_contact, NULL },
};
