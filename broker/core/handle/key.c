#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../base/b64.h"
#include "../../base/mem.h"
#include "../../../policy/tenant.h"
#include "handle.h"
#include "../key/keys.h"

#define GRACE_MAX 315360000 /* seconds from retire to destroy: ten years */
#define PEM_LINE  48	    /* bytes that become one line of 64 characters */

static const struct {
	const char *name;
	uint32_t bit;
} attributes[] = {
	{ "sensitive", KEY_SENSITIVE },
	{ "alwaysSensitive", KEY_ALWAYS_SENSITIVE },
	{ "extractable", KEY_EXTRACTABLE },
	{ "neverExtractable", KEY_NEVER_EXTRACTABLE },
	{ "local", KEY_LOCAL },
	{ "modifiable", KEY_MODIFIABLE },
	{ "private", KEY_PRIVATE },
	{ "token", KEY_TOKEN },
};

static void
put_pem(struct json_writer *w, const unsigned char *spki, size_t n)
{
	unsigned char line[PEM_LINE / 3 * 4 + 1];
	struct buf pem;

	buf_init(&pem, 4 * SPKI_MAX);
	buf_puts(&pem, "-----BEGIN PUBLIC KEY-----\n");
	for (size_t i = 0; i < n; i += PEM_LINE) {
		EVP_EncodeBlock(line, spki + i,
		    n - i < PEM_LINE ? (int)(n - i) : PEM_LINE);
		buf_putf(&pem, "%s\n", line);
	}
	buf_puts(&pem, "-----END PUBLIC KEY-----\n");
	json_put_string(w, "publicKey", buf_str(&pem));
	buf_free(&pem);
}

static void
put_public(struct json_writer *w, const struct key_row *k)
{
	char hex[2 * SHA256_SIZE + 1];
	char *uri = keys_uri(core.keys, k->name);

	put_some(w, "uri", uri);
	free(uri);
	hex_encode(hex, k->pin, sizeof(k->pin));
	json_put_string(w, "spkiSha256", hex);
	put_pem(w, k->spki, k->spkilen);
}

static void
put_attributes(struct json_writer *w, uint32_t bits)
{
	json_open_object(w, "attributes");
	for (size_t i = 0; i < nitems(attributes); i++)
		json_put_bool(w, attributes[i].name,
		    (bits & attributes[i].bit) != 0);
	json_close_object(w);
}

void
put_key(struct json_writer *w, const struct key_row *k)
{
	json_open_object(w, NULL);
	json_put_string(w, "name", k->name);
	json_put_string(w, "token", k->token);
	json_put_string(w, "purpose", purpose_name(k->purpose));
	json_put_string(w, "type", key_type_name(k->type));
	json_put_string(w, "state", key_state_name(k->state));
	if (k->spkilen != 0)
		put_public(w, k);
	put_time(w, "created", k->created);
	put_time(w, "retired", k->retired);
	put_time(w, "destroyAfter", k->destroy_after);
	json_put_bool(w, "foreign", k->foreign);
	json_put_string(w, "verify", k->sample ? "sample" : "always");
	if (k->spkilen != 0)
		put_attributes(w, k->attributes);
	json_close_object(w);
}

static bool
see_key(const struct key_row *k, void *arg)
{
	struct listing *l = arg;

	l->facts.key = k->name;
	if (listing_shows(l, k->name))
		put_key(&l->w, k);
	return listing_goes_on(l);
}

enum err
handle_keys_list(struct request *rq, struct reply *rp, struct fault *why)
{
	struct listing l;
	enum err err;

	err = page_check(rq, why);
	if (err == OK)
		err = listing_start(&l, rq, rp, OP_KEY_READ, why);
	if (err != OK)
		return err;
	err = store_keys(core.store, l.after, LIST_SCAN, see_key, &l, why);
	return listing_end(&l, err);
}

static enum err
reply_key(struct reply *rp, const char *name, struct fault *why)
{
	struct json_writer w;
	struct key_row k;
	enum err err;

	err = store_key_get(core.store, name, &k, why);
	if (err != OK)
		return err;
	json_write_start(&w, &rp->body);
	put_key(&w, &k);
	return reply_done(rp, why);
}

static enum err
allowed(struct request *rq, enum operation op, const char *key,
    struct fault *why)
{
	struct decision d;
	struct facts facts;

	facts_from(&facts, rq, op);
	facts.key = key;
	return authorize(&facts, rq->peer->pid, &d, why);
}

enum err
handle_key_get(struct request *rq, struct reply *rp, struct fault *why)
{
	enum err err = allowed(rq, OP_KEY_READ, rq->params[0], why);

	return err == OK ? reply_key(rp, rq->params[0], why) : err;
}

/* What a client asks for when it wants a key. */
struct wish {
	const char *name, *token;
	enum key_type type;
	enum key_purpose purpose;
	enum verify_mode verify;
};

/* Names that the broker gives to keys of its own: who had one first would
 * decide what becomes of an account or an order. */
static bool
is_reserved(const char *name)
{
	const char *hyphen = strrchr(name, '-');

	return strcmp(name, "audit") == 0 ||
	    strncmp(name, "account-", strlen("account-")) == 0 ||
	    (hyphen != NULL && hyphen[1] != '\0' &&
		strspn(hyphen + 1, "0123456789") == strlen(hyphen + 1));
}

