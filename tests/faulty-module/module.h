/* The module as a whole: the real one below it, the script beside it, and the
 * call that a thread is in. */
#ifndef FAULTY_MODULE_H
#define FAULTY_MODULE_H

#include "script.h"

extern CK_FUNCTION_LIST *real;

/* The script of the call that this thread is in. */
const struct script *module_script(void);

/* The next rule behind r (NULL: the first) that does this at this call; NULL
 * when there is none. */
const struct rule *module_rule(enum action action, const struct rule *r);

/* A file beside the module: its path with a suffix. */
const char *module_path(const char *suffix, char out[static 4096]);

/* What SPECIAL functions do, when the script lets them. */
#define DECLARE(belongs, name, parameters, arguments)                          \
	CK_RV do_##name parameters;
SPECIAL_FUNCTIONS(DECLARE)
#undef DECLARE

/* Actions on the state of this process, see state.c. */
void state_lose_sessions(void);
void state_lose_login(void);
void state_renumber(void);
void state_misdirect(void);

#endif
