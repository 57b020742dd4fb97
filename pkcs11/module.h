/* The vendor's shared object: loaded by p11-kit, initialised by us. */
#ifndef PKCS11_MODULE_H
#define PKCS11_MODULE_H

#include <p11-kit/pkcs11.h>
#include <stdbool.h>

#include "../broker/base/err.h"

struct module {
	CK_FUNCTION_LIST *f;
	bool started; /* C_Initialize was ours, so C_Finalize is too */
};

/*
 * Loads a module by its absolute path, or by the name of its p11-kit module
 * file.  A name makes p11-kit open every configured module, because it has
 * no narrower call; only the named one is ever initialised.
 */
enum err module_load(struct module *m, const char *name, struct fault *why);

/* C_Initialize with the operating system's locks, and C_Finalize. */
enum err module_start(struct module *m, struct fault *why);
void module_stop(struct module *m);

#endif
