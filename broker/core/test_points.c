#include "test_points.h"

#include <stdio.h>

#include "../base/mem.h"
#include "../issuer/protocol.h"

#ifdef TEST_POINTS
static const char *const steps[] = {
#define X(id, word) word,
	ISSUER_STEPS(X)
#undef X
};

/* Where the core and the issuer stop in a step at the CA. */
static const char *const moments[] = { "prepared", "signed", "sending",
	"sent", "answered", "stored" };

static const char *const local[] = {
	"account-key.before", "account-key.after",
	"key.before", "key.generated", "key.csr",
	"authorizations.read", "authorizations.valid",
	"provision.before", "provision.after",
	"challenge.stored",
	"install.before", "install.published", "install.after",
	"publish.written", "publish.placed", "publish.linked",
	"deploy.before", "deploy.after",
};

void
test_points_print(void)
{
	for (size_t s = 0; s < nitems(steps); s++)
		for (size_t m = 0; m < nitems(moments); m++)
			/* a directory is fetched without a signature, and
			 * no order of our own has us look at a URL */
			if (s != STEP_LOOK &&
			    (s != STEP_DIRECTORY || m < 1 || m > 3))
				printf("%s.%s\n", steps[s], moments[m]);
	for (size_t i = 0; i < nitems(local); i++)
		puts(local[i]);
}
#else
void
test_points_print(void)
{
}
#endif
