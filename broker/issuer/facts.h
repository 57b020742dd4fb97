/*
 * From a CA's object to the facts that the core gets.  Each kind of object is
 * a table of its members; what is not in the table is ignored, what is in it
 * is checked, and JSON null counts as absent.
 */
#ifndef ISSUER_FACTS_H
#define ISSUER_FACTS_H

#include <stdbool.h>
#include <stddef.h>

#include "../../api/json.h"
#include "../base/err.h"
#include "../base/url.h"

#define TEXT_MAX 1000 /* bytes kept of a text for people */
#define WORD_MAX 255  /* bytes of a word: a status, a type, a name */

#define ORDER_AUTHORIZATIONS 100 /* also identifiers */

/* Checks a member's value and writes it under the same name. */
typedef enum err fact_reader(struct json_writer *w, const char *name,
    const struct json *v, struct fault *why);

struct fact {
	const char *name;
	fact_reader *read;
	bool required;
};

fact_reader fact_word;	      /* 1..WORD_MAX printable ASCII bytes */
fact_reader fact_text;	      /* made printable and cut to TEXT_MAX */
fact_reader fact_bool;
fact_reader fact_time;	      /* RFC 3339, becomes seconds */
fact_reader fact_url;	      /* url_valid() */
fact_reader fact_urls;	      /* array of those */
fact_reader fact_token;	      /* of a challenge, RFC 8555 section 8.1 */
fact_reader fact_identifier;  /* {"type","value"} */
fact_reader fact_identifiers; /* array of those */

/* Writes the members into the open object of w.  ERR_SYNTAX, ERR_LIMIT. */
enum err facts_read(struct json_writer *w, const struct json *object,
    const struct fact *rows, size_t n, struct fault *why);

/* Writes an array of at most max items, each through read with a NULL name. */
enum err facts_array(struct json_writer *w, const char *name,
    const struct json *v, size_t max, fact_reader *read, struct fault *why);

/* True for 1 to 256 characters of the base64url alphabet. */
bool token_ok(const char *token);

/*
 * Writes a stranger's text: control characters become '?', and it is cut to
 * at most max bytes between two characters.
 */
void facts_put_text(struct json_writer *w, const char *name, const char *text,
    size_t max);

#endif
