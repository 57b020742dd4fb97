#include "ca.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../api/json.h"
#include "../../broker/base/b64.h"
#include "../../broker/base/crypto.h"
#include "../../broker/base/mem.h"

#define NONCES_MAX 4096 /* that a CA remembers */
#define TOKEN_BYTES 16

struct settings settings;

static struct {
	pthread_mutex_t lock;
	struct ca **of;
	size_t n;
} cas = { .lock = PTHREAD_MUTEX_INITIALIZER };

static bool
name_ok(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.");

	return n > 0 && n < NAME_SIZE && name[n] == '\0' && name[0] != '.';
}

static struct ca *
ca_new(const char *name)
{
	char *path = xasprintf("%s/%s.script", settings.folder, name);
	struct ca *ca = xcalloc(1, sizeof(*ca));

	snprintf(ca->name, sizeof(ca->name), "%s", name);
	pthread_mutex_init(&ca->lock, NULL);
	if (!script_read(&ca->script, path)) {
		free(ca);
		ca = NULL;
	}
	free(path);
	return ca;
}

struct ca *
ca_find(const char *name)
{
	struct ca *ca = NULL;

	if (!name_ok(name))
		return NULL;
	pthread_mutex_lock(&cas.lock);
	for (size_t i = 0; i < cas.n && ca == NULL; i++)
		if (strcmp(cas.of[i]->name, name) == 0)
			ca = cas.of[i];
	if (ca == NULL && (ca = ca_new(name)) != NULL) {
		cas.of = xreallocarray(cas.of, cas.n + 1, sizeof(ca));
		cas.of[cas.n++] = ca;
	}
	pthread_mutex_unlock(&cas.lock);
	return ca;
}

/* Unguessable text of so many characters at most. */
static void
random_text(char *out, size_t size)
{
	unsigned char bytes[TOKEN_BYTES];
	char *text;

	random_bytes(bytes, sizeof(bytes));
	text = b64_encode(bytes, sizeof(bytes));
	snprintf(out, size, "%s", text);
	free(text);
}

const char *
ca_nonce(struct ca *ca)
{
	struct nonce *n;

	if (ca->nnonces == NONCES_MAX)
		memmove(&ca->nonces[0], &ca->nonces[1],
		    --ca->nnonces * sizeof(*n));
	ca->nonces = xreallocarray(ca->nonces, ca->nnonces + 1, sizeof(*n));
	n = &ca->nonces[ca->nnonces++];
	n->used = false;
	random_text(n->text, sizeof(n->text));
	return n->text;
}

enum err
ca_nonce_use(struct ca *ca, const char *text)
{
	for (size_t i = 0; i < ca->nnonces; i++)
		if (strcmp(ca->nonces[i].text, text) == 0) {
			bool used = ca->nonces[i].used;

			ca->counts.reusedNonces += used;
			ca->nonces[i].used = true;
			return used ? ERR_CONFLICT : OK;
		}
	ca->counts.unknownNonces++;
	return ERR_NOT_FOUND;
}

struct account *
ca_account(struct ca *ca, unsigned id)
{
	return id >= 1 && id <= ca->naccounts ? ca->accounts[id - 1] : NULL;
}

struct order *
ca_order(struct ca *ca, unsigned id)
{
	return id >= 1 && id <= ca->norders ? ca->orders[id - 1] : NULL;
}

struct authorization *
ca_authorization(struct ca *ca, unsigned id)
{
	return id >= 1 && id <= ca->nauthorizations ?
	    ca->authorizations[id - 1] : NULL;
}

static struct authorization *
authorization_new(struct ca *ca, struct order *o, const char *name, size_t n)
{
	struct authorization *a = xcalloc(1, sizeof(*a));

	a->order = o;
	a->wildcard = strncmp(name, "*.", 2) == 0;
	if (a->wildcard)
		name += 2, n -= 2;
	snprintf(a->name, sizeof(a->name), "%.*s", (int)n, name);
	random_text(a->token, sizeof(a->token));
	strcpy(a->status, "pending");
	strcpy(a->challenge, "pending");
	ca->authorizations = xreallocarray(ca->authorizations,
	    ca->nauthorizations + 1, sizeof(a));
	ca->authorizations[ca->nauthorizations++] = a;
	a->id = (unsigned)ca->nauthorizations;
	return a;
}

struct order *
ca_order_new(struct ca *ca, struct account *account, const char *names)
{
	struct order *o = xcalloc(1, sizeof(*o));
	const char *name = names;

	o->account = account;
	o->names = xstrdup(names);
	strcpy(o->status, "pending");
	while (*name != '\0') {
		size_t n = strcspn(name, " ");

		o->of = xreallocarray(o->of, o->n + 1, sizeof(*o->of));
		o->of[o->n++] = authorization_new(ca, o, name, n);
		name += n + strspn(name + n, " ");
	}
	ca->orders = xreallocarray(ca->orders, ca->norders + 1, sizeof(o));
	ca->orders[ca->norders++] = o;
	o->id = (unsigned)ca->norders;
	ca->counts.orders++;
	return o;
}

void
ca_url(const struct ca *ca, const char *resource, unsigned id,
    struct buf *out)
{
	buf_putf(out, "https://localhost:%u/%s/%s", settings.port, ca->name,
	    resource);
	if (id != 0)
		buf_putf(out, "/%u", id);
}

/* How many certificates there are for the names of an order, counted at the
 * first order that has them. */
static void
count_names(const struct ca *ca, size_t first, struct json_writer *w)
{
	const char *names = ca->orders[first]->names;
	unsigned n = 0;

	for (size_t i = 0; i < ca->norders; i++) {
		if (strcmp(ca->orders[i]->names, names) != 0)
			continue;
		if (i < first)
			return;
		n += ca->orders[i]->serial != 0;
	}
	json_put_int(w, names, n);
}

void
ca_counts(struct ca *ca, struct buf *out)
{
	struct json_writer w;

	pthread_mutex_lock(&ca->lock);
	json_write_start(&w, out);
	json_open_object(&w, NULL);
#define X(count) json_put_int(&w, #count, ca->counts.count);
	COUNTS(X)
#undef X
	json_put_string(&w, "lastRefusal", ca->refusal);
	json_open_object(&w, "requests");
	for (enum step s = 0; s < STEP__MAX; s++)
		json_put_int(&w, step_name(s), ca->requests[s]);
	json_close_object(&w);
	json_open_object(&w, "certificatesByNames");
	for (size_t i = 0; i < ca->norders; i++)
		count_names(ca, i, &w);
	json_close_object(&w);
	json_close_object(&w);
	pthread_mutex_unlock(&ca->lock);
}
