/*
 * System calls by seccomp.  Three classes, so that another C library or a newer
 * one does not break us: what programs of our kind use is allowed; what would
 * only serve an attacker kills the process; anything else, such as what a
 * kernel to come will have, does not exist (ENOSYS), and who asks for it falls
 * back.  In the flavours for tests, a call that is known and yet not allowed
 * ends the process, too, with a line that names it: either it belongs into the
 * table, or into the program it does not.
 */
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"
#include "mem.h"
#include "sandbox.h"

_Static_assert(PROT_WRITE == 2 && PROT_EXEC == 4, "neighbours");
#define FAMILIES_MAX 64	 /* of sockets; Linux has fewer */
#define API_LEVEL    3	 /* of libseccomp: Linux 4.14 */
#define CALLS_MAX    600 /* numbers that are looked at in tests */

#ifdef TEST_POINTS
#define KILL		 SCMP_ACT_TRAP
#define REFUSE(code)	 SCMP_ACT_TRAP
#else
#define KILL		 SCMP_ACT_KILL_PROCESS
#define REFUSE(code)	 SCMP_ACT_ERRNO(code)
#endif

/* Names that the architecture or libseccomp does not know are passed over. */
static const char *const allowed[] = {
	/* memory */
	"brk", "madvise", "membarrier", "mincore", "mlock", "mlock2", "mremap",
	"msync", "munlock", "munmap",
	/* threads, signals to oneself, the end */
	"arch_prctl", "exit", "exit_group", "futex", "futex_time64",
	"futex_waitv", "get_robust_list", "get_thread_area", "getcpu",
	"getpgid", "getpgrp", "getpid", "getppid", "getsid", "gettid", "prctl",
	"restart_syscall", "rseq", "rt_sigaction", "rt_sigpending",
	"rt_sigprocmask", "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait",
	"rt_sigtimedwait_time64", "sched_get_priority_max",
	"sched_get_priority_min", "sched_getaffinity", "sched_getparam",
	"sched_getscheduler", "sched_yield", "set_robust_list",
	"set_thread_area", "set_tid_address", "set_tls", "sigaltstack",
	"sigreturn", "tkill",
	/* who and where we are */
	"getegid", "getegid32", "geteuid", "geteuid32", "getgid", "getgid32",
	"getgroups", "getgroups32", "getrandom", "getresgid", "getresgid32",
	"getresuid", "getresuid32", "getrlimit", "getrusage", "getuid",
	"getuid32", "prlimit64", "sysinfo", "ugetrlimit", "uname",
	/* time */
	"clock_getres", "clock_getres_time64", "clock_gettime",
	"clock_gettime64", "clock_nanosleep", "clock_nanosleep_time64",
	"gettimeofday", "nanosleep", "pause", "time", "times",
	/* descriptors */
	"_llseek", "_newselect", "close", "close_range", "copy_file_range",
	"dup", "dup2", "dup3", "epoll_create", "epoll_create1", "epoll_ctl",
	"epoll_pwait", "epoll_pwait2", "epoll_wait", "eventfd", "eventfd2",
	"fadvise64", "fadvise64_64", "fallocate", "fcntl", "fcntl64",
	"fdatasync", "flock", "fsync", "ftruncate", "ftruncate64", "ioctl",
	"lseek", "pipe", "pipe2", "poll", "ppoll", "ppoll_time64", "pread64",
	"preadv", "preadv2", "pselect6", "pselect6_time64", "pwrite64",
	"pwritev", "pwritev2", "read", "readahead", "readv", "select",
	"sendfile", "sendfile64", "sync_file_range", "sync_file_range2",
	"write", "writev",
	/* files: which ones is Landlock's business */
	"access", "chdir", "chmod", "chown", "chown32", "creat", "faccessat",
	"faccessat2", "fchdir", "fchmod", "fchmodat", "fchmodat2", "fchown",
	"fchown32", "fchownat", "fstat", "fstat64", "fstatat64", "fstatfs",
	"fstatfs64", "futimesat", "getcwd", "getdents", "getdents64", "lchown",
	"lchown32", "link", "linkat", "lstat", "lstat64", "mkdir", "mkdirat",
	"newfstatat", "open", "openat", "openat2", "readlink", "readlinkat",
	"rename", "renameat", "renameat2", "rmdir", "stat", "stat64", "statfs",
	"statfs64", "statx", "symlink", "symlinkat", "truncate", "truncate64",
	"umask", "unlink", "unlinkat", "utime", "utimensat",
	"utimensat_time64", "utimes",
	/* sockets: which ones is said below */
	"accept", "accept4", "bind", "connect", "getpeername", "getsockname",
	"getsockopt", "listen", "recv", "recvfrom", "recvmmsg",
	"recvmmsg_time64", "recvmsg", "send", "sendmmsg", "sendmsg", "sendto",
	"setsockopt", "shutdown", "socketpair",
};

