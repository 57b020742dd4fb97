#include "soft_token.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int
run(const char *command)
{
	return system(command) == 0 ? 0 : -1;
}

static int
file_of(const char *text)
{
	int fd = memfd_create("pin", MFD_CLOEXEC);

	if (fd >= 0 && write(fd, text, strlen(text)) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

int
soft_token_make(struct soft_token *t)
{
	char path[128], command[512];
	FILE *f;

	snprintf(t->folder, sizeof(t->folder), "/tmp/keybroker-token-XXXXXX");
	if (access(SOFT_MODULE, R_OK) != 0 || mkdtemp(t->folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/softhsm2.conf", t->folder);
	f = fopen(path, "w");
	if (f == NULL)
		return -1;
	fprintf(f, "directories.tokendir = %s/tokens\n"
	    "objectstore.backend = file\nlog.level = ERROR\n", t->folder);
	fclose(f);
	setenv("SOFTHSM2_CONF", path, 1);
	t->pin_fd = file_of(SOFT_PIN "\n");
	t->wrong_pin_fd = file_of("wrong\n");
	snprintf(command, sizeof(command), "mkdir %s/tokens && softhsm2-util "
	    "--init-token --free --label " SOFT_LABEL " --so-pin 12345678 "
	    "--pin " SOFT_PIN " >/dev/null", t->folder);
	return run(command);
}

void
soft_token_remove(struct soft_token *t)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", t->folder);
	(void)run(command);
	close(t->pin_fd);
	close(t->wrong_pin_fd);
}
