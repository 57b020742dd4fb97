/*
 * Whatever a CA keeps at a URL: its kind is told by members that only objects
 * of that kind have (RFC 8555 section 7.1).
 */
#include "../base/mem.h"
#include "answer.h"

static bool
has_array(const struct json *answer, const char *name)
{
	return json_is_array(json_get(answer, name));
}

static bool
is_order(const struct json *answer)
{
	return has_array(answer, "identifiers");
}

static bool
is_authorization(const struct json *answer)
{
	return json_is_object(json_get(answer, "identifier"));
}

static bool
is_challenge(const struct json *answer)
{
	return json_is_string(json_get(answer, "type")) &&
	    json_is_string(json_get(answer, "url")) &&
	    json_is_string(json_get(answer, "status"));
}

static const struct {
	const char *kind;
	bool (*is)(const struct json *);
	answer_reader *read;
} kinds[] = {
	{ "order", is_order, answer_order },
	{ "authorization", is_authorization, answer_authorization },
	{ "challenge", is_challenge, answer_challenge },
};

enum err
answer_look(struct json_writer *w, const struct json *answer,
    struct fault *why)
{
	for (size_t i = 0; i < nitems(kinds); i++)
		if (kinds[i].is(answer)) {
			json_put_string(w, "kind", kinds[i].kind);
			return kinds[i].read(w, answer, why);
		}
	json_put_string(w, "kind", "other");
	return OK;
}
