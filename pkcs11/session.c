#include "session.h"

#include <unistd.h>

#include "../broker/base/log.h"
#include "../broker/base/login.h"
#include "../broker/base/mem.h"
#include "../broker/base/process.h"
#include "pin.h"

#define EXHAUSTED_MAX 3 /* requests given up in a row; then the lane is too */

static bool
pin_complaint(CK_RV rv)
{
	return ladder_rung(rv, 0) == RUNG_OPERATOR;
}

/* Each refused PIN burns one try, so ask the token first. */
static enum err
check_pin_flags(struct session *s, bool careful, struct fault *why)
{
	CK_FLAGS flags = s->token.info.flags;

	if (s->refused)
		return fault_set(why, ERR_PIN, "the PIN was refused before");
	if ((flags & CKF_USER_PIN_LOCKED) != 0)
		return fault_set(why, ERR_PIN, "the token says: PIN locked");
	if ((flags & CKF_USER_PIN_FINAL_TRY) != 0)
		return fault_set(why, ERR_PIN,
		    "the token says: one PIN try left");
	if ((flags & CKF_USER_PIN_COUNT_LOW) != 0 &&
	    (careful || !s->count_low_allowed))
		return fault_set(why, ERR_PIN, "the token says: a wrong PIN "
		    "was given since the last login");
	return OK;
}

static enum err
give_pin(struct session *s, CK_USER_TYPE user, struct fault *why)
{
	struct pin pin = { .bytes = NULL };
	enum err e = OK;
	CK_RV rv;

	if ((s->token.info.flags & CKF_PROTECTED_AUTHENTICATION_PATH) == 0) {
		if (s->pin_fd < 0)
			return fault_set(why, ERR_CONFIG,
			    "the token wants a PIN and none was given");
		e = pin_read(&pin, s->pin_fd, why);
	}
	if (e != OK)
		return e;
	rv = s->module.f->C_Login(s->handle, user, pin.bytes, pin.n);
	pin_wipe(&pin);
	if (pin_complaint(rv))
		s->refused = true;
	if (rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN)
		return OK;
	return ladder_fault(why, rv, "C_Login");
}

/* careful: the login before ended in a crash, which may have cost a try. */
static enum err
login_as(struct session *s, CK_USER_TYPE user, bool careful,
    struct fault *why)
{
	enum err e = token_refresh(&s->token, &s->module, why);

	if (e != OK || (user == CKU_USER &&
	    (s->token.info.flags & CKF_LOGIN_REQUIRED) == 0))
		return e;
	e = check_pin_flags(s, careful, why);
	return e == OK ? give_pin(s, user, why) : e;
}

/* One lane of a token at a time, and none after one was refused. */
static enum err
login_in_turn(struct session *s, CK_USER_TYPE user, struct fault *why)
{
	enum login_state state;
	enum err e;

	if (s->login_fd < 0)
		return login_as(s, user, false, why);
	e = login_enter(s->login_fd, &state, why);
	if (e != OK)
		return e;
	if (state == LOGIN_REFUSED || state == LOGIN_LATCHED)
		e = fault_set(why, ERR_PIN, "the PIN was refused before, to "
		    "another lane");
	else
		e = login_as(s, user, state == LOGIN_TRYING, why);
	if (state == LOGIN_FREE || state == LOGIN_TRYING)
		state = s->refused ? LOGIN_REFUSED : LOGIN_FREE;
	login_leave(s->login_fd, state);
	return e;
}

static enum err
login(struct session *s, struct fault *why)
{
	return login_in_turn(s, CKU_USER, why);
}

static bool
logged_in(struct session *s)
{
	CK_SESSION_INFO info;

	if (s->module.f->C_GetSessionInfo(s->handle, &info) != CKR_OK)
		return false;
	return info.state == CKS_RW_USER_FUNCTIONS ||
	    info.state == CKS_RO_USER_FUNCTIONS;
}

enum err
session_login_for_key(struct session *s, struct fault *why)
{
	enum err e = login_in_turn(s, CKU_CONTEXT_SPECIFIC, why);

	if (e == ERR_TOKEN && why->ckr == CKR_OPERATION_NOT_INITIALIZED)
		e = OK;
	return e;
}

static CK_RV
open_handle(struct session *s, CK_SESSION_HANDLE *handle)
{
	CK_FLAGS flags = CKF_SERIAL_SESSION | CKF_RW_SESSION;
	CK_FUNCTION_LIST *f = s->module.f;
	CK_RV rv;

	rv = f->C_OpenSession(s->token.slot, flags, NULL, NULL, handle);
	if (rv == CKR_TOKEN_WRITE_PROTECTED)
		rv = f->C_OpenSession(s->token.slot, CKF_SERIAL_SESSION, NULL,
		    NULL, handle);
	return rv;
}

