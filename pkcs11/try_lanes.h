/* Several lanes on one token: started one by one, signing at once. */
#ifndef PKCS11_TRY_LANES_H
#define PKCS11_TRY_LANES_H

#include "options.h"
#include "try_report.h"

/*
 * Steps "lane N starts" and "N lanes sign at once"; each signature is
 * verified.  Gives the signatures a second of all lanes together, 0 when it
 * failed.  The caller must not be inside C_Initialize meanwhile.
 */
unsigned try_lanes(struct report *r, const struct options *o, const char *uri,
    int pin_fd, const struct lane_key *key);

#endif
