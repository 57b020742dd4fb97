#include "pin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

#include "../base/io.h"
#include "../base/log.h"
#include "../base/mem.h"

#define PIN_MAX 256 /* bytes; no token takes more */

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* The pages stay where they are, as long as we live, and are not written to
 * where memory is swapped out to. */
static void
lock_pages(int fd, size_t n)
{
	void *p = mmap(NULL, n, PROT_READ, MAP_PRIVATE, fd, 0);

	if (p == MAP_FAILED || mlock(p, n) != 0)
		log_debug("cannot lock a PIN in memory");
}

static enum err
seal(const char *pin, size_t n, int *fd, struct fault *why)
{
	*fd = memfd_create("pin", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (*fd >= 0 && write_full(*fd, pin, n) == 0 &&
	    fcntl(*fd, F_ADD_SEALS, SEALS) == 0) {
		lock_pages(*fd, n);
		return OK;
	}
	fault_errno(why, ERR_IO, "cannot keep the PIN in memory");
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	return ERR_IO;
}

/* Reads one line; gives its bytes without the newline, or -1. */
static ssize_t
ask(int tty, const char *token, char *pin)
{
	struct termios before, quiet;
	size_t n = 0;
	ssize_t k = -1;

	if (tcgetattr(tty, &before) != 0)
		return -1;
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
	if (tcsetattr(tty, TCSAFLUSH, &quiet) != 0)
		return -1;
	dprintf(tty, "PIN of token %s: ", token);
	while (n < PIN_MAX && (k = read(tty, pin + n, 1)) == 1 &&
	    pin[n] != '\n')
		n++;
	tcsetattr(tty, TCSAFLUSH, &before);
	dprintf(tty, "\n");
	return k == 1 && n < PIN_MAX ? (ssize_t)n : -1;
}

enum err
pins_prompt(const struct config_token *token, int *fd, struct fault *why)
{
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC);
	char *pin;
	ssize_t n;
	enum err e;

	*fd = -1;
	if (tty < 0)
		return fault_errno(why, ERR_CONFIG, "token %s wants its PIN "
		    "asked for, but there is no terminal", token->name);
	pin = secret_alloc(PIN_MAX);
	n = ask(tty, token->name, pin);
	if (n > 0)
		e = seal(pin, (size_t)n, fd, why);
	else
		e = fault_set(why, ERR_CONFIG, "no PIN of 1 to %d bytes was "
		    "given for token %s", PIN_MAX - 1, token->name);
	secret_free(pin, PIN_MAX);
	close(tty);
	return e;
}

static enum err
open_credential(const char *name, int *fd, struct fault *why)
{
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	char *path;
	enum err e;

	if (folder == NULL)
		return fault_set(why, ERR_CONFIG, "credential %s: systemd has "
		    "passed no credentials", name);
	if (strchr(name, '/') != NULL || name[0] == '.')
		return fault_set(why, ERR_CONFIG, "credential %s: not a name",
		    name);
	path = xasprintf("%s/%s", folder, name);
	e = open_secret_file(path, fd, why);
	free(path);
	return e;
}

enum err
pins_open(const struct config_token *token, int prompted, int *fd,
    struct fault *why)
{
	*fd = -1;
	if (token->pin_source == PIN_FILE)
		return open_secret_file(token->pin, fd, why);
	if (token->pin_source == PIN_CREDENTIAL)
		return open_credential(token->pin, fd, why);
	if (prompted < 0 || lseek(prompted, 0, SEEK_SET) != 0)
		return fault_set(why, ERR_CONFIG, "token %s has no PIN",
		    token->name);
	*fd = fcntl(prompted, F_DUPFD_CLOEXEC, 0);
	if (*fd < 0)
		return fault_errno(why, ERR_IO, "cannot pass the PIN");
	return OK;
}
