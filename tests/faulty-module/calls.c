#include "calls.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "names.h"

#define LINE	   "%-32s %20llu %20llu\n"
#define LINE_SIZE  75
#define EDITION	   F__MAX	/* number of the line */
#define WRONG_PINS (F__MAX + 1)
#define LINES	   (F__MAX + 2)

struct count {
	unsigned long long a, b; /* all, and since the script changed */
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct count mine[LINES]; /* when there is no file */
static int fd = -1;

static const char *
line_name(unsigned line)
{
	return line == EDITION ? "script" :
	    line == WRONG_PINS ? "wrong-pins" : function_names[line];
}

/* Excludes the other threads and the other processes, of which one may have
 * been killed: its lock went with it. */
static void
lock(void)
{
	pthread_mutex_lock(&mutex);
	while (fd >= 0 && flock(fd, LOCK_EX) != 0 && errno == EINTR)
		;
}

static void
unlock(void)
{
	if (fd >= 0)
		flock(fd, LOCK_UN);
	pthread_mutex_unlock(&mutex);
}

static void
put(unsigned line, struct count c)
{
	char text[LINE_SIZE + 1];

	mine[line] = c;
	snprintf(text, sizeof(text), LINE, line_name(line), c.a, c.b);
	if (fd >= 0 && pwrite(fd, text, LINE_SIZE, line * LINE_SIZE) < 0)
		perror("faulty-module: counting");
}

static struct count
get(unsigned line)
{
	char text[LINE_SIZE + 1] = "";
	struct count c = mine[line];

	if (fd >= 0 &&
	    pread(fd, text, LINE_SIZE, line * LINE_SIZE) == LINE_SIZE)
		sscanf(text, "%*s %llu %llu", &c.a, &c.b);
	else if (fd >= 0)
		c = (struct count){ 0, 0 };
	return c;
}

void
calls_open(const char *path)
{
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0) {
		fprintf(stderr, "faulty-module: %s: %s\n", path,
		    strerror(errno));
		return;
	}
	lock();
	if (lseek(fd, 0, SEEK_END) != LINES * LINE_SIZE)
		for (unsigned i = 0; i < LINES; i++)
			put(i, (struct count){ 0, 0 });
	unlock();
}

unsigned long
calls_add(enum function f, struct edition now)
{
	struct count edition, c;

	lock();
	edition = get(EDITION);
	if (edition.a != now.inode || edition.b != now.time) {
		for (unsigned i = 0; i < F__MAX; i++) {
			c = get(i);
			c.b = 0;
			put(i, c);
		}
		put(EDITION, (struct count){ now.inode, now.time });
	}
	c = get(f);
	c.a++;
	c.b++;
	put(f, c);
	unlock();
	return (unsigned long)c.b;
}

static unsigned long
change_wrong(unsigned long keep, unsigned long add)
{
	struct count c;

	lock();
	c = get(WRONG_PINS);
	c.a += add; /* ever */
	c.b = c.b * keep + add;
	put(WRONG_PINS, c);
	unlock();
	return (unsigned long)c.b;
}

unsigned long
calls_wrong_pin(void)
{
	return change_wrong(1, 1);
}

unsigned long
calls_wrong_pins(void)
{
	return change_wrong(1, 0);
}

void
calls_right_pin(void)
{
	change_wrong(0, 0);
}
