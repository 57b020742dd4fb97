#include "try.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../broker/base/b64.h"
#include "../broker/base/clock.h"
#include "../broker/base/io.h"
#include "../broker/base/log.h"
#include "../broker/base/mem.h"
#include "../broker/base/process.h"
#include "destroy.h"
#include "generate.h"
#include "sign.h"
#include "try_lanes.h"
#include "try_report.h"

#define NOT_OFFERED "not offered by this token"

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

static const char text[] = AUDIT_SAMPLE;
static volatile sig_atomic_t interrupted;

static void
interrupt(int signal_number)
{
	interrupted = signal_number;
}

static bool
going_on(const struct try *t)
{
	return interrupted == 0 && t->session.leave < 0;
}

/* Whoever tries a token may know that the PIN is right this time. */
static void
tell_of_option(const struct try *t, struct fault *why)
{
	const CK_FLAGS counts = CKF_USER_PIN_LOCKED |
	    CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_COUNT_LOW;
	struct fault plain = *why;

	if (why->code == ERR_PIN && !t->session.refused &&
	    (t->session.token.info.flags & counts) == CKF_USER_PIN_COUNT_LOW)
		fault_set(why, ERR_PIN, "%s; --allow-count-low logs in all "
		    "the same", plain.text);
}

/* Opening is one call; which of its steps failed shows in what is there. */
static enum err
open_token(struct try *t)
{
	const struct options *o = t->options;
	struct report *r = &t->report;
	struct fault why;
	char found[128];
	enum err e;

	report_begin(r, "module loads");
	e = session_open(&t->session, o->module, t->uri, t->pin_fd,
	    o->count_low_allowed, &why);
	if (t->session.module.f == NULL)
		return report_result(r, e, &why);
	report_ok(r, NULL);
	report_begin(r, "token found");
	if (t->session.token.quirk == NULL)
		return report_result(r, e, &why);
	snprintf(found, sizeof(found), "%s, %s, serial %s",
	    t->session.token.about.label, t->session.token.about.model,
	    t->session.token.about.serial);
	report_ok(r, found);
	report_begin(r, "PIN accepted");
	if (e != OK)
		tell_of_option(t, &why);
	return report_result(r, e, &why);
}

static enum err
generate(void *arg, struct fault *why)
{
	struct try *t = arg;
	struct trial *trial = &t->trials[t->type];
	int64_t begin = clock_monotonic_us();
	enum err e;

	e = generate_pair(&t->ring, PURPOSE_AUDIT, t->type, t->name, false,
	    &trial->key, why);
	trial->made = e == OK;
	trial->generate_ms = (clock_monotonic_us() - begin) / 1000;
	return e;
}

static enum err
check_attributes(void *arg, struct fault *why)
{
	static const struct {
		uint32_t bit;
		bool wanted;
		const char *complaint;
	} wants[] = {
		{ KEY_TOKEN, true, "not a token object" },
		{ KEY_PRIVATE, true, "not private" },
		{ KEY_SIGN, true, "may not sign" },
		{ KEY_SENSITIVE, true, "not sensitive" },
		{ KEY_ALWAYS_SENSITIVE, true, "not always sensitive" },
		{ KEY_EXTRACTABLE, false, "extractable" },
		{ KEY_NEVER_EXTRACTABLE, true, "not never extractable" },
		{ KEY_LOCAL, true, "not made locally" },
	};
	struct try *t = arg;
	uint32_t has = t->trials[t->type].key.about.attributes;

	for (size_t i = 0; i < nitems(wants); i++)
		if (((has & wants[i].bit) != 0) != wants[i].wanted)
			return fault_set(why, ERR_TOKEN,
			    "the token says: %s", wants[i].complaint);
	return OK;
}

static enum err
check_secret(void *arg, struct fault *why)
{
	static const struct {
		CK_ATTRIBUTE_TYPE type;
		const char *name;
	} secrets[] = {
		{ CKA_VALUE, "CKA_VALUE" },
		{ CKA_PRIVATE_EXPONENT, "CKA_PRIVATE_EXPONENT" },
		{ CKA_PRIME_1, "CKA_PRIME_1" },
	};
	struct try *t = arg;

	for (size_t i = 0; i < nitems(secrets); i++)
		if (!attribute_kept(&t->session, t->trials[t->type].key.handle,
			secrets[i].type))
			return fault_set(why, ERR_TOKEN,
			    "the token gave %s away", secrets[i].name);
	return OK;
}

static struct view
id_of(const struct key *key)
{
	return (struct view){ key->about.id, key->about.idlen };
}

static struct view
pin_of(const struct key *key)
{
	return (struct view){ key->hash, sizeof(key->hash) };
}

