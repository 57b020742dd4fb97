/*
 * The way of each call: the script is read again when it has changed, the call
 * is counted, what the script says is done before, instead of or behind it.
 */
#include "module.h"

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "calls.h"
#include "names.h"

#define SOFTHSM	   "/usr/lib/softhsm/libsofthsm2.so"
#define SCRIPT_MAX 65536
#define PATH_SIZE  4096

CK_FUNCTION_LIST *real;

static CK_FUNCTION_LIST faulty;
static char self[PATH_SIZE - 32];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct script *script; /* NULL: it has a mistake */
static struct edition edition;
static bool was_absent;

/* What a thread is in. */
static _Thread_local struct {
	const struct script *script;
	enum function f;
	unsigned long nth;
} now;

const char *
module_path(const char *suffix, char out[static PATH_SIZE])
{
	snprintf(out, PATH_SIZE, "%s%s", self, suffix);
	return out;
}

const struct script *
module_script(void)
{
	return now.script;
}

const struct rule *
module_rule(enum action action, const struct rule *r)
{
	const struct rule *end = now.script->rules + now.script->n;

	for (r = r == NULL ? now.script->rules : r + 1; r < end; r++)
		if (r->function == now.f && r->action == action &&
		    now.nth >= r->from && now.nth <= r->to)
			return r;
	return NULL;
}

/* -------------------------------------------------------------- the script */

static struct script *
read_script(const char *path)
{
	static char text[SCRIPT_MAX];
	struct mistake m = { .line = 0, .text = "larger than 65535 bytes" };
	FILE *f = fopen(path, "r");
	struct script *s = NULL;
	size_t n = 0;

	if (f != NULL) {
		n = fread(text, 1, sizeof(text), f);
		fclose(f);
	}
	if (n < sizeof(text)) {
		text[n] = '\0';
		s = script_parse(text, &m);
	}
	if (s == NULL)
		fprintf(stderr, "faulty-module: %s:%u: %s\n", path, m.line,
		    m.text);
	return s;
}

/* Scripts before are kept, because a call that hangs may be in one. */
static void
refresh(void)
{
	char path[PATH_SIZE];
	struct edition fresh = { 0, 0 };
	struct stat st;

	if (stat(module_path(".script", path), &st) == 0)
		fresh = (struct edition){ st.st_ino,
			(unsigned long long)st.st_mtim.tv_sec * 1000000000 +
			    (unsigned long long)st.st_mtim.tv_nsec };
	if (script != NULL && fresh.inode == edition.inode &&
	    fresh.time == edition.time)
		return;
	edition = fresh;
	script = read_script(path);
}

/* A token that is pulled out takes its sessions with it. */
static void
look_for_token(void)
{
	if (script->absent && !was_absent)
		state_lose_sessions();
	was_absent = script->absent;
}

/* ------------------------------------------------------------- what is done */

static void
pause_for(unsigned long ms)
{
	struct timespec t = { (time_t)(ms / 1000),
		(long)(ms % 1000) * 1000000 };

	while (nanosleep(&t, &t) != 0)
		;
}

__attribute__((noreturn)) static void
crash(void)
{
	signal(SIGSEGV, SIG_DFL);
	raise(SIGSEGV);
	_exit(1);
}

/* Does what comes before a call; true when the call does not come at all. */
static bool
do_before(const struct rule *r, CK_RV *rv)
{
	switch (r->action) {
	case RETURN:
		*rv = r->number;
		return true;
	case DELAY:
		pause_for(r->number);
		break;
	case HANG:
		for (;;)
			pause();
	case CRASH:
		crash();
	case EXIT:
		_exit((int)r->number);
	case LOSE_SESSIONS:
		state_lose_sessions();
		break;
	case LOSE_LOGIN:
		state_lose_login();
		break;
	case RENUMBER:
		state_renumber();
		break;
	case MISDIRECT:
		state_misdirect();
		break;
	default:
		break;
	}
	return false;
}

static bool
begin(enum function f, enum belongs belongs, CK_RV *rv)
{
	const struct rule *r = NULL;

	pthread_mutex_lock(&mutex);
	refresh();
	if (script != NULL)
		look_for_token();
	now.script = script;
	now.f = f;
	now.nth = calls_add(f, edition);
	pthread_mutex_unlock(&mutex);
	*rv = CKR_GENERAL_ERROR;
	if (now.script == NULL)
		return false;
	for (size_t i = 0; i < now.script->n; i++) {
		r = &now.script->rules[i];
		if (r->function == f && now.nth >= r->from &&
		    now.nth <= r->to && do_before(r, rv))
			return false;
	}
	*rv = belongs == TOKEN ? CKR_TOKEN_NOT_PRESENT : CKR_DEVICE_REMOVED;
	return belongs == MODULE || !now.script->absent;
}

static CK_RV
end(CK_RV rv)
{
	const struct rule *r = module_rule(SAY, NULL);

	return r != NULL ? r->number : rv;
}

/* ----------------------------------------------------------- the functions */

#define PLAIN(belongs, name, parameters, arguments, made)                      \
	static CK_RV faulty_##name parameters                                  \
	{                                                                      \
		object *out = made;                                            \
		CK_RV rv;                                                      \
                                                                               \
		if (!begin(F_##name, belongs, &rv))                            \
			return rv;                                             \
		rv = real->name arguments;                                     \
		if (rv == CKR_OK && out != NULL)                               \
			object_out(out);                                       \
		return end(rv);                                                \
	}

#define SPECIAL(belongs, name, parameters, arguments)                          \
	static CK_RV faulty_##name parameters                                  \
	{                                                                      \
		CK_RV rv;                                                      \
                                                                               \
		if (!begin(F_##name, belongs, &rv))                            \
			return rv;                                             \
		return end(do_##name arguments);                               \
	}

PLAIN_FUNCTIONS(PLAIN)
SPECIAL_FUNCTIONS(SPECIAL)

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list);

static bool
load_real(const char *path)
{
	void *so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	CK_RV (*get)(CK_FUNCTION_LIST **) = NULL;

	if (so != NULL)
		*(void **)&get = dlsym(so, "C_GetFunctionList");
	if (get != NULL && get(&real) == CKR_OK)
		return true;
	fprintf(stderr, "faulty-module: %s: %s\n", path, so == NULL ?
	    dlerror() : "not a PKCS#11 module");
	return false;
}

static bool
load(void)
{
	char path[PATH_SIZE];
	Dl_info about;

	if (dladdr(&faulty, &about) == 0 || about.dli_fname == NULL)
		return false;
	snprintf(self, sizeof(self), "%s", about.dli_fname);
	calls_open(module_path(".calls", path));
	refresh();
	return script != NULL && load_real(script->module[0] != '\0' ?
	    script->module : SOFTHSM);
}

#define FILL(belongs, name, ...) faulty.name = faulty_##name;

CK_RV
C_GetFunctionList(CK_FUNCTION_LIST **list)
{
	pthread_mutex_lock(&mutex);
	if (real == NULL && load()) {
		faulty.version = (CK_VERSION){ 2, 40 };
		faulty.C_GetFunctionList = C_GetFunctionList;
		PLAIN_FUNCTIONS(FILL)
		SPECIAL_FUNCTIONS(FILL)
	}
	pthread_mutex_unlock(&mutex);
	*list = &faulty;
	return real != NULL ? CKR_OK : CKR_GENERAL_ERROR;
}
