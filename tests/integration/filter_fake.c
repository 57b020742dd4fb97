/*
 * Runs a program, and all that it starts, with fewer system calls:
 *
 *	filter_fake without NAME... -- PROGRAM [ARGUMENT]...
 *		as on a kernel that has not got these (ENOSYS)
 *	filter_fake only NAME... -- PROGRAM [ARGUMENT]...
 *		as below SystemCallFilter= and SystemCallErrorNumber=EPERM
 *
 * Names that this architecture does not know are passed over.
 */
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
	int only = argc > 1 && strcmp(argv[1], "only") == 0, e = 0, i;
	uint32_t others = only ? SCMP_ACT_ERRNO(EPERM) : SCMP_ACT_ALLOW;
	uint32_t named = only ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(ENOSYS);
	scmp_filter_ctx f = seccomp_init(others);

	for (i = 2; i < argc && strcmp(argv[i], "--") != 0 && e == 0; i++) {
		int call = seccomp_syscall_resolve_name(argv[i]);

		if (call >= 0)
			e = seccomp_rule_add(f, named, call, 0);
	}
	if (e != 0 || i + 1 >= argc || seccomp_load(f) != 0) {
		fprintf(stderr, "filter_fake: cannot filter\n");
		return 2;
	}
	execvp(argv[i + 1], argv + i + 1);
	perror(argv[i + 1]);
	return 127;
}
