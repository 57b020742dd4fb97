#include "token.h"

#include <stdlib.h>
#include <string.h>

#include "../broker/base/mem.h"
#include "generate.h"
#include "ladder.h"
#include "sign.h"

#define SLOTS_MAX  1024
#define SLOT_TRIES 5 /* the list may grow between two calls */

static enum err
slot_list(const struct module *m, CK_SLOT_ID **slots, CK_ULONG *n,
    struct fault *why)
{
	CK_RV rv = CKR_BUFFER_TOO_SMALL;
	CK_ULONG room;

	*slots = NULL;
	for (int i = 0; i < SLOT_TRIES && rv == CKR_BUFFER_TOO_SMALL; i++) {
		rv = m->f->C_GetSlotList(CK_TRUE, NULL, n);
		if (rv != CKR_OK)
			break;
		if (*n > SLOTS_MAX)
			return fault_set(why, ERR_LIMIT,
			    "module has %lu slots", *n);
		*slots = xreallocarray(*slots, room = *n, sizeof(**slots));
		rv = m->f->C_GetSlotList(CK_TRUE, *slots, n);
		if (rv == CKR_OK && *n > room)
			rv = CKR_BUFFER_TOO_SMALL;
	}
	return rv == CKR_OK ? OK : ladder_fault(why, rv, "C_GetSlotList");
}

/* Copies a blank-padded field; what is not printable becomes '?'. */
static void
unpad(char *out, const unsigned char *p, size_t n)
{
	while (n > 0 && (p[n - 1] == ' ' || p[n - 1] == '\0'))
		n--;
	for (size_t i = 0; i < n; i++)
		out[i] = p[i] < 0x20 || p[i] == 0x7f ? '?' : (char)p[i];
	out[n] = '\0';
}

static void
describe(struct token *t)
{
	struct lane_token *a = &t->about;

	unpad(a->label, t->info.label, sizeof(t->info.label));
	unpad(a->serial, t->info.serialNumber, sizeof(t->info.serialNumber));
	unpad(a->manufacturer, t->info.manufacturerID,
	    sizeof(t->info.manufacturerID));
	unpad(a->model, t->info.model, sizeof(t->info.model));
	a->flags = (uint32_t)t->info.flags;
	t->quirk = quirk_find(t->library, a->manufacturer, a->model);
}

enum err
token_refresh(struct token *t, const struct module *m, struct fault *why)
{
	CK_RV rv = m->f->C_GetTokenInfo(t->slot, &t->info);

	if (rv != CKR_OK)
		return ladder_fault(why, rv, "C_GetTokenInfo");
	describe(t);
	return OK;
}

static enum err
read_mechanisms(struct token *t, const struct module *m, struct fault *why)
{
	CK_MECHANISM_TYPE types[MECHANISMS_MAX];
	CK_ULONG n = MECHANISMS_MAX;
	CK_RV rv = m->f->C_GetMechanismList(t->slot, types, &n);

	if (rv == CKR_OK && n > MECHANISMS_MAX)
		rv = CKR_GENERAL_ERROR;
	if (rv != CKR_OK)
		return ladder_fault(why, rv, "C_GetMechanismList");
	t->nmechanisms = 0;
	for (CK_ULONG i = 0; i < n; i++) {
		struct mechanism *mech = &t->mechanisms[t->nmechanisms];

		mech->type = types[i];
		rv = m->f->C_GetMechanismInfo(t->slot, types[i], &mech->info);
		if (rv == CKR_OK)
			t->nmechanisms++;
	}
	return OK;
}

static void
find_capabilities(struct token *t)
{
	t->about.algs = t->about.key_types = 0;
	for (unsigned i = 0; i < ALG__MAX; i++)
		if (sign_offered(t, (enum sig_alg)i))
			t->about.algs |= 1U << i;
	for (unsigned i = 0; i < KEY_TYPE__MAX; i++) {
		enum key_type type = (enum key_type)i;

		if (generate_offered(t, type) &&
		    sign_offered(t, alg_default(type)))
			t->about.key_types |= 1U << i;
	}
}

/* Counts the matches of uri; t keeps the last one. */
static unsigned
match_slots(struct token *t, const struct module *m, P11KitUri *uri,
    const CK_SLOT_ID *slots, CK_ULONG n)
{
	unsigned matches = 0;

	for (CK_ULONG i = 0; i < n; i++) {
		CK_TOKEN_INFO info;

		if (m->f->C_GetTokenInfo(slots[i], &info) != CKR_OK ||
		    (info.flags & CKF_TOKEN_INITIALIZED) == 0 ||
		    !p11_kit_uri_match_token_info(uri, &info))
			continue;
		t->slot = slots[i];
		t->info = info;
		matches++;
	}
	return matches;
}

/* A module that has no CK_INFO is taken for any. */
static enum err
check_library(struct token *t, const struct module *m, P11KitUri *uri,
    struct fault *why)
{
	CK_INFO info;

	if (m->f->C_GetInfo(&info) != CKR_OK)
		return OK;
	unpad(t->library, info.manufacturerID, sizeof(info.manufacturerID));
	if (p11_kit_uri_match_module_info(uri, &info))
		return OK;
	return fault_set(why, ERR_CONFIG,
	    "the URI names another library than this module");
}

enum err
token_find(struct token *t, const struct module *m, P11KitUri *uri,
    struct fault *why)
{
	CK_SLOT_ID *slots = NULL;
	unsigned matches = 0;
	CK_ULONG n = 0;
	enum err e;

	e = check_library(t, m, uri, why);
	if (e == OK)
		e = slot_list(m, &slots, &n, why);
	if (e == OK)
		matches = match_slots(t, m, uri, slots, n);
	free(slots);
	if (e != OK)
		return e;
	if (matches == 0)
		return fault_set(why, ERR_TOKEN, "no token matches "
		    "the URI: it is not there, or is called otherwise");
	if (matches > 1)
		return fault_set(why, ERR_CONFIG,
		    "%u tokens match the URI: add serial=", matches);
	describe(t);
	e = read_mechanisms(t, m, why);
	if (e == OK)
		find_capabilities(t);
	return e;
}

const struct mechanism *
token_mechanism(const struct token *t, CK_MECHANISM_TYPE type, CK_FLAGS flags)
{
	for (size_t i = 0; i < t->nmechanisms; i++)
		if (t->mechanisms[i].type == type &&
		    (t->mechanisms[i].info.flags & flags) == flags)
			return &t->mechanisms[i];
	return NULL;
}
