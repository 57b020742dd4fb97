#include "module.h"

#include <p11-kit/p11-kit.h>
#include <stdlib.h>

#include "ladder.h"

static CK_FUNCTION_LIST *
load_by_name(const char *name)
{
	CK_FUNCTION_LIST **all;

	all = p11_kit_modules_load(NULL, P11_KIT_MODULE_UNMANAGED);
	return all != NULL ? p11_kit_module_for_name(all, name) : NULL;
}

enum err
module_load(struct module *m, const char *name, struct fault *why)
{
	const char *reason = NULL;

	*m = (struct module){ .f = NULL };
	p11_kit_be_quiet();
	if (name[0] == '/') {
		m->f = p11_kit_module_load(name, P11_KIT_MODULE_UNMANAGED);
		reason = p11_kit_message();
	} else {
		m->f = load_by_name(name);
		reason = "no p11-kit module file of that name loads";
	}
	if (m->f != NULL)
		return OK;
	return fault_set(why, ERR_CONFIG, "module %s: %s", name,
	    reason != NULL ? reason : "does not load");
}

/* Some modules, NSS among them, want more than the standard says; p11-kit's
 * file about the module has it. */
enum err
module_start(struct module *m, struct fault *why)
{
	char *reserved = p11_kit_config_option(m->f, "x-init-reserved");
	CK_C_INITIALIZE_ARGS args = { .flags = CKF_OS_LOCKING_OK,
		.pReserved = reserved };
	CK_RV rv = m->f->C_Initialize(&args);

	if (rv == CKR_CANT_LOCK)
		rv = m->f->C_Initialize(NULL);
	free(reserved);
	if (rv == CKR_CRYPTOKI_ALREADY_INITIALIZED)
		return OK;
	if (rv != CKR_OK)
		return ladder_fault(why, rv, "C_Initialize");
	m->started = true;
	return OK;
}

void
module_stop(struct module *m)
{
	if (m->started)
		(void)m->f->C_Finalize(NULL);
	m->started = false;
}
