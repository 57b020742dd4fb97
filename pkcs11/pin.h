/* The PIN: read when needed from the descriptor we were given, and wiped. */
#ifndef PKCS11_PIN_H
#define PKCS11_PIN_H

#include <stddef.h>

#include "../broker/base/err.h"

#define PIN_MAX 255 /* bytes, without the newline that may follow */

struct pin {
	unsigned char *bytes; /* secret_alloc() */
	size_t n;
};

/*
 * Reads the PIN from offset 0 of fd and strips exactly one "\n" or "\r\n" at
 * its end.  ERR_CONFIG when it is empty, too long or not there.
 */
enum err pin_read(struct pin *pin, int fd, struct fault *why);

/* Wipes and frees; may be called for a PIN that was never read. */
void pin_wipe(struct pin *pin);

#endif
