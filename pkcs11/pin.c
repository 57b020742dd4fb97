#include "pin.h"

#include <errno.h>
#include <unistd.h>

#include "../broker/base/mem.h"

#define ROOM (PIN_MAX + 3) /* "\r\n" and one byte that is too many */

static ssize_t
read_all(int fd, unsigned char *p, size_t max)
{
	size_t done = 0;

	while (done < max) {
		ssize_t k = pread(fd, p + done, max - done, (off_t)done);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return -1;
		if (k == 0)
			break;
		done += (size_t)k;
	}
	return (ssize_t)done;
}

static size_t
strip_newline(const unsigned char *p, size_t n)
{
	if (n == 0 || p[n - 1] != '\n')
		return n;
	n--;
	return n > 0 && p[n - 1] == '\r' ? n - 1 : n;
}

enum err
pin_read(struct pin *pin, int fd, struct fault *why)
{
	enum err e = OK;
	ssize_t n;

	*pin = (struct pin){ .bytes = secret_alloc(ROOM) };
	n = read_all(fd, pin->bytes, ROOM);
	if (n < 0)
		e = fault_errno(why, ERR_CONFIG, "cannot read the PIN");
	else
		pin->n = strip_newline(pin->bytes, (size_t)n);
	if (e == OK && pin->n > PIN_MAX)
		e = fault_set(why, ERR_CONFIG, "PIN is longer than %d bytes",
		    PIN_MAX);
	if (e == OK && pin->n == 0)
		e = fault_set(why, ERR_CONFIG, "PIN is empty");
	if (e != OK)
		pin_wipe(pin);
	return e;
}

void
pin_wipe(struct pin *pin)
{
	secret_free(pin->bytes, ROOM);
	*pin = (struct pin){ .bytes = NULL };
}
