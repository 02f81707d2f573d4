// SPDX-License-Identifier: GPL-2.0-or-later
/* store.c - folders of dumps: DIR/HOST/DATE-ID, and how one becomes final. */
#include "server/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIR_FLAGS     (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define SAME_NAME_MAX 1000
#define PARTIAL_BYTES (ND_STORE_NAME_BYTES + sizeof ND_STORE_PARTIAL)
#define FILE_FLAGS    (O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)

static bool name_harmless(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-";
	size_t bytes = strlen(name);

	return bytes && bytes < ND_STORE_NAME_BYTES && name[0] != '.' &&
	       strspn(name, allowed) == bytes;
}

void nd_store_host_name(char to[ND_STORE_NAME_BYTES], const char *said, const uint8_t mac[6])
{
	if (name_harmless(said))
		snprintf(to, ND_STORE_NAME_BYTES, "%s", said);
	else
		snprintf(to, ND_STORE_NAME_BYTES, "%02x-%02x-%02x-%02x-%02x-%02x", mac[0], mac[1],
			 mac[2], mac[3], mac[4], mac[5]);
}

void nd_store_init(struct nd_store *s)
{
	memset(s, 0, sizeof *s);
	s->top = s->host = s->dir = s->vmcore = -1;
}

static void id_format(char to[10], uint64_t session)
{
	snprintf(to, 10, "-%08" PRIx32, (uint32_t)session);
}

/* Whether the folder's info.json names this session (the ID is only half of one). */
static bool info_names(int host, const char *folder, uint64_t session)
{
	int dir = openat(host, folder, DIR_FLAGS), fd = -1;
	char text[24];
	json_t *info = NULL;
	const char *value;
	bool same = false;

	if (dir >= 0)
		fd = openat(dir, "info.json", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0)
		info = json_loadfd(fd, 0, NULL);
	value = json_string_value(json_object_get(info, "session"));
	snprintf(text, sizeof text, "%016" PRIx64, session);
	if (value)
		same = !strcmp(value, text);
	json_decref(info);
	if (fd >= 0)
		close(fd);
	if (dir >= 0)
		close(dir);
	return same;
}

/* Finds a folder of this session in HOST; `partial` chooses which kind. */
static bool folder_find(int host, uint64_t session, bool partial, char *name, size_t room)
{
	char tail[32], id[10];
	int fd = openat(host, ".", DIR_FLAGS);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *e;
	bool found = false;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	id_format(id, session);
	snprintf(tail, sizeof tail, "%s%s", id, partial ? ND_STORE_PARTIAL : "");
	while (!found && (e = readdir(d))) {
		size_t bytes = strlen(e->d_name), tail_bytes = strlen(tail);

		if (bytes <= tail_bytes || bytes >= room ||
		    strcmp(e->d_name + bytes - tail_bytes, tail))
			continue;
		found = info_names(host, e->d_name, session);
		if (found)
			snprintf(name, room, "%s", e->d_name);
	}
	closedir(d);
	return found;
}

bool nd_store_finished(int top, const char *host_name, uint64_t session, char *path, size_t room)
{
	int host = openat(top, host_name, DIR_FLAGS);
	char name[ND_STORE_NAME_BYTES];
	bool found;

	if (host < 0)
		return false;
	found = folder_find(host, session, false, name, sizeof name);
	if (found)
		snprintf(path, room, "%s/%s", host_name, name);
	close(host);
	return found;
}

static void partial_name(const struct nd_store *s, char to[PARTIAL_BYTES])
{
	snprintf(to, PARTIAL_BYTES, "%s%s", s->name, ND_STORE_PARTIAL);
}

