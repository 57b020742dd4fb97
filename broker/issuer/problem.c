#include "problem.h"

#include <stdio.h>
#include <string.h>

#include "../base/mem.h"

#define BAD_NONCE "urn:ietf:params:acme:error:badNonce"

/* Writes a member that should be a string; another one is not there. */
static void
put_string(struct json_writer *w, const struct json *object, const char *name)
{
	const char *s = json_get_string(object, name);

	if (s != NULL && s[0] != '\0')
		facts_put_text(w, name, s, TEXT_MAX);
}

/* Whose problem it is, as the value alone: "example.org". */
static void
put_identifier(struct json_writer *w, const struct json *identifier)
{
	const char *value = json_get_string(identifier, "value");

	if (value != NULL)
		facts_put_text(w, "identifier", value, TEXT_MAX);
}

static void
put_subproblems(struct json_writer *w, const struct json *list)
{
	const struct json *v = json_first(list);

	if (!json_is_array(list) || v == NULL)
		return;
	json_open_array(w, "subproblems");
	for (unsigned i = 0; v != NULL && i < PROBLEM_SUBPROBLEMS;
	    v = json_next(v), i++) {
		json_open_object(w, NULL);
		put_string(w, v, "type");
		put_string(w, v, "detail");
		put_identifier(w, json_get(v, "identifier"));
		json_close_object(w);
	}
	json_close_array(w);
}

/* The members of a problem; status 0: only if the document tells one. */
static void
put_problem(struct json_writer *w, const struct json *v, unsigned status)
{
	int64_t told = 0;

	if (json_is_string(v)) {
		facts_put_text(w, "detail", json_string(v), TEXT_MAX);
	} else {
		put_string(w, v, "type");
		put_string(w, v, "detail");
	}
	if (json_get_int(v, "status", &told) && told >= 100 && told <= 599)
		status = (unsigned)told;
	if (status != 0)
		json_put_int(w, "status", status);
	put_string(w, v, "instance");
	put_subproblems(w, json_get(v, "subproblems"));
}

enum err
fact_problem(struct json_writer *w, const char *name, const struct json *v,
    struct fault *why)
{
	(void)why;
	json_open_object(w, name);
	put_problem(w, v, 0);
	json_close_object(w);
	return OK;
}

/* Of bytes that are no problem document: the printable ones, with one space
 * for each run of the others. */
static void
put_raw(struct json_writer *w, unsigned status, const char *body, size_t n)
{
	char text[PROBLEM_RAW_MAX + 1];
	size_t len = 0;

	for (size_t i = 0; i < n && len < PROBLEM_RAW_MAX; i++)
		if (body[i] > 0x20 && body[i] < 0x7f)
			text[len++] = body[i];
		else if (len > 0 && text[len - 1] != ' ')
			text[len++] = ' ';
	while (len > 0 && text[len - 1] == ' ')
		len--;
	text[len] = '\0';
	if (len == 0)
		snprintf(text, sizeof(text), "the CA gave no reason but HTTP "
		    "status %u", status);
	json_put_string(w, "detail", text);
	json_put_int(w, "status", status);
}

/* A proxy that does not tell what it sends gets the benefit of the doubt. */
static bool
may_be_json(const char *media_type)
{
	static const char *const types[] = { "", "application/problem+json",
		"application/json", "text/json" };

	for (size_t i = 0; i < nitems(types); i++)
		if (strcmp(media_type, types[i]) == 0)
			return true;
	return false;
}

bool
ca_problem(struct json_writer *w, unsigned status, const char *media_type,
    const char *body, size_t n)
{
	struct json *v = NULL;
	const char *type;
	bool bad_nonce;

	if (n != 0 && may_be_json(media_type))
		v = json_parse(body, n, NULL);
	type = json_get_string(v, "type");
	bad_nonce = status == 400 && type != NULL &&
	    strcmp(type, BAD_NONCE) == 0;
	json_open_object(w, NULL);
	if (json_is_object(v) || json_is_string(v))
		put_problem(w, v, status);
	else
		put_raw(w, status, body, n);
	json_close_object(w);
	json_free(v);
	return bad_nonce;
}
