#include "act.h"

#include <string.h>

#include "../../base/log.h"
#include "../../base/mem.h"
#include "member.h"

#define MEMBERS_MAX 5 /* of one act */

static const struct {
	const char *name, *text;
} places[] = {
#define X(id, name, text) [PLACE_##id] = { name, text },
	PLACES(X)
#undef X
};

const char *
place_name(enum place place)
{
	return (unsigned)place < PLACE__MAX ? places[place].name : "nowhere";
}

const char *
place_text(enum place place)
{
	return (unsigned)place < PLACE__MAX ? places[place].text : "nowhere";
}

/* How a payload looks from afar. */
enum shape { SHAPE_ANY, SHAPE_NONE, SHAPE_EMPTY, SHAPE_WITH };

struct part {
	enum member member;
	bool required;
	enum operation extra; /* a right of its own; OP__MAX: none */
};

struct act_row {
	uint32_t at; /* set of places */
	enum shape shape;
	const char *mark; /* SHAPE_WITH: a member of that name */
	const char *never; /* not NULL: why it is not signed */
	enum act act;
	const char *name;
	enum operation operation;
	bool jwk;
	struct part parts[MEMBERS_MAX];
	size_t nparts;
};

#define AT(place)  (UINT32_C(1) << PLACE_##place)
#define ANYWHERE   UINT32_MAX
#define NEED(m)	   { MEMBER_##m, true, OP__MAX }
#define MAY(m)	   { MEMBER_##m, false, OP__MAX }
#define MAY_BY(m, op) { MEMBER_##m, false, OP_##op }
#define PARTS(...)                                                            \
	.parts = { __VA_ARGS__ },                                             \
	.nparts = sizeof((struct part[]){ __VA_ARGS__ }) / sizeof(struct part)

#define NEVER(where, how, which, why)                                         \
	.at = where, .shape = SHAPE_##how, .mark = which, .never = why
#define WHEN(where, how, which)                                               \
	.at = where, .shape = SHAPE_##how, .mark = which
#define IS(which, words, op)                                                  \
	.act = ACT_##which, .name = words, .operation = OP_##op

/*
 * The first row that fits is the act.  At a URL that is not known the act is
 * only what the client says that it is; it is signed when the URL turns out
 * to be of that kind.
 */
static const struct act_row rows[] = {
	{ NEVER(AT(KEY_CHANGE), ANY, NULL,
	    "an account's key is never changed for a client") },
	{ NEVER(ANYWHERE, WITH, "protected",
	    "a JWS within a JWS, as for keyChange, is never signed") },
	{ NEVER(ANYWHERE, WITH, "signature",
	    "a JWS within a JWS, as for keyChange, is never signed") },
	{ NEVER(ANYWHERE, WITH, "oldKey",
	    "an account's key is never changed for a client") },
	{ NEVER(AT(NEW_NONCE) | AT(RENEWAL_INFO) | AT(DIRECTORY), ANY, NULL,
	    "it is read without a signature") },
	{ WHEN(AT(ACCOUNT) | AT(ORDER) | AT(AUTHORIZATION) | AT(CHALLENGE) |
	    AT(CERTIFICATE) | AT(UNKNOWN), NONE, NULL),
	    IS(READ, "read", ACME_READ) },
	{ WHEN(AT(NEW_ACCOUNT), WITH, "onlyReturnExisting"),
	    IS(FIND, "find-account", ACME_FIND), .jwk = true,
	    PARTS(NEED(ONLY_EXISTING)) },
	{ NEVER(AT(NEW_ACCOUNT), ANY, NULL, "accounts are made by the broker "
	    "itself: nothing is signed but {\"onlyReturnExisting\":true}") },
	{ WHEN(AT(NEW_ORDER), WITH, "identifiers"),
	    IS(ORDER, "new-order", ACME_ORDER),
	    PARTS(NEED(IDENTIFIERS), MAY_BY(NOT_BEFORE, ACME_VALIDITY),
		MAY_BY(NOT_AFTER, ACME_VALIDITY), MAY(PROFILE),
		MAY_BY(REPLACES, ACME_REPLACE)) },
	{ WHEN(AT(NEW_AUTHZ), WITH, "identifier"),
	    IS(AUTHORIZE, "new-authorization", ACME_AUTHORIZE),
	    PARTS(NEED(IDENTIFIER)) },
	{ WHEN(AT(CHALLENGE) | AT(UNKNOWN), EMPTY, NULL),
	    IS(ANSWER, "answer-challenge", ACME_ANSWER) },
	{ NEVER(AT(ACCOUNT), WITH, "status",
	    "an account is never deactivated for a client") },
	{ WHEN(AT(AUTHORIZATION) | AT(UNKNOWN), WITH, "status"),
	    IS(DEACTIVATE, "deactivate-authorization", ACME_DEACTIVATE),
	    PARTS(NEED(STATUS)) },
	{ WHEN(AT(FINALIZE) | AT(UNKNOWN), WITH, "csr"),
	    IS(FINALIZE, "finalize", ACME_FINALIZE), PARTS(NEED(CSR)) },
	{ WHEN(AT(REVOKE_CERT), WITH, "certificate"),
	    IS(REVOKE, "revoke", ACME_REVOKE),
	    PARTS(NEED(CERTIFICATE), MAY(REASON)) },
	{ WHEN(AT(ACCOUNT), WITH, "contact"),
	    IS(UPDATE, "update-account", ACME_UPDATE), PARTS(NEED(CONTACT)) },
};

