/*
 * keybroker-signer: one lane.  It loads one PKCS#11 module, opens one session,
 * logs in once, and signs what the core asks for, one request at a time, as
 * long as the purpose of the key allows the shape of what is to be signed.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../broker/base/crypto.h"
#include "../broker/base/log.h"
#include "../broker/base/mem.h"
#include "../broker/base/process.h"
#include "init.h"
#include "options.h"
#include "serve.h"
#include "try.h"

/* The main loop then sees the end of its socket and leaves in good order:
 * some tokens count sessions that were never closed. */
static void
stop(int signal_number)
{
	int saved = errno;

	(void)signal_number;
	shutdown(PARENT_FD, SHUT_RD);
	errno = saved;
}

static bool
is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static int
serve(const struct options *o)
{
	static struct lane lane;
	struct fault why = { .code = OK };
	int pin = is_open(PIN_FD) ? PIN_FD : -1;
	int login = is_open(LOGIN_FD) ? LOGIN_FD : -1;
	int code;
	enum err e;

	e = session_open(&lane.session, o->module, o->token, pin,
	    login, o->count_low_allowed, &why);
	lane.ring = (struct keyring){ .session = &lane.session,
		.foreign = o->foreign, .nforeign = o->nforeign };
	code = session_exit_code(e);
	if (e != OK)
		log_error("%s", why.text);
	if (request_ready(&lane, PARENT_FD, e, &why) == OK && e == OK) {
		log_info("ready: token %s (%s)", lane.session.token.about.label,
		    lane.session.token.about.model);
		process_settle();
		code = serve_requests(&lane);
	}
	key_forget_all(&lane.ring);
	listing_free(&lane.listing);
	session_close(&lane.session);
	return code;
}

/* _exit(), because a vendor's destructors have no business here. */
int
main(int argc, char **argv)
{
	struct options o;
	struct fault why;
	int code;

	process_start("keybroker-signer", LOG_LEVEL_INFO);
	crypto_start();
	if (options_parse(&o, argc, argv, &why) != OK) {
		fprintf(stderr, "keybroker-signer: %s\n", why.text);
		return EXIT_SETTING;
	}
	if (o.help) {
		code = fputs(options_help, stdout) < 0 ? EXIT_BROKEN :
		    EXIT_FINE;
	} else if (o.init_token) {
		code = init_token(&o);
	} else if (o.try) {
		code = try_token(&o);
	} else if (is_open(PARENT_FD)) {
		process_seal_fds(PARENT_FD);
		signal(SIGINT, SIG_IGN);
		signal(SIGTERM, stop);
		log_open(xasprintf("keybroker-signer %s/%u", o.name, o.lane),
		    LOG_LEVEL_INFO);
		code = serve(&o);
	} else {
		fputs("keybroker-signer: a lane is started by keybrokerd; "
		    "see --help for --try\n", stderr);
		code = EXIT_SETTING;
	}
	options_free(&o);
	fflush(NULL);
	_exit(code);
}
