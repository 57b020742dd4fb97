/*
 * What the sandbox of core and issuer lets a process do, tried in processes
 * that enter it and then do it.  In this flavour of the build, what is refused
 * by seccomp ends the process.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <pthread.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../broker/base/io.h"
#include "../../broker/base/mem.h"
#include "../../broker/base/process.h"
#include "../../broker/base/sandbox.h"

#define FUTURE_CALL 1023 /* a system call that no kernel has yet */
#define DONE	    0

/* Folders: everything is allowed in keep, fill is a webroot, and about rest
 * nobody said anything. */
static char folder[] = "/tmp/kbsandbox.XXXXXX";
static char keep[64], fill[64], rest[64], readable[64];
static int landlock; /* the version of the interface; 0: none */

static int
errno_of(long result)
{
	return result >= 0 ? DONE : errno;
}

static int
open_at(const char *where, const char *name, int flags)
{
	char *path = xasprintf("%s/%s", where, name);
	int fd = open(path, flags | O_CLOEXEC, 0600);

	free(path);
	return errno_of(fd);
}

/* As the core writes its files: a new one, renamed. */
static int
write_below(const char *where)
{
	char *path = xasprintf("%s/file", where);
	struct fault why;
	int e = write_file(path, "x", 1, 0600, &why) == OK ? DONE :
	    open_at(where, "file", O_CREAT | O_WRONLY);

	free(path);
	return e;
}

/* ------------------------------------------------------------------ files */

static int keep_write(void) { return write_below(keep); }
static int keep_read(void) { return open_at(keep, "old", O_RDONLY); }
static int fill_write(void) { return write_below(fill); }
static int fill_read(void) { return open_at(fill, "old", O_RDONLY); }
static int rest_write(void) { return write_below(rest); }
static int rest_read(void) { return open_at(rest, "old", O_RDONLY); }
static int file_read(void) { return errno_of(open(readable, O_RDONLY)); }
static int above(void) { return open_at(folder, "new", O_CREAT | O_RDWR); }
static int passwords(void) { return open_at("/etc", "passwd", O_RDONLY); }
static int shadow(void) { return open_at("/etc", "shadow", O_RDONLY); }
static int processes(void) { return open_at("/proc/1", "status", O_RDONLY); }

static int
file_write(void)
{
	return errno_of(open(readable, O_WRONLY | O_CLOEXEC));
}

static int
fill_link(void)
{
	char path[80];

	snprintf(path, sizeof(path), "%s/link", fill);
	return errno_of(symlink("/etc/passwd", path));
}

static int
keep_changes(void)
{
	char a[80], b[80], c[80];

	snprintf(a, sizeof(a), "%s/a", keep);
	snprintf(b, sizeof(b), "%s/b", keep);
	snprintf(c, sizeof(c), "%s/b/c", keep);
	if (mkdir(b, 0700) != 0 || symlink("x", a) != 0 ||
	    rename(a, c) != 0 || unlink(c) != 0 || rmdir(b) != 0)
		return errno;
	return DONE;
}

/* A link to what is forbidden is no way there. */
static int
around(void)
{
	char path[80];

	snprintf(path, sizeof(path), "%s/to-rest", keep);
	return errno_of(open(path, O_RDONLY | O_CLOEXEC));
}

/* ---------------------------------------------------------------- network */

static int before; /* a TCP socket made before the sandbox */
static struct sockaddr_in server = { .sin_family = AF_INET };

static int
inet(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? errno : errno_of(connect(fd,
	    (struct sockaddr *)&server, sizeof(server)));
}

static int
inet_before(void)
{
	return errno_of(connect(before, (struct sockaddr *)&server,
	    sizeof(server)));
}

static int
inet_listen(void)
{
	struct sockaddr_in any = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? errno :
	    errno_of(bind(fd, (struct sockaddr *)&any, sizeof(any)));
}

static int
resolver(void)
{
	return errno_of(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0));
}

