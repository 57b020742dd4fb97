#include "publish.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../../api/json.h"
#include "../../base/clock.h"
#include "../../base/io.h"
#include "../../base/mem.h"
#include "../../base/points.h"

#define KEEP	       2	/* versions before the present one */
#define VERSIONS_MAX   256	/* looked at when old ones are removed */
#define METADATA_BYTES 65536
#define FRESH	       ".new"	/* a version being written */

/* Everybody may read what is published, whatever our umask says. */
static enum err
public_folder(const char *path, struct fault *why)
{
	enum err e = make_folder(path, 0755, why);

	if (e == OK && chmod(path, 0755) != 0)
		e = fault_errno(why, ERR_IO, "cannot open up %s", path);
	return e;
}

/* Removes a version: files, no folders within. */
static enum err
remove_version(const char *path, struct fault *why)
{
	DIR *dir = opendir(path);
	struct dirent *d;
	enum err e = OK;

	if (dir == NULL && errno == ENOENT)
		return OK;
	if (dir == NULL)
		return fault_errno(why, ERR_IO, "cannot read %s", path);
	while (e == OK && (d = readdir(dir)) != NULL) {
		if (strcmp(d->d_name, ".") == 0 ||
		    strcmp(d->d_name, "..") == 0)
			continue;
		if (unlinkat(dirfd(dir), d->d_name, 0) != 0)
			e = fault_errno(why, ERR_IO, "cannot remove %s/%s",
			    path, d->d_name);
	}
	closedir(dir);
	if (e == OK && rmdir(path) != 0)
		e = fault_errno(why, ERR_IO, "cannot remove %s", path);
	return e;
}

static enum err
put_file(const char *folder, const char *name, const void *p, size_t n,
    struct fault *why)
{
	char *path = xasprintf("%s/%s", folder, name);
	enum err e = write_file(path, p, n, 0644, why);

	free(path);
	return e;
}

static void
put_time(struct json_writer *w, const char *name, int64_t at)
{
	char text[RFC3339_SIZE];

	json_put_string(w, name, clock_rfc3339(at * 1000, text));
}

static enum err
put_metadata(const char *folder, const char *name,
    const struct chain_facts *facts, const char *key_uri, const char *names,
    struct fault *why)
{
	struct json_writer w;
	struct buf text;
	enum err e;

	buf_init(&text, METADATA_BYTES);
	json_write_start(&w, &text);
	json_open_object(&w, NULL);
	json_put_string(&w, "name", name);
	json_open_array(&w, "names");
	for (const char *p = names; *p != '\0';) {
		size_t n = strcspn(p, " ");

		json_put_stringn(&w, NULL, p, n);
		p += n + (p[n] != '\0');
	}
	json_close_array(&w);
	json_put_string(&w, "serial", facts->serial);
	json_put_string(&w, "issuer", facts->issuer);
	put_time(&w, "notBefore", facts->not_before);
	put_time(&w, "notAfter", facts->not_after);
	json_put_string(&w, "keyUri", key_uri);
	json_close_object(&w);
	buf_putc(&text, '\n');
	e = text.failed ? fault_set(why, ERR_LIMIT, "metadata is too long") :
	    put_file(folder, "metadata.json", text.data, text.len, why);
	buf_free(&text);
	return e;
}

static enum err
write_version(const char *folder, const char *name, const char *pem,
    const struct chain_facts *facts, const char *key_uri, const char *names,
    struct fault *why)
{
	size_t leaf = chain_leaf_length(pem), all = strlen(pem);
	enum err e;

	if (leaf == 0)
		leaf = all;
	e = remove_version(folder, why);
	if (e == OK)
		e = public_folder(folder, why);
	if (e == OK)
		e = put_file(folder, "fullchain.pem", pem, all, why);
	if (e == OK)
		e = put_file(folder, "cert.pem", pem, leaf, why);
	if (e == OK)
		e = put_file(folder, "chain.pem", pem + leaf, all - leaf, why);
	if (e == OK)
		e = put_file(folder, "key.uri", key_uri, strlen(key_uri), why);
	if (e == OK)
		e = put_metadata(folder, name, facts, key_uri, names, why);
	return e;
}

/* Gives a finished version its name; one that has it already (published
 * before a crash) changes places with it in one step. */
static enum err
place_version(const char *fresh, const char *final, struct fault *why)
{
	if (rename(fresh, final) == 0)
		return OK;
	if (errno != EEXIST && errno != ENOTEMPTY)
		return fault_errno(why, ERR_IO, "cannot rename %s", fresh);
	if (renameat2(AT_FDCWD, fresh, AT_FDCWD, final, RENAME_EXCHANGE) != 0)
		return fault_errno(why, ERR_IO, "cannot exchange %s", fresh);
	return remove_version(fresh, why);
}

