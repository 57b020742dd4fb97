#include "points.h"

#ifdef TEST_POINTS
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

void
point_reached(const char *stage, const char *moment)
{
	const char *path = getenv("KEYBROKER_POINT_FILE");
	char armed[64] = "", name[64], reached[4096];
	ssize_t n;
	int fd;

	if (path == NULL || (fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		return;
	n = read(fd, armed, sizeof(armed) - 1);
	close(fd);
	snprintf(name, sizeof(name), "%s.%s", stage, moment);
	if (n <= 0 || strcmp(armed, name) != 0)
		return;
	snprintf(reached, sizeof(reached), "%s.reached", path);
	log_info("test point %s", name);
	if (rename(path, reached) == 0)
		raise(SIGSTOP);
}
#else
typedef int points_are_off; /* ISO C wants a declaration in each file */
#endif
