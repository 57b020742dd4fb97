/*
 * The protocol of lacme-accountd(1), with which lacme(8) has its requests
 * signed: a greeting with the account's key, then a signing input of RFC 7515
 * a line and its signature.  The client makes the bytes; see acme/sign.h for
 * when they are signed.
 */
#ifndef CORE_LACME_H
#define CORE_LACME_H

#include "../../../api/server/line.h"

/* About the account that is the listener's subject. */
extern const struct line_service lacme_service;

#endif
