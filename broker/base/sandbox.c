#include "sandbox.h"

#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "mem.h"
#include "process.h"

static const struct {
	const char *word;
	enum sandbox_level least;
} demands[] = {
#define X(id, word, least) [id] = { word, least },
	SANDBOX_DEMANDS(X)
#undef X
};

static const struct {
	enum sandbox_level level;
	enum err (*enter)(const struct sandbox *, struct fault *);
} halves[] = {
	/* Landlock's own system calls are not in the filter. */
	{ SANDBOX_LANDLOCK, landlock_enter },
	{ SANDBOX_SECCOMP, filter_enter },
};

bool
sandbox_demand_parse(const char *word, enum sandbox_demand *out)
{
	for (unsigned i = 0; i < nitems(demands); i++)
		if (strcmp(demands[i].word, word) == 0) {
			*out = (enum sandbox_demand)i;
			return true;
		}
	return false;
}

enum sandbox_level
sandbox_enter(const struct sandbox *s)
{
	enum sandbox_level least = demands[s->demand].least;
	unsigned level = SANDBOX_NONE;
	struct fault why;

	if (s->demand == SANDBOX_OFF)
		return SANDBOX_NONE;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		fatal("cannot give up gaining rights by exec");
	for (size_t i = 0; i < nitems(halves); i++) {
		if (halves[i].enter(s, &why) == OK)
			level |= halves[i].level;
		else
			log_warning("sandbox: %s", why.text);
	}
	if ((level & least) == least)
		return (enum sandbox_level)level;
	log_error("the configuration demands \"sandbox %s\", which this system "
	    "does not give", demands[s->demand].word);
	_exit(EXIT_SETTING);
}