/*
 * The new session is opened before the old one is closed, because closing
 * the last one logs the process out.
 */
static enum err
renew(struct session *s, struct fault *why)
{
	CK_SESSION_HANDLE fresh, old = s->handle;
	CK_RV rv = open_handle(s, &fresh);

	if (old != CK_INVALID_HANDLE)
		(void)s->module.f->C_CloseSession(old);
	s->handle = CK_INVALID_HANDLE;
	if (rv == CKR_SESSION_COUNT && old != CK_INVALID_HANDLE)
		rv = open_handle(s, &fresh);
	if (rv != CKR_OK)
		return ladder_fault(why, rv, "C_OpenSession");
	s->handle = fresh;
	s->generation++;
	return logged_in(s) ? OK : login(s, why);
}

static enum err
start(struct session *s, struct fault *why)
{
	enum err e = module_start(&s->module, why);

	s->handle = CK_INVALID_HANDLE;
	if (e == OK)
		e = token_find(&s->token, &s->module, s->uri, why);
	return e == OK ? renew(s, why) : e;
}

enum err
session_restart(struct session *s, struct fault *why)
{
	module_stop(&s->module);
	return start(s, why);
}

enum err
session_open(struct session *s, const char *module, const char *uri,
    int pin_fd, int login_fd, bool count_low_allowed, struct fault *why)
{
	enum err e;

	*s = (struct session){ .pin_fd = pin_fd, .login_fd = login_fd,
		.folder = -1, .leave = -1,
		.count_low_allowed = count_low_allowed };
	s->uri = uri_read(uri, URI_TOKEN, why);
	if (s->uri == NULL)
		return ERR_CONFIG;
	e = module_load(&s->module, module, why);
	if (e == OK)
		e = start(s, why);
	if (e != OK)
		ladder_advise(why);
	if (e == OK)
		s->folder = quirk_open_folder(s->token.quirk);
	return e;
}

void
session_close(struct session *s)
{
	if (s->module.f != NULL)
		module_stop(&s->module);
	p11_kit_uri_free(s->uri);
	if (s->folder >= 0)
		close(s->folder);
	*s = (struct session){ .folder = -1, .leave = s->leave };
}

int
session_exit_code(enum err e)
{
	switch (e) {
	case OK:
		return EXIT_FINE;
	case ERR_PIN:
		return EXIT_PIN;
	case ERR_CONFIG:
	case ERR_USAGE:
		return EXIT_SETTING;
	case ERR_INTERNAL:
		return EXIT_BROKEN;
	default:
		return EXIT_TEMPORARY;
	}
}

static enum err
check_login(struct session *s, struct fault *why)
{
	s->generation++;
	return logged_in(s) ? OK : login(s, why);
}

static enum err
ask_again(struct session *s, struct fault *why)
{
	(void)s;
	(void)why;
	return OK;
}

/* The rungs that can be climbed; the others end the request. */
static enum err (*const climb[RUNG__MAX])(struct session *, struct fault *) = {
	[RUNG_SAME] = ask_again,
	[RUNG_LOGIN] = check_login,
	[RUNG_SESSION] = renew,
	[RUNG_MODULE] = session_restart,
};

/* Tries one rung; false when the request is to be given up, and why then is
 * what stands in the way. */
static bool
recover(struct session *s, enum rung rung, struct fault *why)
{
	struct fault again;
	enum err e;

	if (rung == RUNG_STOP)
		return false;
	log_warning("%s; %s", why->text, rung_name(rung));
	if (climb[rung] == NULL) {
		s->leave = rung == RUNG_OPERATOR ? EXIT_PIN : EXIT_TEMPORARY;
		return false;
	}
	e = climb[rung](s, &again);
	if (e == OK)
		return true;
	log_error("%s; ending this lane", again.text);
	s->leave = session_exit_code(e);
	*why = again;
	return false;
}

/* What a request that failed for good means for the lane as a whole. */
static void
give_up(struct session *s, unsigned failures, struct fault *why)
{
	ladder_advise(why);
	if (why->code == ERR_PIN)
		s->leave = EXIT_PIN;
	if (why->code == ERR_TOKEN && failures > 1 &&
	    ++s->exhausted == EXHAUSTED_MAX && s->leave < 0)
		s->leave = EXIT_TEMPORARY;
}

enum err
session_run(struct session *s, session_fn *fn, void *arg, bool repeatable,
    struct fault *why)
{
	unsigned failures = 0;
	enum err e;

	while ((e = fn(arg, why)) != OK) {
		CK_RV rv = why->ckr;

		if (rv == CKR_OK ||
		    !recover(s, ladder_rung(rv, failures++), why)) {
			give_up(s, failures, why);
			return why->code;
		}
		if (!repeatable && !ladder_untouched(rv))
			return e;
	}
	s->exhausted = 0;
	return OK;
}
