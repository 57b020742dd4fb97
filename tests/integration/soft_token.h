/* A SoftHSM token of its own for one test, in a folder that goes with it. */
#ifndef TESTS_SOFT_TOKEN_H
#define TESTS_SOFT_TOKEN_H

#include <stdbool.h>

#define SOFT_MODULE "/usr/lib/softhsm/libsofthsm2.so"
#define SOFT_LABEL  "kbtest"
#define SOFT_URI    "pkcs11:token=" SOFT_LABEL
#define SOFT_PIN    "4711"

struct soft_token {
	char folder[64];
	int pin_fd;	  /* the right PIN */
	int wrong_pin_fd; /* another one */
};

/* A sanitizer keeps what was freed, so that memory is no measure. */
#ifdef __SANITIZE_ADDRESS__
#define KEEPS_FREED true
#else
#define KEEPS_FREED false
#endif

/* Makes the token and points SOFTHSM2_CONF at it; 0, or -1 when SoftHSM is
 * not installed. */
int soft_token_make(struct soft_token *t);
void soft_token_remove(struct soft_token *t);

#endif