static int
local(void)
{
	return errno_of(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static int
packets(void)
{
	return errno_of(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
}

/* ----------------------------------------------------------- system calls */

static int
run_program(void)
{
	char *argv[] = { (char *)"true", NULL };

	return errno_of(execv("/bin/true", argv));
}

static int
new_process(void)
{
	return errno_of(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
}

static int trace(void) { return errno_of(ptrace(PTRACE_TRACEME, 0, 0, 0)); }
static int no_clone3(void) { return errno_of(syscall(SYS_clone3, NULL, 0)); }
static int future(void) { return errno_of(syscall(FUTURE_CALL)); }
static int ring(void) { return errno_of(syscall(SYS_io_uring_setup, 1, NULL)); }
static int faults(void) { return errno_of(syscall(SYS_userfaultfd, 0)); }
static int keyring(void) { return errno_of(syscall(SYS_keyctl, 0, 0)); }
static int namespace(void) { return errno_of(unshare(CLONE_NEWUSER)); }
static int to_parent(void) { return errno_of(kill(getppid(), 0)); }
static int to_self(void) { return errno_of(kill(getpid(), 0)); }

static int
program_of_kernel(void)
{
	union bpf_attr none = { .map_type = 0 };

	return errno_of(syscall(SYS_bpf, BPF_MAP_CREATE, &none, sizeof(none)));
}

static int
events(void)
{
	return errno_of(syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0));
}

static int
others_memory(void)
{
	char byte;
	struct iovec v = { &byte, 1 };

	return errno_of(process_vm_readv(getppid(), &v, 1, &v, 1, 0));
}

static int
mounting(void)
{
	return errno_of(mount("none", folder, "tmpfs", 0, NULL));
}

static void *
nothing(void *arg)
{
	return arg;
}

static int
new_thread(void)
{
	pthread_t thread;
	int e = pthread_create(&thread, NULL, nothing, NULL);

	return e != 0 ? e : pthread_join(thread, NULL);
}

static int
late_library(void)
{
	return dlopen("libgcc_s.so.1", RTLD_NOW) != NULL ? DONE : ENOENT;
}

static int
written_code(void)
{
	return errno_of((long)(mmap(NULL, 4096, PROT_READ | PROT_WRITE |
	    PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED) - 1);
}

static int
turned_code(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return errno_of(mprotect(p, 4096, PROT_READ | PROT_EXEC));
}

/* ------------------------------------------------------------------- table */

#define KILLED (-SIGSYS)

/* Landlock has net from its fourth version, and scopes from its sixth. */
static const struct {
	const char *name;
	int (*act)(void);
	int core, issuer; /* what comes of it: DONE, an errno, KILLED */
	int version;	  /* of Landlock that it takes; 0: seccomp's affair */
} acts[] = {
	{ "write in the state", keep_write, DONE, DONE, 1 },
	{ "read in the state", keep_read, DONE, DONE, 1 },
	{ "folders and links in the state", keep_changes, DONE, DONE, 2 },
	{ "write in a webroot", fill_write, DONE, DONE, 1 },
	{ "read in a webroot", fill_read, EACCES, EACCES, 1 },
	{ "link in a webroot", fill_link, EACCES, EACCES, 1 },
	{ "read a file that is named", file_read, DONE, DONE, 1 },
	{ "write a file that is named", file_write, EACCES, EACCES, 1 },
	{ "read elsewhere", rest_read, EACCES, EACCES, 1 },
	{ "write elsewhere", rest_write, EACCES, EACCES, 1 },
	{ "follow a link to elsewhere", around, EACCES, EACCES, 1 },
	{ "make a file above", above, EACCES, EACCES, 1 },
	{ "read /etc/passwd", passwords, EACCES, EACCES, 1 },
	{ "read /etc/shadow", shadow, EACCES, EACCES, 1 },
	{ "read of another process", processes, EACCES, EACCES, 1 },
	{ "connect by TCP", inet, KILLED, DONE, 0 },
	{ "connect an older TCP socket", inet_before, EACCES, DONE, 4 },
	{ "listen on TCP", inet_listen, KILLED, EACCES, 4 },
	{ "netlink", resolver, KILLED, DONE, 0 },
	{ "Unix socket", local, DONE, DONE, 0 },
	{ "packets", packets, KILLED, KILLED, 0 },
	{ "execve", run_program, KILLED, KILLED, 0 },
	{ "fork", new_process, KILLED, KILLED, 0 },
	{ "thread", new_thread, DONE, DONE, 0 },
	{ "clone3", no_clone3, ENOSYS, ENOSYS, 0 },
	{ "a call of the future", future, ENOSYS, ENOSYS, 0 },
	{ "library", late_library, DONE, DONE, 0 },
	{ "ptrace", trace, KILLED, KILLED, 0 },
	{ "process_vm_readv", others_memory, KILLED, KILLED, 0 },
	{ "bpf", program_of_kernel, KILLED, KILLED, 0 },
	{ "io_uring", ring, KILLED, KILLED, 0 },
	{ "userfaultfd", faults, KILLED, KILLED, 0 },
	{ "perf_event_open", events, KILLED, KILLED, 0 },
	{ "keyctl", keyring, KILLED, KILLED, 0 },
	{ "mount", mounting, KILLED, KILLED, 0 },
	{ "unshare", namespace, KILLED, KILLED, 0 },
	{ "signal to another", to_parent, KILLED, KILLED, 0 },
	{ "signal to oneself", to_self, DONE, DONE, 0 },
	{ "memory to write and run", written_code, KILLED, KILLED, 0 },
	{ "written memory to run", turned_code, KILLED, KILLED, 0 },
};

static enum sandbox_level
enter(bool network, enum sandbox_demand demand)
{
	struct sandbox_path paths[16] = {
		{ keep, SANDBOX_KEEP }, { fill, SANDBOX_FILL },
		{ readable, SANDBOX_READ }, { "/nowhere", SANDBOX_READ },
	};
	struct sandbox s = { .demand = demand, .network = network,
		.paths = paths, .npaths = 4 };

	for (size_t i = 0; i < sandbox_nsystem; i++)
		paths[s.npaths++] = sandbox_system[i];
	return sandbox_enter(&s);
}

static int
level(void)
{
	return (int)enter(false, SANDBOX_AVAILABLE);
}

static void
be_quiet(void)
{
	if (freopen("/dev/null", "w", stderr) == NULL)
		abort();
}

/* What came of it in a process of its own, inside or outside the sandbox. */
static int
come_of(int (*act)(void), bool inside, bool network)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		be_quiet();
		before = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (inside)
			enter(network, SANDBOX_AVAILABLE);
		_exit(act());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

/* Under valgrind there is no seccomp, and nothing to be tried. */
static void
need_seccomp(void)
{
	if (come_of(level, false, false) < SANDBOX_SECCOMP)
		skip();
}

static void
try_all(bool network)
{
	unsigned wrong = 0;

	need_seccomp();

	for (size_t i = 0; i < nitems(acts); i++) {
		int want = network ? acts[i].issuer : acts[i].core;
		int got;

		if (acts[i].version > landlock)
			continue;
		got = come_of(acts[i].act, true, network);
		if (got == want)
			continue;
		print_error("%s: %d instead of %d\n", acts[i].name, got, want);
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

static void
test_core(void **state)
{
	(void)state;
	try_all(false);
}

static void
test_issuer(void **state)
{
	(void)state;
	try_all(true);
}

/* Each refusal is the sandbox's doing, for without it the same goes well. */
static void
test_without(void **state)
{
	int (*const fine[])(void) = { rest_read, rest_write, above, passwords,
		fill_read, fill_link, file_write, inet, inet_before,
		inet_listen, run_program, trace, to_parent, turned_code };

	(void)state;
	for (size_t i = 0; i < nitems(fine); i++)
		assert_int_equal(come_of(fine[i], false, false), DONE);
}

/* --------------------------------------------------------- level, demand */

enum kernel { WHOLE, NO_LANDLOCK, NO_SECCOMP };

/* Acts as a kernel that has not got some system calls. */
static void
be_kernel(enum kernel kernel)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);
	const uint32_t none = SCMP_ACT_ERRNO(ENOSYS);
	int e = 0;

	for (int call = 444; kernel == NO_LANDLOCK && call <= 446; call++)
		e |= seccomp_rule_add(f, none, call, 0);
	if (kernel == NO_SECCOMP)
		e |= seccomp_rule_add(f, none, SCMP_SYS(seccomp), 0) |
		    seccomp_rule_add(f, none, SCMP_SYS(prctl), 1,
			SCMP_A0(SCMP_CMP_EQ, PR_SET_SECCOMP, 0));
	if (e != 0 || seccomp_load(f) != 0)
		abort();
	seccomp_release(f);
}

static int
on_kernel(enum kernel kernel, enum sandbox_demand demand)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		be_quiet();
		be_kernel(kernel);
		_exit((int)enter(false, demand));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
test_level(void **state)
{
	(void)state;
	need_seccomp();
	assert_int_equal(on_kernel(WHOLE, SANDBOX_OFF), SANDBOX_NONE);
	assert_int_equal(on_kernel(NO_LANDLOCK, SANDBOX_AVAILABLE),
	    SANDBOX_SECCOMP);
	assert_int_equal(on_kernel(NO_LANDLOCK, SANDBOX_NEED_SECCOMP),
	    SANDBOX_SECCOMP);
	assert_int_equal(on_kernel(NO_LANDLOCK, SANDBOX_NEED_FULL),
	    EXIT_SETTING);
	if (landlock == 0)
		skip();
	assert_int_equal(on_kernel(NO_SECCOMP, SANDBOX_AVAILABLE),
	    SANDBOX_LANDLOCK);
	assert_int_equal(on_kernel(NO_SECCOMP, SANDBOX_NEED_SECCOMP),
	    EXIT_SETTING);
	assert_int_equal(on_kernel(WHOLE, SANDBOX_NEED_FULL), SANDBOX_FULL);
}

/* ------------------------------------------------------------------- stale */

static int
replaced(void)
{
	if (sandbox_stale() != NULL)
		return 1;
	/* The parent replaces the file and then lets us go on. */
	raise(SIGSTOP);
	return sandbox_stale() != NULL &&
	    strcmp(sandbox_stale(), readable) == 0 &&
	    sandbox_lost(readable) && !sandbox_lost(keep) &&
	    !sandbox_lost(rest) ? DONE : 2;
}

static void
test_stale(void **state)
{
	char fresh[80];
	int status, fd;
	pid_t pid;

	(void)state;
	if (landlock == 0)
		skip();
	snprintf(fresh, sizeof(fresh), "%s/fresh", folder);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		enter(true, SANDBOX_AVAILABLE);
		_exit(replaced());
	}
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	assert_true(WIFSTOPPED(status));
	fd = open(fresh, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0 && close(fd) == 0);
	assert_int_equal(rename(fresh, readable), 0);
	assert_int_equal(kill(pid, SIGCONT), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), DONE);
}

/* ------------------------------------------------------------------- world */

static void
make(char *path, size_t size, const char *name)
{
	char file[80];
	int fd;

	snprintf(path, size, "%s/%s", folder, name);
	assert_int_equal(mkdir(path, 0755), 0);
	snprintf(file, sizeof(file), "%s/old", path);
	fd = open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	assert_true(fd >= 0 && close(fd) == 0);
}

static int
setup(void **state)
{
	char path[80];
	struct fault why;
	socklen_t n = sizeof(server);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	long version = syscall(444, NULL, 0, 1);

	(void)state;
	landlock = version > 0 ? (int)version : 0;
	assert_non_null(mkdtemp(folder));
	make(keep, sizeof(keep), "keep");
	make(fill, sizeof(fill), "fill");
	make(rest, sizeof(rest), "rest");
	snprintf(path, sizeof(path), "%s/to-rest", keep);
	assert_int_equal(symlink("../rest/old", path), 0);
	snprintf(readable, sizeof(readable), "%s/rest/named", folder);
	assert_int_equal(write_file(readable, "x", 1, 0644, &why), OK);
	server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&server, n), 0);
	assert_int_equal(listen(fd, 64), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&server, &n), 0);
	return 0;
}

static int
teardown(void **state)
{
	char *command = xasprintf("rm -rf %s", folder);

	(void)state;
	assert_int_equal(system(command), 0);
	free(command);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_core),
		cmocka_unit_test(test_issuer),
		cmocka_unit_test(test_without),
		cmocka_unit_test(test_level),
		cmocka_unit_test(test_stale),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
