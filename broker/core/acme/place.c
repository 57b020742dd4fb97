/* What a URL is, and whose. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "../../base/mem.h"
#include "../ca/directory.h"
#include "../core.h"
#include "affair.h"
#include "claim.h"

void
affair_owners(struct affair *a)
{
	a->nowners = policy_tenants(core.config, &a->facts, a->owners,
	    OWNERS_MAX);
	if (a->nowners > 0)
		return;
	snprintf(a->nobody, sizeof(a->nobody), "uid %u",
	    (unsigned)a->facts.uid);
	a->owners[a->nowners++] = a->nobody;
}

/* Bytes of a URL up to what servers tend not to look at. */
static size_t
stem(const char *url)
{
	size_t n = strcspn(url, "?");

	while (n > 0 && url[n - 1] == '/')
		n--;
	return n;
}

/* A server might take one for the other. */
static bool
alike(const char *a, const char *b)
{
	size_t n = stem(a);

	return n == stem(b) && strncasecmp(a, b, n) == 0;
}

static bool
equal(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

/* The member's place; other URLs in a directory are nothing to be signed
 * for. */
static enum place
place_of_member(const char *member)
{
	for (enum place p = PLACE_NEW_ACCOUNT; p < PLACE__MAX; p++)
		if (strcmp(place_name(p), member) == 0)
			return p;
	return PLACE_DIRECTORY;
}

static bool
find_bound(struct affair *a)
{
	for (size_t i = 0; i < a->nowners; i++) {
		a->by.owner = a->owners[i];
		if (binding_find(&a->by, a->wish->url, &a->binding))
			return true;
	}
	a->by.owner = a->owners[0];
	return false;
}

static enum err
check_alike(const struct affair *a, struct fault *why)
{
	char member[STORE_NAME];

	if (!alike(a->wish->url, a->account.kid) &&
	    !directory_find(a->account.ca, a->wish->url, alike, member))
		return OK;
	return fault_set(why, ERR_DENIED, "\"url\" is another spelling of a "
	    "URL of the account or the directory");
}

enum err
affair_place(struct affair *a, struct fault *why)
{
	const char *url = a->wish->url;
	char member[STORE_NAME];

	a->by.account = a->account.name;
	a->by.owner = a->owners[0];
	if (strcmp(url, a->account.kid) == 0)
		a->place = PLACE_ACCOUNT;
	else if (directory_find(a->account.ca, url, equal, member))
		a->place = place_of_member(member);
	else if (find_bound(a))
		a->place = a->binding.place;
	else
		return check_alike(a, why);
	return OK;
}

/* As the first of its owners for whom that goes.  There must be time left to
 * answer before the server hangs up. */
enum err
affair_claim(struct affair *a, struct fault *why)
{
	int64_t end = a->wish->start_us +
	    (int64_t)core.config->request_deadline * 900000;
	enum err e = ERR_DENIED;

	for (size_t i = 0; i < a->nowners && e == ERR_DENIED; i++) {
		a->by.owner = a->owners[i];
		e = claim(&a->by, a->wish->url, a->u.act, end, &a->binding,
		    a->detail, why);
	}
	a->place = a->binding.place;
	return e;
}