static enum err
verify(const struct key *key, enum sig_alg alg, const struct sign_result *sig,
    struct fault *why)
{
	EVP_PKEY *public = spki_read(key->about.spki, key->about.spkilen, why);
	enum err e;

	if (public == NULL)
		return ERR_KEY;
	e = signature_verify(public, alg, text, sizeof(text) - 1, sig->bytes,
	    sig->n, why);
	EVP_PKEY_free(public);
	return e;
}

static enum err
sign_one_way(void *arg, struct fault *why)
{
	struct try *t = arg;
	struct trial *trial = &t->trials[t->type];
	struct sign_result sig;
	struct key *key = NULL;
	enum err e;

	e = key_get(&t->ring, id_of(&trial->key), pin_of(&trial->key), &key,
	    why);
	if (e == OK)
		e = sign_with(&t->session, key, t->way, text, sizeof(text) - 1,
		    &sig, why);
	if (e == OK)
		e = verify(key, t->way->alg, &sig, why);
	trial->works[t->way - sign_ways] = e == OK;
	return e;
}

static enum err
check_wrong_pin(void *arg, struct fault *why)
{
	struct try *t = arg;
	struct trial *trial = &t->trials[t->type];
	unsigned char wrong[SHA256_SIZE];
	struct key *key;
	enum err e;

	memcpy(wrong, trial->key.hash, sizeof(wrong));
	wrong[SHA256_SIZE - 1] ^= 1;
	e = key_get(&t->ring, id_of(&trial->key),
	    (struct view){ wrong, sizeof(wrong) }, &key, why);
	if (e == ERR_KEY && why->ckr == CKR_OK)
		return OK;
	return e != OK ? e :
	    fault_set(why, ERR_INTERNAL, "it was taken for another public key");
}

/* After C_Finalize and C_Initialize handles mean nothing: found anew? */
static enum err
reconnect(void *arg, struct fault *why)
{
	struct try *t = arg;
	struct trial *trial = &t->trials[t->type];
	enum sig_alg alg = alg_default(t->type);
	struct sign_result sig;
	struct key *key = NULL;
	enum err e;

	e = session_restart(&t->session, why);
	if (e == OK)
		e = key_get(&t->ring, id_of(&trial->key), pin_of(&trial->key),
		    &key, why);
	if (e == OK)
		e = sign_message(&t->session, key, alg, text, sizeof(text) - 1,
		    &sig, why);
	return e == OK ? verify(key, alg, &sig, why) : e;
}

static enum err
destroy(void *arg, struct fault *why)
{
	struct try *t = arg;
	struct trial *trial = &t->trials[t->type];
	struct key found;
	enum err e;

	e = key_destroy(&t->ring, id_of(&trial->key), pin_of(&trial->key),
	    why);
	if (e != OK)
		return e;
	trial->made = false;
	e = key_find(&t->ring, id_of(&trial->key), &found, why);
	if (e == ERR_KEY && why->ckr == CKR_OK)
		return OK;
	return e != OK ? e : fault_set(why, ERR_TOKEN,
	    "the token still shows the key");
}

/* Runs one step under the ladder, as a request of the core would be. */
static enum err
step(struct try *t, session_fn *fn)
{
	struct fault why = { .code = OK };
	enum err e = session_run(&t->session, fn, t, false, &why);

	return report_result(&t->report, e, &why);
}

static void
try_ways(struct try *t, const char *type)
{
	for (size_t i = 0; going_on(t) && i < SIGN_WAYS; i++) {
		t->way = &sign_ways[i];
		if (!alg_fits(t->way->alg, t->type))
			continue;
		report_begin(&t->report, "%s: signs %s by %s", type,
		    alg_name(t->way->alg), t->way->name);
		if (sign_way_offered(&t->session.token, t->way))
			step(t, sign_one_way);
		else
			report_none(&t->report, NOT_OFFERED);
	}
}

/* One key at a time, because some tokens have room for few. */
static void
try_type(struct try *t)
{
	static const struct {
		const char *step;
		session_fn *fn;
	} checks[] = {
		{ "attributes", check_attributes },
		{ "gives no secret away", check_secret },
		{ "not taken for another public key", check_wrong_pin },
		{ "found after C_Finalize, C_Initialize", reconnect },
		{ "destroyed and gone", destroy },
	};
	const char *type = key_type_name(t->type);

	report_begin(&t->report, "%s: generates", type);
	if (!generate_offered(&t->session.token, t->type)) {
		report_none(&t->report, NOT_OFFERED);
		return;
	}
	if (step(t, generate) != OK)
		return;
	try_ways(t, type);
	for (size_t i = 0; going_on(t) && i < nitems(checks); i++) {
		report_begin(&t->report, "%s: %s", type, checks[i].step);
		step(t, checks[i].fn);
	}
}

