#include "login.h"

#include <errno.h>
#include <sys/file.h>
#include <unistd.h>

#include "log.h"

enum login_state
login_peek(int fd)
{
	unsigned char byte = LOGIN_FREE;

	if (pread(fd, &byte, 1, 0) != 1)
		return LOGIN_FREE;
	return byte == LOGIN_TRYING || byte == LOGIN_REFUSED ||
	    byte == LOGIN_LATCHED ? (enum login_state)byte : LOGIN_FREE;
}

enum err
login_put(int fd, enum login_state state, struct fault *why)
{
	unsigned char byte = (unsigned char)state;

	if (pwrite(fd, &byte, 1, 0) != 1)
		return fault_errno(why, ERR_IO, "cannot note the login");
	return OK;
}

enum err
login_enter(int fd, enum login_state *state, struct fault *why)
{
	enum err e = OK;

	while (flock(fd, LOCK_EX) != 0)
		if (errno != EINTR)
			return fault_errno(why, ERR_IO,
			    "cannot wait for another lane's login");
	*state = login_peek(fd);
	if (*state == LOGIN_FREE)
		e = login_put(fd, LOGIN_TRYING, why);
	if (e != OK)
		flock(fd, LOCK_UN);
	return e;
}

void
login_leave(int fd, enum login_state state)
{
	struct fault why;

	if (login_peek(fd) != LOGIN_LATCHED &&
	    login_put(fd, state, &why) != OK)
		log_error("%s", why.text);
	if (state == LOGIN_REFUSED && fdatasync(fd) != 0)
		log_error("cannot write that the PIN was refused");
	flock(fd, LOCK_UN);
}