static enum err
read_wish(const struct json *body, struct wish *wish, struct fault *why)
{
	const char *type = NULL, *purpose = NULL, *verify = "always";
	const struct json_member rows[] = {
		{ "name", JSON_STRING, true, &wish->name },
		{ "token", JSON_STRING, true, &wish->token },
		{ "type", JSON_STRING, true, &type },
		{ "purpose", JSON_STRING, true, &purpose },
		{ "verify", JSON_STRING, false, &verify },
	};
	enum err err;

	err = json_read(body, rows, nitems(rows), why);
	if (err != OK)
		return err;
	wish->type = key_type_parse(type);
	wish->purpose = purpose_parse(purpose);
	wish->verify = strcmp(verify, "sample") == 0 ? VERIFY_SAMPLE :
	    VERIFY_ALWAYS;
	if (!name_valid(wish->name))
		return fault_set(why, ERR_SYNTAX, "\"name\" is not a name:"
		    " [a-z0-9] then [a-z0-9._-], at most %d", NAME_MAX_LEN);
	if (is_reserved(wish->name))
		return fault_set(why, ERR_SYNTAX, "\"name\": \"audit\", "
		    "\"account-...\" and \"...-1\" are the broker's own");
	if (wish->type == KEY_TYPE__MAX)
		return fault_set(why, ERR_SYNTAX,
		    "\"type\": no key type is named \"%.64s\"", type);
	if (wish->purpose != PURPOSE_ACCOUNT &&
	    wish->purpose != PURPOSE_CERTIFICATE)
		return fault_set(why, ERR_SYNTAX,
		    "\"purpose\" is neither \"account\" nor \"cert\"");
	if (wish->verify == VERIFY_ALWAYS && strcmp(verify, "always") != 0)
		return fault_set(why, ERR_SYNTAX,
		    "\"verify\" is neither \"always\" nor \"sample\"");
	return OK;
}

enum err
handle_key_generate(struct request *rq, struct reply *rp, struct fault *why)
{
	struct wish wish;
	enum err err;

	err = read_wish(rq->body, &wish, why);
	if (err == OK)
		err = allowed(rq, OP_KEY_GENERATE, wish.name, why);
	if (err != OK)
		return err;
	if (config_token(core.config, wish.token) == NULL)
		return fault_set(why, ERR_NOT_FOUND,
		    "there is no token named \"%.64s\"", wish.token);
	err = keys_generate(core.keys, wish.name, wish.token, wish.purpose,
	    wish.type, wish.verify, why);
	if (err != OK)
		return err;
	rp->status = 201;
	snprintf(rp->location, sizeof(rp->location), "/v1/keys/%s",
	    wish.name);
	return reply_key(rp, wish.name, why);
}

/* What needs a key may be another tenant's; user is in the words of
 * store_key_user(). */
static bool
may_know(const struct request *rq, const char *user)
{
	char account[STORE_NAME] = "", certificate[STORE_NAME] = "";
	struct trespass trespass;
	struct facts asker;

	facts_from(&asker, rq, OP_KEY_READ);
	if (sscanf(user, "account \"%71[^\"]", account) == 1)
		asker.account = account;
	if (sscanf(user, "certificate \"%71[^\"]", certificate) == 1)
		asker.certificate = certificate;
	return !tenant_trespasses(core.config, &asker, &trespass);
}

/* Nothing that needs a key loses it, whoever asks. */
static enum err
unused(const struct request *rq, const char *name, struct fault *why)
{
	char user[STORE_TEXT];
	struct key_row k;
	enum err err;

	err = store_key_get(core.store, name, &k, why);
	if (err != OK)
		return err;
	if (k.purpose == PURPOSE_AUDIT)
		return fault_set(why, ERR_CONFLICT,
		    "key \"%s\" signs the audit log", name);
	err = store_key_user(core.store, name, user, why);
	if (err == OK)
		return fault_set(why, ERR_CONFLICT,
		    "key \"%s\" is in use by %.400s", name,
		    may_know(rq, user) ? user : "something");
	return err == ERR_NOT_FOUND ? OK : err;
}

enum err
handle_key_retire(struct request *rq, struct reply *rp, struct fault *why)
{
	int64_t grace = core.config->key_grace;
	const struct json_member rows[] = {
		{ "grace", JSON_INT, false, &grace },
	};
	enum err err;

	err = json_read(rq->body, rows, nitems(rows), why);
	if (err != OK)
		return err;
	if (grace < 0 || grace > GRACE_MAX)
		return fault_set(why, ERR_SYNTAX,
		    "\"grace\" is not from 0 to %d seconds", GRACE_MAX);
	err = allowed(rq, OP_KEY_RETIRE, rq->params[0], why);
	if (err == OK)
		err = unused(rq, rq->params[0], why);
	if (err == OK)
		err = keys_retire(core.keys, rq->params[0], grace, why);
	return err == OK ? reply_key(rp, rq->params[0], why) : err;
}

enum err
handle_key_destroy(struct request *rq, struct reply *rp, struct fault *why)
{
	enum err err;

	err = allowed(rq, OP_KEY_DESTROY, rq->params[0], why);
	if (err == OK)
		err = unused(rq, rq->params[0], why);
	if (err == OK)
		err = keys_destroy(core.keys, rq->params[0], why);
	return err == OK ? reply_key(rp, rq->params[0], why) : err;
}
