/*
 * The yardstick: as many processes as there are lanes, each with one session,
 * calling C_SignInit and C_Sign on a token key in a loop and nothing else.
 *
 * raw MODULE TOKEN-LABEL PIN-FILE KEY-LABEL ec|rsa PROCESSES SECONDS
 * prints: signatures per second in all, median microseconds of one
 */
#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROCESSES_MAX 64
#define SLOTS_MAX     64
#define BUCKETS	      100000 /* of one microsecond */

struct share {
	volatile int ready;
	volatile int go;
	uint64_t count[PROCESSES_MAX];
	uint32_t micros[BUCKETS];
};

static _Noreturn void
die(const char *what, CK_RV rv)
{
	fprintf(stderr, "raw: %s: 0x%lx\n", what, rv);
	_exit(1);
}

static CK_FUNCTION_LIST *
module_load(const char *path)
{
	CK_C_GetFunctionList get;
	CK_FUNCTION_LIST *list;
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	if (handle == NULL)
		die(dlerror(), 0);
	*(void **)&get = dlsym(handle, "C_GetFunctionList");
	if (get == NULL || get(&list) != CKR_OK ||
	    list->C_Initialize(NULL) != CKR_OK)
		die("C_Initialize", 0);
	return list;
}

static CK_SESSION_HANDLE
session_open(CK_FUNCTION_LIST *p11, const char *label)
{
	CK_SLOT_ID slots[SLOTS_MAX];
	CK_ULONG n = SLOTS_MAX;
	CK_SESSION_HANDLE session;
	CK_TOKEN_INFO info;
	CK_RV rv;

	rv = p11->C_GetSlotList(CK_TRUE, slots, &n);
	if (rv != CKR_OK)
		die("C_GetSlotList", rv);
	for (CK_ULONG i = 0; i < n; i++) {
		if (p11->C_GetTokenInfo(slots[i], &info) != CKR_OK ||
		    strncmp((char *)info.label, label, strlen(label)) != 0)
			continue;
		rv = p11->C_OpenSession(slots[i], CKF_SERIAL_SESSION, NULL,
		    NULL, &session);
		if (rv != CKR_OK)
			die("C_OpenSession", rv);
		return session;
	}
	die("no such token", 0);
	return 0;
}

static void
login(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, const char *path)
{
	char pin[256] = "";
	FILE *f = fopen(path, "r");
	CK_RV rv;

	if (f == NULL || fgets(pin, sizeof(pin), f) == NULL)
		die("PIN file", 0);
	pin[strcspn(pin, "\n")] = '\0';
	rv = p11->C_Login(session, CKU_USER, (CK_UTF8CHAR *)pin, strlen(pin));
	if (rv != CKR_OK && rv != CKR_USER_ALREADY_LOGGED_IN)
		die("C_Login", rv);
	fclose(f);
}

static CK_OBJECT_HANDLE
key_find(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, char *label)
{
	CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
	CK_ATTRIBUTE match[] = {
		{ CKA_CLASS, &class, sizeof(class) },
		{ CKA_LABEL, label, strlen(label) },
	};
	CK_OBJECT_HANDLE key;
	CK_ULONG n = 0;

	if (p11->C_FindObjectsInit(session, match, 2) != CKR_OK ||
	    p11->C_FindObjects(session, &key, 1, &n) != CKR_OK || n != 1)
		die("no such key", 0);
	p11->C_FindObjectsFinal(session);
	return key;
}

static double
seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
loop(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key,
    int rsa, double length, struct share *share, int me)
{
	static const unsigned char info[19] = { 0x30, 0x31, 0x30, 0x0d, 0x06,
		0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01,
		0x05, 0x00, 0x04, 0x20 };
	CK_MECHANISM mechanism = { rsa ? CKM_RSA_PKCS : CKM_ECDSA, NULL, 0 };
	unsigned char input[51], out[1024];
	double end = seconds() + length, before, after = seconds();
	CK_ULONG n, in = rsa ? 51 : 32;
	uint64_t micros;

	memcpy(input, info, sizeof(info));
	memset(input + 19, 0x5a, 32);
	while (after < end) {
		before = after;
		n = sizeof(out);
		input[50]++;
		if (p11->C_SignInit(session, &mechanism, key) != CKR_OK ||
		    p11->C_Sign(session, rsa ? input : input + 19, in, out,
			&n) != CKR_OK)
			die("C_Sign", 0);
		after = seconds();
		micros = (uint64_t)((after - before) * 1e6);
		share->micros[micros < BUCKETS ? micros : BUCKETS - 1]++;
		share->count[me]++;
	}
}

static void
child(char **argv, struct share *share, int me)
{
	CK_FUNCTION_LIST *p11 = module_load(argv[1]);
	CK_SESSION_HANDLE session = session_open(p11, argv[2]);
	CK_OBJECT_HANDLE key;

	login(p11, session, argv[3]);
	key = key_find(p11, session, argv[4]);
	share->ready = me + 1;
	while (!share->go)
		usleep(1000);
	loop(p11, session, key, strcmp(argv[5], "rsa") == 0, atof(argv[7]),
	    share, me);
	p11->C_Finalize(NULL);
	_exit(0);
}

static unsigned
median(const struct share *share, uint64_t total)
{
	uint64_t seen = 0;

	for (unsigned i = 0; i < BUCKETS; i++) {
		seen += share->micros[i];
		if (seen * 2 >= total)
			return i;
	}
	return BUCKETS;
}

int
main(int argc, char **argv)
{
	struct share *share;
	uint64_t total = 0;
	int n, status;

	if (argc != 8 || (n = atoi(argv[6])) < 1 || n > PROCESSES_MAX) {
		fprintf(stderr, "usage: raw MODULE TOKEN PIN-FILE KEY-LABEL "
		    "ec|rsa PROCESSES SECONDS\n");
		return 2;
	}
	share = mmap(NULL, sizeof(*share), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < n; i++) {
		if (fork() == 0)
			child(argv, share, i);
		/* one at a time: SoftHSM loses a login in parallel starts */
		for (int k = 0; share->ready <= i && k < 5000; k++)
			usleep(1000);
	}
	share->go = 1;
	while (wait(&status) > 0)
		if (status != 0)
			return 1;
	for (int i = 0; i < n; i++)
		total += share->count[i];
	printf("%.0f %u\n", (double)total / atof(argv[7]),
	    median(share, total));
	return 0;
}
