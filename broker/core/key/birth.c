/* How keys come to be known: made in a token, or found there. */
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "../../base/clock.h"
#include "book.h"
#include "token.h"

/* One thread makes a key of a name; a second one is told so. */
static enum err
begin_making(struct keys *k, const char *name, unsigned *place,
    struct fault *why)
{
	enum err e = OK;

	*place = BUSY_MAX;
	pthread_mutex_lock(&k->lock);
	for (unsigned i = 0; i < BUSY_MAX; i++) {
		if (k->busy[i][0] == '\0')
			*place = i;
		else if (strcmp(k->busy[i], name) == 0)
			e = ERR_BUSY;
	}
	if (e == OK && *place == BUSY_MAX)
		e = ERR_BUSY;
	if (e == OK)
		snprintf(k->busy[*place], STORE_NAME, "%s", name);
	pthread_mutex_unlock(&k->lock);
	return e == OK ? OK : fault_set(why, e, "key \"%s\" is being made, or "
	    "%d others are", name, BUSY_MAX);
}

static void
end_making(struct keys *k, unsigned place)
{
	pthread_mutex_lock(&k->lock);
	k->busy[place][0] = '\0';
	pthread_mutex_unlock(&k->lock);
}

/* Finds or makes the row of a key to be made; found tells that an attempt
 * before may have left a key in the token. */
static enum err
announce(struct keys *k, const struct key_row *wish, bool *found,
    struct fault *why)
{
	struct key_row row;
	enum err e = store_key_get(k->store, wish->name, &row, why);

	*found = e == OK;
	if (e == ERR_NOT_FOUND)
		return store_key_put(k->store, wish, why);
	if (e != OK)
		return e;
	if (row.state != KEY_GENERATING)
		return fault_set(why, ERR_CONFLICT,
		    "the name \"%s\" is taken by a key that is %s",
		    row.name, key_state_name(row.state));
	if (strcmp(row.token, wish->token) != 0 || row.type != wish->type ||
	    row.purpose != wish->purpose)
		return fault_set(why, ERR_CONFLICT, "key \"%s\" was begun with "
		    "another token, type or purpose", row.name);
	return OK;
}

/* Takes what the token says about a key into its row. */
static enum err
fill_row(struct key_row *row, const struct lane_key *key, struct fault *why)
{
	EVP_PKEY *public = spki_read(key->spki, key->spkilen, why);

	if (public == NULL)
		return ERR_KEY;
	row->type = spki_type(public);
	EVP_PKEY_free(public);
	row->idlen = key->idlen;
	memcpy(row->id, key->id, key->idlen);
	row->spkilen = key->spkilen;
	memcpy(row->spki, key->spki, key->spkilen);
	sha256(row->pin, key->spki, key->spkilen);
	row->attributes = key->attributes;
	row->created = clock_now();
	row->state = KEY_ACTIVE;
	return OK;
}

static enum err
generate(struct keys *k, struct key_row *row, struct fault *why)
{
	enum key_type wanted = row->type;
	struct lane_key key = { .idlen = 0 };
	bool found;
	enum err e;

	e = announce(k, row, &found, why);
	if (e == OK)
		e = token_generate(k->lanes, row, found, &key, why);
	if (e == OK)
		e = fill_row(row, &key, why);
	if (e == OK && (row->type != wanted || key.purpose != row->purpose))
		e = fault_set(why, ERR_KEY, "token \"%s\" made a key of "
		    "another type or purpose", row->token);
	if (e == OK)
		e = store_key_put(k->store, row, why);
	if (e == OK)
		cache_drop(k->cache, row->name);
	return e;
}

static enum err
wish_for(struct key_row *row, const char *name, const char *token,
    enum verify_mode mode, struct fault *why)
{
	memset(row, 0, sizeof(*row));
	if (strlen(name) >= KEY_NAME_MAX || strlen(token) >= STORE_NAME)
		return fault_set(why, ERR_LIMIT, "a name is too long");
	snprintf(row->name, sizeof(row->name), "%s", name);
	snprintf(row->token, sizeof(row->token), "%s", token);
	row->sample = mode == VERIFY_SAMPLE;
	row->state = KEY_GENERATING;
	row->created = clock_now();
	return OK;
}

