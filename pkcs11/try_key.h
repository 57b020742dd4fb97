/* One key of a token, tried: made, looked at, used, found again, destroyed. */
#ifndef PKCS11_TRY_KEY_H
#define PKCS11_TRY_KEY_H

#include "key.h"
#include "options.h"
#include "session.h"
#include "sign.h"
#include "try_report.h"

/* What is known of one key type at the end. */
struct trial {
	bool made; /* the key is in the token */
	struct key key;
	int64_t generate_ms;
	bool works[SIGN_WAYS];
};

struct try {
	const struct options *options;
	struct report report;
	struct session session;
	struct keyring ring;
	char *uri;
	int pin_fd;
	char name[KEY_NAME_MAX];
	struct trial trials[KEY_TYPE__MAX];
	enum key_type type; /* that is being tried */
	const struct sign_way *way;
	unsigned rate; /* signatures a second of all lanes */
};

/* False after a signal, and when the session cannot be used any more. */
bool try_going_on(const struct try *t);

/* Runs one step under the ladder, as a request of the core would be, and
 * reports its end. */
enum err try_step(struct try *t, session_fn *fn);

/* Steps: arg is the struct try, and its type says which key. */
session_fn try_generate, try_destroy;

/* All steps of one key type, with a key that is there only meanwhile, because
 * some tokens have room for few. */
void try_type(struct try *t);

#endif
