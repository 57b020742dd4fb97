#include "try.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../broker/base/b64.h"
#include "../broker/base/io.h"
#include "../broker/base/log.h"
#include "../broker/base/mem.h"
#include "../broker/base/process.h"
#include "try_key.h"
#include "try_lanes.h"

static volatile sig_atomic_t interrupted;

static void
interrupt(int signal_number)
{
	interrupted = signal_number;
}

bool
try_going_on(const struct try *t)
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
	e = session_open(&t->session, o->module, t->uri, t->pin_fd, -1,
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
	if (try_step(t, try_generate) != OK)
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
		if (try_step(t, try_destroy) != OK)
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
	for (unsigned i = 0; try_going_on(t) && i < KEY_TYPE__MAX; i++) {
		t->type = (enum key_type)i;
		try_type(t);
	}
	if (try_going_on(t))
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
