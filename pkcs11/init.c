#include "init.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../broker/base/io.h"
#include "../broker/base/mem.h"
#include "../broker/base/process.h"
#include "module.h"
#include "pin.h"

#define LABEL_SIZE 32 /* bytes, padded with blanks */
#define SLOTS_MAX  256

static enum err
pin_from(const char *path, struct pin *pin, struct fault *why)
{
	enum err e;
	int fd;

	if (path == NULL)
		return fault_set(why, ERR_USAGE,
		    "--pin-file and --so-pin-file are needed");
	e = open_secret_file(path, &fd, why);
	if (e != OK)
		return e;
	e = pin_read(pin, fd, why);
	close(fd);
	return e;
}

static enum err
label_write(unsigned char out[static LABEL_SIZE], const char *label,
    struct fault *why)
{
	size_t n = strlen(label);

	if (n == 0 || n > LABEL_SIZE || strncmp(label, "pkcs11:", 7) == 0)
		return fault_set(why, ERR_USAGE,
		    "--token: a label of 1 to %d bytes", LABEL_SIZE);
	memset(out, ' ', LABEL_SIZE);
	memcpy(out, label, n);
	return OK;
}

/* The first slot whose token is empty; none may have that label already. */
static enum err
find_empty(const struct module *m, const unsigned char *label,
    CK_SLOT_ID *slot, struct fault *why)
{
	CK_SLOT_ID slots[SLOTS_MAX];
	CK_ULONG n = SLOTS_MAX;
	CK_TOKEN_INFO info;
	bool found = false;

	if (m->f->C_GetSlotList(CK_TRUE, slots, &n) != CKR_OK)
		return fault_set(why, ERR_TOKEN, "cannot list the slots");
	for (CK_ULONG i = 0; i < n; i++) {
		if (m->f->C_GetTokenInfo(slots[i], &info) != CKR_OK)
			continue;
		if ((info.flags & CKF_TOKEN_INITIALIZED) == 0) {
			*slot = found ? *slot : slots[i];
			found = true;
		} else if (memcmp(info.label, label, LABEL_SIZE) == 0) {
			return fault_set(why, ERR_CONFLICT,
			    "a token of that label is there");
		}
	}
	return found ? OK : fault_set(why, ERR_NOT_FOUND,
	    "no slot with an uninitialised token");
}

static enum err
set_user_pin(const struct module *m, CK_SLOT_ID slot, const struct pin *so,
    const struct pin *user, struct fault *why)
{
	CK_SESSION_HANDLE session;
	CK_RV rv;

	rv = m->f->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION,
	    NULL, NULL, &session);
	if (rv == CKR_OK)
		rv = m->f->C_Login(session, CKU_SO, so->bytes, so->n);
	if (rv == CKR_OK)
		rv = m->f->C_InitPIN(session, user->bytes, user->n);
	return rv == CKR_OK ? OK : fault_set(why, ERR_TOKEN,
	    "cannot set the user PIN: 0x%lx", rv);
}

static enum err
init(const struct options *o, const struct module *m, struct fault *why)
{
	unsigned char label[LABEL_SIZE];
	struct pin so = { 0 }, user = { 0 };
	CK_SLOT_ID slot = 0;
	CK_RV rv;
	enum err e;

	e = label_write(label, o->token, why);
	if (e == OK)
		e = pin_from(o->so_pin_file, &so, why);
	if (e == OK)
		e = pin_from(o->pin_file, &user, why);
	if (e == OK)
		e = find_empty(m, label, &slot, why);
	if (e != OK)
		goto out;
	rv = m->f->C_InitToken(slot, so.bytes, so.n, label);
	e = rv == CKR_OK ? set_user_pin(m, slot, &so, &user, why) :
	    fault_set(why, ERR_TOKEN, "C_InitToken: 0x%lx", rv);
out:
	pin_wipe(&so);
	pin_wipe(&user);
	return e;
}

int
init_token(const struct options *o)
{
	struct module m = { .f = NULL };
	struct fault why;
	enum err e;

	e = module_load(&m, o->module, &why);
	if (e == OK)
		e = module_start(&m, &why);
	if (e == OK) {
		e = init(o, &m, &why);
		module_stop(&m);
	}
	if (e == OK)
		printf("token %s is initialised\n", o->token);
	else
		fprintf(stderr, "keybroker-signer: %s\n", why.text);
	return e == OK ? EXIT_FINE : e == ERR_USAGE ? 2 : 1;
}
