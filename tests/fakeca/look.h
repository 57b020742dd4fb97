/* The look for an http-01 answer, RFC 8555 section 8.3. */
#ifndef FAKECA_LOOK_H
#define FAKECA_LOOK_H

#include "ca.h"

/* Looks at the client on loopback, whatever the name; true when it has the
 * answer, else the authorization's error says what was found.  Without a port
 * of the client everything is right. */
bool look(struct authorization *a);

#endif
