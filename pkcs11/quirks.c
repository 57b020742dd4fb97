#include "quirks.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../broker/base/io.h"
#include "../broker/base/log.h"
#include "../broker/base/mem.h"

#define CONFIG_MAX 65536
#define LABEL_MAX  128

/* The value of "name = value" in a text of such lines; owned or NULL. */
static char *
setting(const char *text, const char *name)
{
	const char *p = text;

	while (p != NULL && *p != '\0') {
		size_t n;

		p += strspn(p, " \t\n");
		n = strcspn(p, " \t=\n");
		if (n == strlen(name) && memcmp(p, name, n) == 0) {
			p += n + strspn(p + n, " \t=");
			n = strcspn(p, "\r\n");
			while (n > 0 && strchr(" \t", p[n - 1]) != NULL)
				n--;
			return xstrndup(p, n);
		}
		p = strchr(p, '\n');
	}
	return NULL;
}

static char *
setting_of_file(const char *path, const char *name)
{
	char *value = NULL;
	struct buf b;

	buf_init(&b, CONFIG_MAX);
	if (read_file(path, &b, NULL) == OK)
		value = setting(buf_str(&b), name);
	buf_free(&b);
	return value;
}

static char *
softhsm_folder(void)
{
	const char *path = getenv("SOFTHSM2_CONF");
	const char *home = getenv("HOME");
	char *mine, *folder = NULL;

	if (path != NULL)
		return setting_of_file(path, "directories.tokendir");
	if (home != NULL) {
		mine = xasprintf("%s/.config/softhsm2/softhsm2.conf", home);
		folder = setting_of_file(mine, "directories.tokendir");
		free(mine);
	}
	if (folder == NULL)
		folder = setting_of_file("/etc/softhsm/softhsm2.conf",
		    "directories.tokendir");
	return folder;
}

/*
 * SoftHSM and opencryptoki write a key without flushing it.  What keeps its
 * keys in hardware, or in SQLite, is durable when C_GenerateKeyPair returns.
 * SoftHSM copies only what is CKA_MODIFIABLE, so that its keys are; there that
 * attribute keeps nothing from whoever knows the PIN.
 */
static const struct quirk quirks[] = {
	{ NULL, "SoftHSM project", NULL, FLUSH_FOLDER, softhsm_folder,
	    LABEL_MAX, 1, true },
	{ NULL, "IBM Corp.", "IBM SoftTok", FLUSH_ALL, NULL, LABEL_MAX,
	    0, false },
	/* Whoever made the TPM; RSA keys that must not decrypt fail there. */
	{ "tpm2-software.github.io", NULL, NULL, FLUSH_NONE, NULL, LABEL_MAX,
	    2, false },
	{ NULL, "Yubico", NULL, FLUSH_NONE, NULL, 40, 0, false },
	{ NULL, "Nitrokey", NULL, FLUSH_NONE, NULL, LABEL_MAX, 0, false },
	{ NULL, "SafeNet", NULL, FLUSH_NONE, NULL, LABEL_MAX, 0, false },
	{ NULL, "Marvell", NULL, FLUSH_NONE, NULL, LABEL_MAX, 0, false },
	{ NULL, "Cavium", NULL, FLUSH_NONE, NULL, LABEL_MAX, 0, false },
	{ NULL, NULL, NULL, FLUSH_ALL, NULL, LABEL_MAX, 0, false },
};

static int
begins(const char *text, const char *prefix)
{
	return prefix == NULL || strncmp(text, prefix, strlen(prefix)) == 0;
}

const struct quirk *
quirk_find(const char *library, const char *manufacturer, const char *model)
{
	const struct quirk *q = quirks;

	while (!begins(library, q->library) ||
	    !begins(manufacturer, q->manufacturer) ||
	    !begins(model, q->model))
		q++;
	return q;
}

int
quirk_open_folder(const struct quirk *quirk)
{
	char *path = quirk->folder != NULL ? quirk->folder() : NULL;
	int fd = -1;

	if (path != NULL)
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(path);
	return fd;
}

void
quirk_flush(const struct quirk *quirk, int folder)
{
	if (quirk->flush == FLUSH_NONE)
		return;
	if (folder < 0)
		sync();
	else if (syncfs(folder) != 0) {
		log_warning("cannot flush the token's file system; "
		    "flushing all");
		sync();
	}
}