static enum err
move_link(const char *state, const char *name, const char *serial,
    struct fault *why)
{
	char *folder = xasprintf("%s/certificates", state);
	char *target = xasprintf("../versions/%s/%s", name, serial);
	char *path = xasprintf("%s/%s", folder, name);
	char *fresh = xasprintf("%s/.%s.new", folder, name);
	enum err e = OK;

	if (unlink(fresh) != 0 && errno != ENOENT)
		e = fault_errno(why, ERR_IO, "cannot remove %s", fresh);
	else if (symlink(target, fresh) != 0)
		e = fault_errno(why, ERR_IO, "cannot make link %s", fresh);
	else if (rename(fresh, path) != 0)
		e = fault_errno(why, ERR_IO, "cannot move link %s", path);
	else
		e = sync_folder(folder, why);
	free(folder);
	free(target);
	free(path);
	free(fresh);
	return e;
}

struct version {
	char name[64];
	struct timespec made;
};

static int
newer_first(const void *a, const void *b)
{
	const struct timespec *x = &((const struct version *)a)->made;
	const struct timespec *y = &((const struct version *)b)->made;

	if (x->tv_sec != y->tv_sec)
		return x->tv_sec < y->tv_sec ? 1 : -1;
	return (x->tv_nsec < y->tv_nsec) - (x->tv_nsec > y->tv_nsec);
}

static size_t
list_versions(const char *folder, const char *except, struct version *out)
{
	DIR *dir = opendir(folder);
	struct dirent *d;
	struct stat st;
	size_t n = 0;

	while (dir != NULL && n < VERSIONS_MAX && (d = readdir(dir)) != NULL) {
		size_t len = strlen(d->d_name);

		if (d->d_name[0] == '.' || strcmp(d->d_name, except) == 0 ||
		    len >= sizeof(out->name) ||
		    fstatat(dirfd(dir), d->d_name, &st, 0) != 0)
			continue;
		memcpy(out[n].name, d->d_name, len + 1);
		out[n++].made = st.st_mtim;
	}
	if (dir != NULL)
		closedir(dir);
	return n;
}

/* Keeps the newest versions beside the present one. */
static enum err
prune(const char *folder, const char *present, size_t keep,
    struct fault *why)
{
	struct version *all = xcalloc(VERSIONS_MAX, sizeof(*all));
	size_t n = list_versions(folder, present, all);
	enum err e = OK;

	qsort(all, n, sizeof(*all), newer_first);
	for (size_t i = keep; e == OK && i < n; i++) {
		char *path = xasprintf("%s/%s", folder, all[i].name);

		e = remove_version(path, why);
		free(path);
	}
	free(all);
	return e;
}

static enum err
make_folders(const char *state, const char *folder, struct fault *why)
{
	char *links = xasprintf("%s/certificates", state);
	char *versions = xasprintf("%s/versions", state);
	enum err e;

	e = public_folder(links, why);
	if (e == OK)
		e = public_folder(versions, why);
	if (e == OK)
		e = public_folder(folder, why);
	if (e == OK)
		e = sync_folder(versions, why);
	if (e == OK)
		e = sync_folder(state, why);
	free(links);
	free(versions);
	return e;
}

enum err
publish(const char *state, const char *name, const char *pem,
    const struct chain_facts *facts, const char *key_uri, const char *names,
    struct fault *why)
{
	char *folder = xasprintf("%s/versions/%s", state, name);
	char *fresh = xasprintf("%s/" FRESH, folder);
	char *final = xasprintf("%s/%s", folder, facts->serial);
	enum err e;

	if (key_uri == NULL)
		key_uri = "";
	e = make_folders(state, folder, why);
	if (e == OK)
		e = write_version(fresh, name, pem, facts, key_uri, names, why);
	POINT("publish", "written");
	if (e == OK)
		e = place_version(fresh, final, why);
	if (e == OK)
		e = sync_folder(folder, why);
	POINT("publish", "placed");
	if (e == OK)
		e = move_link(state, name, facts->serial, why);
	POINT("publish", "linked");
	if (e == OK)
		e = prune(folder, facts->serial, KEEP, why);
	free(folder);
	free(fresh);
	free(final);
	return e;
}

enum err
unpublish(const char *state, const char *name, struct fault *why)
{
	char *path = xasprintf("%s/certificates/%s", state, name);
	char *folder = xasprintf("%s/versions/%s", state, name);
	char *fresh = xasprintf("%s/" FRESH, folder);
	enum err e = OK;

	if (unlink(path) != 0 && errno != ENOENT)
		e = fault_errno(why, ERR_IO, "cannot remove %s", path);
	if (e == OK)
		e = remove_version(fresh, why);
	if (e == OK)
		e = prune(folder, "", 0, why);
	if (e == OK && rmdir(folder) != 0 && errno != ENOENT)
		e = fault_errno(why, ERR_IO, "cannot remove %s", folder);
	free(path);
	free(folder);
	free(fresh);
	return e;
}