static bool
fits(const struct act_row *row, enum place place, const struct json *payload)
{
	if ((row->at & (UINT32_C(1) << place)) == 0)
		return false;
	switch (row->shape) {
	case SHAPE_ANY:
		return true;
	case SHAPE_NONE:
		return payload == NULL;
	case SHAPE_EMPTY:
		return payload != NULL && json_count(payload) == 0;
	case SHAPE_WITH:
		return json_get(payload, row->mark) != NULL;
	}
	return false;
}

static const struct act_row *
find(enum place place, const struct json *payload)
{
	for (size_t i = 0; i < nitems(rows); i++)
		if (fits(&rows[i], place, payload))
			return &rows[i];
	return NULL;
}

static const struct part *
part_named(const struct act_row *row, const char *name)
{
	for (size_t i = 0; i < row->nparts; i++)
		if (strcmp(members[row->parts[i].member].name, name) == 0)
			return &row->parts[i];
	return NULL;
}

static void
need(struct understood *u, enum operation op)
{
	for (size_t i = 0; i < u->nextra; i++)
		if (u->extra[i] == op)
			return;
	if (u->nextra == nitems(u->extra))
		fatal("an act of more rights than there is room for");
	u->extra[u->nextra++] = op;
}

static enum err
read_member(struct understood *u, const struct act_row *row,
    const struct json *v, struct fault *why)
{
	const struct part *part = part_named(row, json_name(v));

	if (part == NULL)
		return fault_set(why, ERR_DENIED, "\"payload\": the member "
		    "\"%.64s\" is not signed with %s", json_name(v),
		    row->name);
	u->has[part->member] = true;
	if (part->extra != OP__MAX)
		need(u, part->extra);
	return members[part->member].read(u, v, why);
}

static enum err
read_payload(struct understood *u, const struct act_row *row,
    const struct json *payload, struct fault *why)
{
	enum err e = OK;

	for (const struct json *v = json_first(payload); e == OK && v != NULL;
	    v = json_next(v))
		e = read_member(u, row, v, why);
	for (size_t i = 0; e == OK && i < row->nparts; i++)
		if (row->parts[i].required && !u->has[row->parts[i].member])
			e = fault_set(why, ERR_SYNTAX, "\"payload\": %s needs "
			    "the member \"%s\"", row->name,
			    members[row->parts[i].member].name);
	return e;
}

enum err
act_read(struct understood *u, enum place place, const struct json *payload,
    struct fault *why)
{
	const struct act_row *row;

	*u = (struct understood){ .act = ACT__MAX, .payload = payload != NULL };
	if (payload != NULL && !json_is_object(payload))
		return fault_set(why, ERR_SYNTAX, "\"payload\" is not an "
		    "object; for POST-as-GET leave it out");
	row = find(place, payload);
	if (row == NULL)
		return fault_set(why, ERR_DENIED, "no act of a client has %s "
		    "payload at %s", payload == NULL ? "no" :
		    json_count(payload) == 0 ? "an empty" : "such a",
		    place_text(place));
	if (row->never != NULL)
		return fault_set(why, ERR_DENIED, "%s: %s", place_text(place),
		    row->never);
	u->act = row->act;
	u->name = row->name;
	u->operation = row->operation;
	u->jwk = row->jwk;
	return read_payload(u, row, payload, why);
}

void
act_free(struct understood *u)
{
	identifiers_free(&u->ids);
	proof_free(&u->proof);
}

const struct identifiers *
act_identifiers(const struct understood *u)
{
	return u->proof.der != NULL ? &u->proof.ids : &u->ids;
}

void
act_write(const struct understood *u, struct buf *out)
{
	struct json_writer w;

	if (!u->payload)
		return;
	json_write_start(&w, out);
	json_open_object(&w, NULL);
	for (enum member m = 0; m < MEMBER__MAX; m++)
		if (u->has[m])
			members[m].write(u, &w, members[m].name);
	json_close_object(&w);
}

void
act_tell(const struct understood *u, struct json_writer *w)
{
	if (!u->payload)
		return;
	json_open_object(w, "payload");
	for (enum member m = 0; m < MEMBER__MAX; m++)
		if (u->has[m])
			(members[m].tell != NULL ? members[m].tell :
			    members[m].write)(u, w, members[m].name);
	json_close_object(w);
}
