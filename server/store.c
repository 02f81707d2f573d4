// SPDX-License-Identifier: GPL-2.0-or-later
/* store.c - folders of dumps: DIR/HOST/DATE-ID, and how one becomes final. */
#include "server/store.h"

#include <bearssl.h>
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

#include "server/log.h"

#define DIR_FLAGS     (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define SAME_NAME_MAX 1000
#define PARTIAL_BYTES (ND_STORE_NAME_BYTES + sizeof ND_STORE_PARTIAL)
#define READ_FLAGS    (O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
#define WRITE_FLAGS   (O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
#define INFO_BYTES    (1u << 20)
/* info.json and map.json, as large as they usually get. */
#define RESERVE_BYTES (1u << 19)

static bool name_harmless(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-";
	size_t bytes = strlen(name);

	/* `rm *` in DIR would take one that begins with a dash for options. */
	return bytes && bytes < ND_STORE_NAME_BYTES && name[0] != '.' && name[0] != '-' &&
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
	s->top = s->host = s->dir = s->vmcore = s->early = -1;
}

static void id_format(char to[10], uint64_t session)
{
	snprintf(to, 10, "-%08" PRIx32, (uint32_t)session);
}

int nd_store_read(int fd, void *to, size_t bytes, uint64_t offset)
{
	uint8_t *p = to;

	while (bytes) {
		ssize_t n = pread(fd, p, bytes, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? errno : EIO;
		p += n;
		bytes -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}

int nd_store_write(int fd, const void *data, size_t bytes, uint64_t offset)
{
	const uint8_t *p = data;

	while (bytes) {
		ssize_t n = pwrite(fd, p, bytes, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? errno : EIO;
		p += n;
		bytes -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}

int nd_store_text(int dir, const char *name, size_t max, char **text, size_t *bytes)
{
	int fd = openat(dir, name, READ_FLAGS), error = 0;
	struct stat st = {0};

	*text = NULL;
	*bytes = 0;
	if (fd < 0)
		return errno;
	if (fstat(fd, &st))
		error = errno;
	else if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > max)
		error = EFBIG;
	else if (!(*text = malloc((size_t)st.st_size + 1)))
		error = ENOMEM;
	if (!error)
		error = nd_store_read(fd, *text, (size_t)st.st_size, 0);
	close(fd);
	if (error) {
		free(*text);
		*text = NULL;
		return error;
	}
	*bytes = (size_t)st.st_size;
	(*text)[*bytes] = 0;
	return 0;
}

void nd_store_token_text(char text[ND_STORE_TOKEN_TEXT_BYTES], const uint8_t token[16])
{
	uint8_t sum[br_sha256_SIZE];
	br_sha256_context sha;

	br_sha256_init(&sha);
	br_sha256_update(&sha, token, 16);
	br_sha256_out(&sha, sum);
	for (size_t i = 0; i < sizeof sum; i++)
		snprintf(text + 2 * i, 3, "%02x", sum[i]);
}

/* Whether the folder of this info.json is for who knows the token; one that names none is for all.
 */
static bool token_fits(const json_t *info, const uint8_t token[16])
{
	const char *named = json_string_value(json_object_get(info, "token_hash"));
	char text[ND_STORE_TOKEN_TEXT_BYTES];

	nd_store_token_text(text, token);
	return !named || !strcmp(named, text);
}

/*
 * The info.json of a folder, if it is of this session (the ID is only half of one).  A folder
 * without one is of a server that was killed as it made it: anyone's, and empty.
 */
static json_t *info_of(int host, const char *folder, uint64_t session)
{
	int dir = openat(host, folder, DIR_FLAGS), error;
	char *text = NULL, named[24];
	json_t *info = NULL;
	const char *value;
	size_t bytes;

	if (dir < 0)
		return NULL;
	error = nd_store_text(dir, "info.json", INFO_BYTES, &text, &bytes);
	close(dir);
	if (error == ENOENT)
		return json_object();
	if (!error)
		info = json_loadb(text, bytes, 0, NULL);
	free(text);
	snprintf(named, sizeof named, "%016" PRIx64, session);
	value = json_string_value(json_object_get(info, "session"));
	if (value && !strcmp(value, named))
		return info;
	json_decref(info);
	return NULL;
}

/*
 * The info.json of a folder of this session in HOST, and the folder's name; `partial` chooses
 * which kind, and a token only those that are for who knows it.  NULL: none.
 */
static json_t *folder_find(int host, uint64_t session, const uint8_t *token, bool partial,
			   char *name, size_t room)
{
	char tail[32], id[10];
	int fd = openat(host, ".", DIR_FLAGS);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *e;
	json_t *info = NULL;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	id_format(id, session);
	snprintf(tail, sizeof tail, "%s%s", id, partial ? ND_STORE_PARTIAL : "");
	while (!info && (e = readdir(d))) {
		size_t bytes = strlen(e->d_name), tail_bytes = strlen(tail);

		if (bytes <= tail_bytes || bytes >= room ||
		    strcmp(e->d_name + bytes - tail_bytes, tail))
			continue;
		info = info_of(host, e->d_name, session);
		if (info && token && !token_fits(info, token)) {
			json_decref(info);
			info = NULL;
		}
		if (info)
			snprintf(name, room, "%s", e->d_name);
	}
	closedir(d);
	return info;
}

bool nd_store_admits(int top, const char *host_name, uint64_t session, const uint8_t token[16])
{
	int host = openat(top, host_name, DIR_FLAGS);
	char name[PARTIAL_BYTES];
	json_t *info;
	bool admits;

	if (host < 0)
		return true;
	info = folder_find(host, session, NULL, true, name, sizeof name);
	admits = token_fits(info, token);
	json_decref(info);
	close(host);
	return admits;
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
		if (!fstatat(s->host, s->name, &st, AT_SYMLINK_NOFOLLOW))
			errno = EEXIST;
		else if (errno == ENOENT && !mkdirat(s->host, partial, 0750))
			return 0;
		if (errno != EEXIST)
			return errno;
		snprintf(nth, sizeof nth, ".%u", i);
	}
	return EEXIST;
}

/* Blocks to be given back when the disk is full; a file system that cannot has none. */
static int reserve_make(const struct nd_store *s)
{
	int fd = openat(s->dir, "reserve", WRITE_FLAGS, 0640), error = 0;

	if (fd < 0)
		return errno;
	if (fallocate(fd, 0, 0, RESERVE_BYTES) && errno != EOPNOTSUPP && errno != ENOSYS)
		error = errno;
	close(fd);
	return error;
}

/* What a server that was killed was just writing.  Best effort: it is in nobody's way. */
static void leftovers_remove(const struct nd_store *s)
{
	static const char *const file[] = {"info.json.new", "dmesg.txt.new", "map.json.new"};

	for (size_t i = 0; i < sizeof file / sizeof *file; i++)
		unlinkat(s->dir, file[i], 0);
}

int nd_store_open(struct nd_store *s, const struct nd_kind *kind, int top, const char *host_name,
		  uint64_t session, time_t now)
{
	char partial[PARTIAL_BYTES];
	json_t *info;
	int error;

	nd_store_init(s);
	s->kind = kind;
	s->top = top;
	snprintf(s->host_name, sizeof s->host_name, "%s", host_name);
	if (mkdirat(top, host_name, 0750) && errno != EEXIST)
		return errno;
	s->host = openat(top, host_name, DIR_FLAGS);
	if (s->host < 0)
		return errno;
	info = folder_find(s->host, session, NULL, true, partial, sizeof partial);
	s->resumed = info != NULL;
	json_decref(info);
	if (s->resumed) {
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
	s->vmcore = openat(s->dir, kind->file, WRITE_FLAGS, 0640);
	if (s->vmcore < 0)
		goto err;
	s->early = openat(s->dir, "early", WRITE_FLAGS | O_TRUNC, 0600);
	if (s->early < 0)
		goto err;
	errno = reserve_make(s);
	if (errno)
		goto err;
	if (s->resumed)
		leftovers_remove(s);
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
		if (n <= 0)
			return n ? errno : EIO;
		p += n;
		bytes -= (size_t)n;
	}
	return 0;
}

static int file_write(const struct nd_store *s, const char *name, const void *data, size_t bytes,
		      mode_t mode, bool sync)
{
	char next[ND_STORE_NAME_BYTES];
	int fd, error;

	snprintf(next, sizeof next, "%s.new", name);
	fd = openat(s->dir, next, WRITE_FLAGS | O_TRUNC, mode);
	if (fd < 0)
		return errno;
	error = all_write(fd, data, bytes);
	if (!error && sync && fsync(fd))
		error = errno;
	if (close(fd) && !error)
		error = errno;
	if (!error && renameat(s->dir, next, s->dir, name))
		error = errno;
	if (error)
		unlinkat(s->dir, next, 0);
	return error;
}

int nd_store_file(const struct nd_store *s, const char *name, const void *data, size_t bytes)
{
	return file_write(s, name, data, bytes, 0640, false);
}

int nd_store_file_durable(const struct nd_store *s, const char *name, const void *data,
			  size_t bytes, mode_t mode)
{
	int error = file_write(s, name, data, bytes, mode, true);

	return error ? error : fsync(s->dir) ? errno : 0;
}

int nd_store_sync(const struct nd_store *s, const char *name)
{
	int fd = openat(s->dir, name, READ_FLAGS), error;

	if (fd < 0)
		return errno == ENOENT ? 0 : errno;
	error = fsync(fd) ? errno : 0;
	close(fd);
	return error;
}

int nd_store_sync_folders(const struct nd_store *s)
{
	return fsync(s->dir) || fsync(s->host) || fsync(s->top) ? errno : 0;
}

void nd_store_early_end(struct nd_store *s)
{
	if (s->early < 0)
		return;
	close(s->early);
	s->early = -1;
	unlinkat(s->dir, "early", 0);
}

void nd_store_release(const struct nd_store *s)
{
	unlinkat(s->dir, "reserve", 0);
}

void nd_store_pass(const struct nd_store *s)
{
	unlinkat(s->dir, s->kind->file, 0);
	unlinkat(s->dir, "map.json", 0);
}

int nd_store_commit(const struct nd_store *s, bool *named)
{
	char partial[PARTIAL_BYTES];
	bool removed;
	int error;

	*named = false;
	partial_name(s, partial);
	/* It is gone by now, unless that failed. */
	removed = !unlinkat(s->dir, "early", 0);
	if (!removed && errno != ENOENT)
		return errno;
	if (s->kind->passing) {
		if (unlinkat(s->dir, s->kind->file, 0))
			return errno;
		removed = true;
	}
	/* A folder never replaces one that is not empty. */
	if ((removed && fsync(s->dir)) || renameat(s->host, partial, s->host, s->name))
		return errno;
	error = fsync(s->host) || fsync(s->top) ? errno : 0;
	/* Of a final dump the map would only say that nothing is missing. */
	if (!error) {
		unlinkat(s->dir, "map.json", 0);
	} else if (renameat(s->host, s->name, s->host, partial)) {
		*named = true;
		nd_log("%s/%s: not known to be on the disk, but its folder's name says so: %s",
		       s->host_name, s->name, strerror(errno));
	}
	return error;
}

/*
 * A server that was killed just after the rename has left a final folder of which nobody knows
 * whether it is on the disk.  One that cannot be synced is partial again, and without a map: no
 * later sync would prove anything.
 */
static bool final_sync(struct nd_store *s)
{
	const char *const kept[] = {s->kind->file, "dmesg.txt", "info.json"};
	char partial[PARTIAL_BYTES];
	int error = 0;

	s->dir = openat(s->host, s->name, DIR_FLAGS);
	if (s->dir < 0)
		return false;
	for (size_t i = 0; i < sizeof kept / sizeof *kept && !error; i++)
		error = nd_store_sync(s, kept[i]);
	if (!error)
		error = nd_store_sync_folders(s);
	if (!error) {
		unlinkat(s->dir, "map.json", 0);
		return true;
	}
	nd_log("%s/%s: not known to be on the disk: %s", s->host_name, s->name, strerror(error));
	partial_name(s, partial);
	if ((unlinkat(s->dir, "map.json", 0) && errno != ENOENT) ||
	    renameat(s->host, s->name, s->host, partial))
		nd_log("%s/%s: but its folder's name says so: %s", s->host_name, s->name,
		       strerror(errno));
	return false;
}

bool nd_store_finished(int top, const char *host_name, uint64_t session, const uint8_t token[16],
		       char *path, size_t room)
{
	struct nd_store s;
	const char *status;
	bool complete;
	json_t *info;

	nd_store_init(&s);
	s.top = top;
	s.host = openat(top, host_name, DIR_FLAGS);
	if (s.host < 0)
		return false;
	snprintf(s.host_name, sizeof s.host_name, "%s", host_name);
	info = folder_find(s.host, session, token, false, s.name, sizeof s.name);
	status = json_string_value(json_object_get(info, "status"));
	s.kind = nd_kind_named(json_string_value(json_object_get(info, "kind")));
	complete = status && !strcmp(status, "complete") && final_sync(&s);
	if (complete)
		snprintf(path, room, "%s/%s", host_name, s.name);
	json_decref(info);
	nd_store_close(&s);
	return complete;
}

/* Best effort: a folder that stays holds nothing that anyone needs. */
void nd_store_abandon(struct nd_store *s)
{
	const char *const file[] = {s->kind->file, "early", "info.json", "reserve"};
	char partial[PARTIAL_BYTES];

	partial_name(s, partial);
	for (size_t i = 0; i < sizeof file / sizeof *file && s->dir >= 0 && !s->resumed; i++)
		unlinkat(s->dir, file[i], 0);
	if (s->host >= 0 && s->name[0] && !s->resumed)
		unlinkat(s->host, partial, AT_REMOVEDIR); /* stays if someone else's is in it */
	nd_store_close(s);
}

void nd_store_close(struct nd_store *s)
{
	if (s->vmcore >= 0)
		close(s->vmcore);
	if (s->early >= 0)
		close(s->early);
	if (s->dir >= 0)
		close(s->dir);
	if (s->host >= 0)
		close(s->host);
	s->host = s->dir = s->vmcore = s->early = -1;
}
