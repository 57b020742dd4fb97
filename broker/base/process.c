#include "process.h"

#include <link.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <linux/close_range.h>
#include <unistd.h>

static unsigned linked; /* objects that the program was started with */

static int
count_object(struct dl_phdr_info *o, size_t size, void *arg)
{
	(void)o;
	(void)size;
	(void)arg;
	linked++;
	return 0;
}

void
process_start(const char *name, enum log_level level)
{
	const struct rlimit none = { 0, 0 };

	log_open(name, level);
	(void)dl_iterate_phdr(count_object, NULL);
	if (setrlimit(RLIMIT_CORE, &none) != 0)
		fatal("cannot forbid core files");
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		fatal("cannot forbid tracing");
	signal(SIGPIPE, SIG_IGN);
	umask(077);
}

uint64_t
process_allow_files(uint64_t n)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) != 0)
		fatal("cannot read the limit of descriptors");
	if (l.rlim_cur >= n)
		return l.rlim_cur;
	l.rlim_cur = l.rlim_max < n ? l.rlim_max : n;
	if (setrlimit(RLIMIT_NOFILE, &l) != 0)
		fatal("cannot raise the limit of descriptors");
	return l.rlim_cur;
}

void
process_seal_fds(int first)
{
	if (close_range((unsigned)first, ~0U, CLOSE_RANGE_CLOEXEC) != 0)
		fatal("cannot seal descriptors");
}

/* Pages in which nothing was written, whole ones only.  What cannot be given
 * back stays. */
static int
settle_object(struct dl_phdr_info *o, size_t size, void *arg)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	unsigned *left = arg;

	(void)size;
	if ((*left)-- == 0)
		return 1;
	for (unsigned i = 0; i < o->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &o->dlpi_phdr[i];
		uintptr_t from = o->dlpi_addr + p->p_vaddr;
		uintptr_t to = (from + p->p_memsz) & ~(page - 1);

		from = (from + page - 1) & ~(page - 1);
		if (p->p_type == PT_LOAD && (p->p_flags & PF_W) == 0 &&
		    to > from)
			(void)madvise((void *)from, to - from, MADV_DONTNEED);
	}
	return 0;
}

void
process_settle(void)
{
	unsigned left = linked;

	(void)dl_iterate_phdr(settle_object, &left);
}