/* The module is not to be in use here while the lanes use it. */
static void
try_parallel(struct try *t)
{
	struct fault why;
	unsigned i = 0;

	while (i < KEY_TYPE__MAX && t->trials[i].key.about.spkilen == 0)
		i++;
	if (i == KEY_TYPE__MAX || t->options->lanes == 0)
		return;
	t->type = (enum key_type)i;
	report_begin(&t->report, "generates a key for the lanes");
	if (step(t, generate) != OK)
		return;
	module_stop(&t->session.module);
	t->rate = try_lanes(&t->report, t->options, t->uri, t->pin_fd,
	    &t->trials[i].key.about);
	report_begin(&t->report, "login after the lanes");
	if (report_result(&t->report, session_restart(&t->session, &why),
		&why) != OK)
		t->session.leave = EXIT_TEMPORARY;
}

/* What is still there, after a failure too, is ours to take away; by a module
 * that has to be started once more, if need be. */
static void
clean_up(struct try *t)
{
	struct fault why;

	for (unsigned i = 0; i < KEY_TYPE__MAX; i++) {
		t->type = (enum key_type)i;
		if (!t->trials[i].made)
			continue;
		report_begin(&t->report, "%s: destroyed at the end",
		    key_type_name(t->type));
		if (t->session.leave >= 0 && !t->session.refused &&
		    session_restart(&t->session, &why) == OK)
			t->session.leave = -1;
		if (step(t, destroy) != OK)
			printf("left in the token: " KEY_LABEL_TAG
			    ":audit:%s\n", t->name);
	}
}

static void
print_ways(const struct trial *trial)
{
	const char *comma = "";

	for (size_t i = 0; i < SIGN_WAYS; i++)
		if (trial->works[i]) {
			printf("%s%s by %s", comma, alg_name(sign_ways[i].alg),
			    sign_ways[i].name);
			comma = ", ";
		}
	printf("%s\n", comma[0] == '\0' ? "nothing" : "");
}

static void
print_table(const struct try *t)
{
	const struct lane_token *about = &t->session.token.about;
	const struct report *r = &t->report;

	printf("\ntoken %s: %s, %s, firmware %u.%u\n", about->label,
	    about->manufacturer, about->model,
	    t->session.token.info.firmwareVersion.major,
	    t->session.token.info.firmwareVersion.minor);
	printf("%-10s %9s  %s\n", "key type", "made in", "signs");
	for (unsigned i = 0; i < KEY_TYPE__MAX; i++) {
		const struct trial *trial = &t->trials[i];

		printf("%-10s ", key_type_name((enum key_type)i));
		if (trial->key.about.spkilen == 0) {
			printf("%9s  -\n", "-");
			continue;
		}
		printf("%6lld ms  ", (long long)trial->generate_ms);
		print_ways(trial);
	}
	if (t->rate != 0)
		printf("%u lanes   %u signatures/s, each verified\n",
		    t->options->lanes, t->rate);
	printf("%u ok, %u failed, %u not offered\n", r->ok, r->failed, r->none);
}

static void
try_all(struct try *t)
{
	for (unsigned i = 0; going_on(t) && i < KEY_TYPE__MAX; i++) {
		t->type = (enum key_type)i;
		try_type(t);
	}
	if (going_on(t))
		try_parallel(t);
}

static void
name_keys(struct try *t)
{
	unsigned char bytes[4];

	random_bytes(bytes, sizeof(bytes));
	memcpy(t->name, "try-", 4);
	hex_encode(t->name + 4, bytes, sizeof(bytes));
}

static enum err
open_pin(struct try *t, const char *path)
{
	struct fault why;
	enum err e;

	t->pin_fd = -1;
	if (path == NULL)
		return OK;
	report_begin(&t->report, "PIN file");
	e = open_secret_file(path, &t->pin_fd, &why);
	return e == OK ? OK : report_result(&t->report, e, &why);
}

int
try_token(const struct options *o)
{
	static struct try t;
	struct sigaction action = { .sa_handler = interrupt };

	t.options = o;
	t.ring.session = &t.session;
	t.session.leave = -1;
	t.uri = strncmp(o->token, "pkcs11:", 7) == 0 ? xstrdup(o->token) :
	    uri_of_label(o->token);
	log_set_level(LOG_LEVEL_WARNING);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	report_open(&t.report);
	name_keys(&t);
	if (open_pin(&t, o->pin_file) == OK && open_token(&t) == OK) {
		try_all(&t);
		clean_up(&t);
		print_table(&t);
	}
	if (interrupted != 0)
		printf("interrupted\n");
	key_forget_all(&t.ring);
	session_close(&t.session);
	free(t.uri);
	return t.report.failed == 0 && interrupted == 0 ? 0 : 1;
}