static const char *const deadly[] = {
	/* other programs, and new processes for them */
	"execve", "execveat", "fork", "vfork",
	/* other processes' memory and descriptors */
	"kcmp", "pidfd_getfd", "process_madvise", "process_vm_readv",
	"process_vm_writev", "ptrace",
	/* the kernel itself */
	"bpf", "create_module", "delete_module", "finit_module", "init_module",
	"io_uring_enter", "io_uring_register", "io_uring_setup", "ioperm",
	"iopl", "kexec_file_load", "kexec_load", "lookup_dcookie",
	"modify_ldt", "perf_event_open", "reboot", "syslog", "userfaultfd",
	/* keys of the kernel */
	"add_key", "keyctl", "request_key",
	/* what is mounted where, and namespaces */
	"chroot", "fsconfig", "fsmount", "fsopen", "fspick", "mount",
	"mount_setattr", "move_mount", "open_by_handle_at", "open_tree",
	"pivot_root", "quotactl", "setns", "swapoff", "swapon", "umount",
	"umount2", "unshare",
	/* the machine's clock, names and accounts */
	"acct", "adjtimex", "clock_adjtime", "clock_adjtime64",
	"clock_settime", "clock_settime64", "setdomainname", "sethostname",
	"settimeofday", "stime",
};

static const int local_families[] = { AF_UNIX };
static const int network_families[] = { AF_UNIX, AF_INET, AF_INET6,
	AF_NETLINK };

static bool
is_family(int family, bool network)
{
	const int *list = network ? network_families : local_families;
	size_t n = network ? nitems(network_families) :
	    nitems(local_families);

	for (size_t i = 0; i < n; i++)
		if (list[i] == family)
			return true;
	return false;
}

static int
add_names(scmp_filter_ctx f, uint32_t action, const char *const *names,
    size_t n)
{
	int e = 0;

	for (size_t i = 0; i < n && e == 0; i++) {
		int call = seccomp_syscall_resolve_name(names[i]);

		if (call >= 0)
			e = seccomp_rule_add(f, action, call, 0);
	}
	return e;
}

static int
add_sockets(scmp_filter_ctx f, const struct sandbox *s)
{
	int e = 0;

	for (int i = 0; i < FAMILIES_MAX && e == 0; i++)
		e = seccomp_rule_add(f, is_family(i, s->network) ?
		    SCMP_ACT_ALLOW : REFUSE(EAFNOSUPPORT), SCMP_SYS(socket), 1,
		    SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)i, 0));
	return e;
}

