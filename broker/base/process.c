#include "process.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <linux/close_range.h>
#include <unistd.h>

void
process_start(const char *name, enum log_level level)
{
	const struct rlimit none = { 0, 0 };

	log_open(name, level);
	if (setrlimit(RLIMIT_CORE, &none) != 0)
		fatal("cannot forbid core files");
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		fatal("cannot forbid tracing");
	signal(SIGPIPE, SIG_IGN);
	umask(077);
}

void
process_seal_fds(int first)
{
	if (close_range((unsigned)first, ~0U, CLOSE_RANGE_CLOEXEC) != 0)
		fatal("cannot seal descriptors");
}