enum err
keys_generate(struct keys *k, const char *name, const char *token,
    enum key_purpose purpose, enum key_type type, enum verify_mode mode,
    struct fault *why)
{
	struct key_row row;
	unsigned place;
	enum err e;

	e = wish_for(&row, name, token, mode, why);
	if (e == OK)
		e = begin_making(k, name, &place, why);
	if (e != OK)
		return e;
	row.purpose = purpose;
	row.type = type;
	e = generate(k, &row, why);
	end_making(k, place);
	return e;
}

struct twin {
	const struct key_row *row;
	char name[STORE_NAME];
};

static bool
visit_twin(const struct key_row *other, void *arg)
{
	struct twin *t = arg;

	if (other->spkilen == 0 || strcmp(other->name, t->row->name) == 0 ||
	    memcmp(other->pin, t->row->pin, SHA256_SIZE) != 0)
		return true;
	snprintf(t->name, sizeof(t->name), "%s", other->name);
	return false;
}

/* A key that is known under another name has a purpose there already; an
 * account's key must never be a certificate's. */
static enum err
check_twin(struct keys *k, const struct key_row *row, struct fault *why)
{
	struct twin twin = { .row = row, .name = "" };
	enum err e = store_keys(k->store, "", SIZE_MAX, visit_twin, &twin, why);

	if (e == OK && twin.name[0] != '\0')
		e = fault_set(why, ERR_CONFLICT, "the key in the token is "
		    "known as \"%s\" already", twin.name);
	return e;
}

/* What is known under the name must be the same key. */
static enum err
check_before(struct keys *k, const struct key_row *row, bool *known,
    struct fault *why)
{
	struct key_row old;
	enum err e = store_key_get(k->store, row->name, &old, why);

	*known = e == OK;
	if (e == ERR_NOT_FOUND)
		return OK;
	if (e != OK)
		return e;
	if (!old.foreign || old.state != KEY_ACTIVE ||
	    old.purpose != row->purpose || strcmp(old.token, row->token) != 0)
		return fault_set(why, ERR_CONFLICT,
		    "the name \"%s\" is taken by another key", row->name);
	if (memcmp(old.pin, row->pin, SHA256_SIZE) != 0)
		return fault_set(why, ERR_KEY, "key \"%s\" in the token is not "
		    "the one it was before", row->name);
	return OK;
}

static enum err
adopt(struct keys *k, struct key_row *row,
    const struct config_foreign_key *foreign, struct fault *why)
{
	struct lane_key key;
	bool known;
	enum err e;

	e = token_find_foreign(k->lanes, row->token, foreign->name, &key, why);
	if (e == OK)
		e = fill_row(row, &key, why);
	if (e == OK && key.purpose != foreign->purpose)
		e = fault_set(why, ERR_KEY, "key \"%s\" is for another purpose",
		    foreign->name);
	if (e == OK && foreign->pinned && CRYPTO_memcmp(foreign->spki_sha256,
	    row->pin, SHA256_SIZE) != 0)
		e = fault_set(why, ERR_KEY, "key \"%s\" in the token is not "
		    "the one of spki-sha256", foreign->name);
	if (e == OK)
		e = check_before(k, row, &known, why);
	if (e == OK && !known)
		e = check_twin(k, row, why);
	if (e == OK)
		e = store_key_put(k->store, row, why);
	if (e == OK)
		cache_drop(k->cache, row->name);
	return e;
}

enum err
keys_adopt(struct keys *k, const char *name, const char *token,
    const struct config_foreign_key *foreign, enum verify_mode mode,
    struct fault *why)
{
	struct key_row row;
	unsigned place;
	enum err e;

	if (foreign == NULL)
		return fault_set(why, ERR_NOT_FOUND,
		    "the key of \"%s\" is not configured", name);
	e = wish_for(&row, name, token, mode, why);
	if (e == OK)
		e = begin_making(k, name, &place, why);
	if (e != OK)
		return e;
	row.purpose = foreign->purpose;
	row.foreign = true;
	e = adopt(k, &row, foreign, why);
	end_making(k, place);
	return e;
}