/* A new folder under a name that no dump has, complete or not.  0, or errno. */
static int folder_make(struct nd_store *s, uint64_t session, time_t now)
{
	char partial[PARTIAL_BYTES], id[10], date[32], nth[8] = "";
	struct stat st;
	struct tm tm;

	id_format(id, session);
	strftime(date, sizeof date, "%Y%m%d-%H%M%S", gmtime_r(&now, &tm));
	for (unsigned int i = 2; i <= SAME_NAME_MAX; i++) {
		snprintf(s->name, sizeof s->name, "%s%s%s", date, nth, id);
		partial_name(s, partial);
		if (fstatat(s->host, s->name, &st, AT_SYMLINK_NOFOLLOW) && errno == ENOENT &&
		    !mkdirat(s->host, partial, 0750))
			return 0;
		if (errno && errno != EEXIST)
			return errno;
		snprintf(nth, sizeof nth, ".%u", i);
	}
	return EEXIST;
}

int nd_store_open(struct nd_store *s, int top, const char *host_name, uint64_t session, time_t now)
{
	char partial[PARTIAL_BYTES];
	int error;

	nd_store_init(s);
	s->top = top;
	snprintf(s->host_name, sizeof s->host_name, "%s", host_name);
	if (mkdirat(top, host_name, 0750) && errno != EEXIST)
		return errno;
	s->host = openat(top, host_name, DIR_FLAGS);
	if (s->host < 0)
		return errno;
	if (folder_find(s->host, session, true, partial, sizeof partial)) {
		snprintf(s->name, sizeof s->name, "%.*s",
			 (int)(strlen(partial) - strlen(ND_STORE_PARTIAL)), partial);
	} else {
		errno = folder_make(s, session, now);
		if (errno)
			goto err;
		partial_name(s, partial);
	}
	s->dir = openat(s->host, partial, DIR_FLAGS);
	if (s->dir < 0)
		goto err;
	s->vmcore = openat(s->dir, "vmcore", FILE_FLAGS, 0640);
	if (s->vmcore < 0)
		goto err;
	return 0;
err:
	error = errno;
	nd_store_abandon(s);
	return error;
}

static int all_write(int fd, const char *p, size_t bytes)
{
	while (bytes) {
		ssize_t n = write(fd, p, bytes);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		p += n;
		bytes -= (size_t)n;
	}
	return 0;
}

int nd_store_file(const struct nd_store *s, const char *name, const void *data, size_t bytes)
{
	char next[ND_STORE_NAME_BYTES];
	int fd, error;

	snprintf(next, sizeof next, "%s.new", name);
	fd = openat(s->dir, next, FILE_FLAGS, 0640);
	if (fd < 0)
		return errno;
	error = all_write(fd, data, bytes);
	if (close(fd) && !error)
		error = errno;
	if (!error && renameat(s->dir, next, s->dir, name))
		error = errno;
	if (error)
		unlinkat(s->dir, next, 0);
	return error;
}

int nd_store_sync(const struct nd_store *s, const char *name)
{
	int fd = openat(s->dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), error;

	if (fd < 0)
		return errno == ENOENT ? 0 : errno;
	error = fsync(fd) ? errno : 0;
	close(fd);
	return error;
}

int nd_store_commit(struct nd_store *s, bool complete)
{
	char partial[PARTIAL_BYTES];

	partial_name(s, partial);
	if (fsync(s->dir))
		return errno;
	/* A folder never replaces one that is not empty. */
	if (complete && renameat(s->host, partial, s->host, s->name))
		return errno;
	return fsync(s->host) || fsync(s->top) ? errno : 0;
}

void nd_store_abandon(struct nd_store *s)
{
	char partial[PARTIAL_BYTES];

	partial_name(s, partial);
	if (s->dir >= 0) {
		unlinkat(s->dir, "vmcore", 0);
		unlinkat(s->dir, "info.json", 0);
	}
	if (s->host >= 0 && s->name[0])
		unlinkat(s->host, partial, AT_REMOVEDIR); /* stays if someone else's is in it */
	nd_store_close(s);
}

void nd_store_close(struct nd_store *s)
{
	if (s->vmcore >= 0)
		close(s->vmcore);
	if (s->dir >= 0)
		close(s->dir);
	if (s->host >= 0)
		close(s->host);
	s->host = s->dir = s->vmcore = -1;
}