/* New threads, but no new processes. */
static int
add_threads(scmp_filter_ctx f, const struct sandbox *s)
{
#ifdef __s390__
	const unsigned flags = 1;
#else
	const unsigned flags = 0;
#endif
	int e;

	(void)s;
	e = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
	    SCMP_CMP(flags, SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
	if (e == 0)
		e = seccomp_rule_add(f, KILL, SCMP_SYS(clone), 1,
		    SCMP_CMP(flags, SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
	return e;
}

/* Signals to ourselves only, as abort() sends them. */
static int
add_signals(scmp_filter_ctx f, const struct sandbox *s)
{
	const int calls[] = { SCMP_SYS(kill), SCMP_SYS(tgkill) };
	const scmp_datum_t self = (scmp_datum_t)getpid();
	int e = 0;

	(void)s;
	for (size_t i = 0; i < nitems(calls) && e == 0; i++) {
		e = seccomp_rule_add(f, SCMP_ACT_ALLOW, calls[i], 1,
		    SCMP_A0(SCMP_CMP_EQ, self, 0));
		if (e == 0)
			e = seccomp_rule_add(f, REFUSE(EPERM), calls[i], 1,
			    SCMP_A0(SCMP_CMP_NE, self, 0));
	}
	return e;
}

static int
add_tables(scmp_filter_ctx f, const struct sandbox *s)
{
	int e;

	(void)s;
	e = add_names(f, SCMP_ACT_ALLOW, allowed, nitems(allowed));
	if (e == 0)
		e = add_names(f, KILL, deadly, nitems(deadly));
	return e;
}

/* Memory is written or run, never both, so that nothing that came as data can
 * be run.  Libraries that are loaded late are mapped as files. */
static int
add_memory(scmp_filter_ctx f, const struct sandbox *s)
{
	const scmp_datum_t both = PROT_WRITE | PROT_EXEC;
	const struct {
		const char *name;
		scmp_datum_t forbidden;
	} calls[] = { { "mmap", both }, { "mmap2", both },
		{ "mprotect", PROT_EXEC }, { "pkey_mprotect", PROT_EXEC } };
	int e = 0;

	(void)s;
	for (size_t i = 0; i < 4 * nitems(calls) && e == 0; i++) {
		scmp_datum_t bits = (i % 4) * PROT_WRITE;
		scmp_datum_t no = calls[i / 4].forbidden;
		int call = seccomp_syscall_resolve_name(calls[i / 4].name);

		if (call >= 0)
			e = seccomp_rule_add(f, (bits & no) == no ?
			    REFUSE(EPERM) : SCMP_ACT_ALLOW, call, 1,
			    SCMP_A2(SCMP_CMP_MASKED_EQ, both, bits));
	}
	return e;
}

#ifdef TEST_POINTS
/* The line is written before the process ends: log_error() may be in the way
 * of whoever made the call. */
static void
on_refused(int signal, siginfo_t *info, void *context)
{
	char text[] = "sandbox: system call 0000 is forbidden\n";
	char *digit = strchr(text, '0') + 3;

	(void)context;
	for (int n = info->si_syscall; n > 0; n /= 10)
		*digit-- = (char)('0' + n % 10);
	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
	(void)sigaction(signal, &(struct sigaction){ .sa_handler = SIG_DFL },
	    NULL);
	raise(signal);
}

/* The arguments of clone3() lie in memory that no filter can read: who makes a
 * thread falls back to clone(), whose flags can be seen. */
static bool
is_listed(const char *name)
{
	static const char *const elsewhere[] = { "clone", "clone3", "kill",
		"mmap", "mmap2", "mprotect", "pkey_mprotect", "socket",
		"tgkill" };
	static const struct {
		const char *const *names;
		size_t n;
	} lists[] = {
		{ allowed, nitems(allowed) }, { deadly, nitems(deadly) },
		{ elsewhere, nitems(elsewhere) },
	};

	for (size_t i = 0; i < nitems(lists); i++)
		for (size_t k = 0; k < lists[i].n; k++)
			if (strcmp(lists[i].names[k], name) == 0)
				return true;
	return false;
}

static int
add_others(scmp_filter_ctx f, const struct sandbox *s)
{
	const struct sigaction action = { .sa_sigaction = on_refused,
		.sa_flags = SA_SIGINFO | SA_NODEFER };
	int e = sigaction(SIGSYS, &action, NULL);

	(void)s;
	for (int i = 0; i < CALLS_MAX && e == 0; i++) {
		char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE,
		    i);

		if (name != NULL && !is_listed(name))
			e = seccomp_rule_add(f, KILL, i, 0);
		free(name);
	}
	return e;
}
#endif

/* Missing are those that stand in no table. */
static int (*const tables[])(scmp_filter_ctx, const struct sandbox *) = {
	add_tables, add_memory, add_threads, add_signals, add_sockets,
#ifdef TEST_POINTS
	add_others,
#endif
};

enum err
filter_enter(const struct sandbox *s, struct fault *why)
{
	scmp_filter_ctx f;
	int e;

	/* Nor have valgrind and others that stand between us and it. */
	if (seccomp_api_get() < API_LEVEL)
		return fault_set(why, ERR_UNSUPPORTED, "this kernel has no "
		    "seccomp that can end a process");
	f = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	if (f == NULL)
		fatal("cannot make a filter of system calls");
	/* On kernels before 5.16, a filter slows down memory for the sake of
	 * programs that run code of others; and before 4.17 always. */
	(void)seccomp_attr_set(f, SCMP_FLTATR_CTL_SSB, 1);
	e = seccomp_attr_set(f, SCMP_FLTATR_ACT_BADARCH, KILL);
	if (e == 0)
		e = seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	for (size_t i = 0; i < nitems(tables) && e == 0; i++)
		e = tables[i](f, s);
	if (e != 0)
		fatal("the filter of system calls: %s", strerror(-e));
	e = seccomp_load(f);
	seccomp_release(f);
	if (e != 0)
		return fault_set(why, ERR_IO, "cannot use seccomp: %s",
		    strerror(-e));
	return OK;
}
