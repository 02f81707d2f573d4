// SPDX-License-Identifier: GPL-2.0-or-later
/* catalogue.c - the drivers that a machine asks for, out of a folder of kernels' modules. */
#include "server/catalogue.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <nettle/sha2.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/modules.h"
#include "server/store.h"

#define WHY_BYTES        sizeof(((struct nd_catalogue_answer *)0)->why)
#define TEXT_BYTES_MAX   (16u << 20) /* of a modules.*; Debian's are about 1 MiB */
#define RELEASE_BYTES    65          /* as in struct utsname */
#define NAME_BYTES       100         /* of a file in a ustar header */
#define DIGITS           ((size_t)2 * SHA256_DIGEST_SIZE)
#define ORDER_LINE_BYTES (DIGITS + 2 + NAME_BYTES)
#define TAR_BLOCK_BYTES  512u
#define TAR_END_BYTES    (2 * TAR_BLOCK_BYTES)
#define HARMLESS         "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+~-"

/* A file in memory, with a NUL behind it. */
struct file {
	char *at;
	size_t bytes;
};

struct member {
	char name[NAME_BYTES];
	struct file file;
};

/* Everything that making an answer takes. */
struct work {
	char *request; /* a copy, its lines strings of their own */
	const char *release;
	const char *device[ND_CATALOGUE_DEVICES_MAX];
	unsigned int devices;
	int folder; /* of the release */
	struct file alias, dep, softdep;
	struct nd_modules modules;
	struct member member[ND_MODULES_MAX];
	unsigned int members;
	char order[ND_MODULES_MAX * ORDER_LINE_BYTES + 1];
	char *why;
};

__attribute__((format(printf, 2, 3))) static bool refuse(struct work *w, const char *format, ...)
{
	va_list words;

	va_start(words, format);
	vsnprintf(w->why, WHY_BYTES, format, words);
	va_end(words);
	for (char *c = w->why; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	return false;
}

/* --- the request --- */

static bool name_harmless(const char *name, size_t room)
{
	size_t bytes = strlen(name);

	return bytes && bytes < room && name[0] != '.' && name[0] != '-' &&
	       strspn(name, HARMLESS) == bytes;
}

static bool alias_good(const char *alias)
{
	size_t bytes = 0;

	while (alias[bytes] > ' ' && alias[bytes] <= '~')
		bytes++;
	return !alias[bytes] && bytes < ND_MODULES_ALIAS_BYTES;
}

static bool request_parse(struct work *w, const char *request, size_t bytes)
{
	unsigned int number = 1;
	char *rest, *line;

	while (bytes && !request[bytes - 1])
		bytes--;
	if (bytes > ND_CATALOGUE_REQUEST_MAX)
		return refuse(w, "a request of more than %u bytes", ND_CATALOGUE_REQUEST_MAX);
	w->request = strndup(request, bytes);
	if (!w->request)
		return refuse(w, "no memory");
	if (strlen(w->request) < bytes)
		return refuse(w, "the request has a zero byte");
	rest = w->request;
	w->release = strsep(&rest, "\n");
	if (!name_harmless(w->release, RELEASE_BYTES))
		return refuse(w, "line 1 of the request is no kernel's release");
	while ((line = strsep(&rest, "\n"))) {
		number++;
		if (!alias_good(line))
			return refuse(w, "line %u of the request is no device's alias", number);
		if (!*line)
			continue;
		if (w->devices == ND_CATALOGUE_DEVICES_MAX)
			return refuse(w, "more than %u devices", ND_CATALOGUE_DEVICES_MAX);
		w->device[w->devices++] = line;
	}
	return w->devices || refuse(w, "the request names no device");
}

/* --- files --- */

/* All of a file that has `most` bytes at most.  0, or errno. */
static int file_load(struct file *file, int folder, const char *path, size_t most)
{
	/* O_NONBLOCK: a FIFO is to be refused, not waited for. */
	int fd = openat(folder, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct stat st = {0};
	int error = 0;

	if (fd < 0)
		return errno;
	if (fstat(fd, &st))
		error = errno;
	else if (!S_ISREG(st.st_mode))
		error = EINVAL;
	else if ((uint64_t)st.st_size > most)
		error = EFBIG;
	else if (!(file->at = calloc(1, (size_t)st.st_size + 1)))
		error = ENOMEM;
	else
		error = nd_store_read(fd, file->at, (size_t)st.st_size, 0);
	close(fd);
	if (!error)
		file->bytes = (size_t)st.st_size;
	return error;
}

/* Of the modules.*, only modules.softdep may be absent. */
static bool texts_load(struct work *w, int dir)
{
	const struct {
		const char *name;
		struct file *file;
	} text[] = {{"modules.alias", &w->alias},
		    {"modules.dep", &w->dep},
		    {"modules.softdep", &w->softdep}};

	w->folder = openat(dir, w->release, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (w->folder < 0)
		return refuse(w, "no modules for kernel %s: %s", w->release, strerror(errno));
	for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
		int error = file_load(text[i].file, w->folder, text[i].name, TEXT_BYTES_MAX);

		if (error && (error != ENOENT || text[i].file != &w->softdep))
			return refuse(w, "%s/%s: %s", w->release, text[i].name, strerror(error));
	}
	return true;
}

static bool modules_find(struct work *w)
{
	if (!nd_modules_init(&w->modules, w->alias.at, w->dep.at, w->softdep.at))
		return refuse(w, "no memory");
	for (unsigned int i = 0; i < w->devices; i++)
		if (!nd_modules_add(&w->modules, w->device[i]))
			return refuse(w, "%s", w->modules.why);
	return w->modules.count || refuse(w, "no module for these devices in %s", w->release);
}

/* A path that cannot lead out of its folder, as far as its words go. */
static bool path_stays(const char *path)
{
	for (const char *at = path; (at = strstr(at, "..")); at += 2)
		if ((at == path || at[-1] == '/') && (!at[2] || at[2] == '/'))
			return false;
	return path[0] != '/';
}

static bool member_load(struct work *w, struct nd_words in_dep, size_t most)
{
	struct member *member = &w->member[w->members++];
	struct nd_words name = nd_modules_file_name(in_dep);
	char path[PATH_MAX];
	int error;

	snprintf(path, sizeof path, "%.*s", (int)in_dep.bytes, in_dep.at);
	snprintf(member->name, sizeof member->name, "%.*s", (int)name.bytes, name.at);
	if (in_dep.bytes >= sizeof path || name.bytes >= sizeof member->name || !path_stays(path) ||
	    !name_harmless(member->name, sizeof member->name))
		return refuse(w, "modules.dep of %s has a path that is not taken", w->release);
	error = file_load(&member->file, w->folder, path, most);
	if (error == EFBIG)
		return refuse(w, "more than %u MiB of modules for these devices",
			      ND_CATALOGUE_BYTES_MAX >> 20);
	return !error || refuse(w, "%s: %s", member->name, strerror(error));
}

static bool members_load(struct work *w)
{
	size_t left = ND_CATALOGUE_BYTES_MAX;

	for (unsigned int i = 0; i < w->modules.count; i++) {
		if (!member_load(w, w->modules.path[i], left))
			return false;
		left -= w->member[i].file.bytes;
	}
	return true;
}

/* --- the answer --- */

static void order_write(struct work *w)
{
	char *to = w->order;

	for (unsigned int i = 0; i < w->members; i++) {
		const struct member *member = &w->member[i];
		uint8_t sum[SHA256_DIGEST_SIZE];
		struct sha256_ctx sha;

		sha256_init(&sha);
		sha256_update(&sha, member->file.bytes, (const uint8_t *)member->file.at);
		sha256_digest(&sha, sizeof sum, sum);
		for (size_t j = 0; j < sizeof sum; j++)
			to += sprintf(to, "%02x", sum[j]);
		to += sprintf(to, "  %s\n", member->name);
	}
}

static size_t tar_room(size_t bytes)
{
	return TAR_BLOCK_BYTES + (bytes + TAR_BLOCK_BYTES - 1) / TAR_BLOCK_BYTES * TAR_BLOCK_BYTES;
}

static bool tar_add(struct archive *tar, const char *name, const char *content, size_t bytes)
{
	struct archive_entry *entry = archive_entry_new();
	bool good = false;

	if (entry) {
		archive_entry_set_pathname(entry, name);
		archive_entry_set_filetype(entry, AE_IFREG);
		archive_entry_set_perm(entry, 0644);
		archive_entry_set_size(entry, (la_int64_t)bytes);
		good = archive_write_header(tar, entry) == ARCHIVE_OK &&
		       archive_write_data(tar, content, bytes) == (la_ssize_t)bytes;
	}
	archive_entry_free(entry);
	return good;
}

static bool tar_write(const struct work *w, struct archive *tar, void *to, size_t room,
		      size_t *used)
{
	bool good = archive_write_set_format_ustar(tar) == ARCHIVE_OK &&
		    archive_write_open_memory(tar, to, room, used) == ARCHIVE_OK &&
		    tar_add(tar, "order", w->order, strlen(w->order));

	for (unsigned int i = 0; good && i < w->members; i++) {
		const struct member *member = &w->member[i];

		good = tar_add(tar, member->name, member->file.at, member->file.bytes);
	}
	return archive_write_close(tar) == ARCHIVE_OK && good;
}

static bool answer_write(struct work *w, struct nd_catalogue_answer *answer)
{
	size_t room = tar_room(strlen(w->order)) + TAR_END_BYTES;
	struct archive *tar = archive_write_new();

	for (unsigned int i = 0; i < w->members; i++)
		room += tar_room(w->member[i].file.bytes);
	answer->archive = malloc(room);
	answer->modules = w->members;
	if (tar && answer->archive && tar_write(w, tar, answer->archive, room, &answer->bytes)) {
		archive_write_free(tar);
		return true;
	}
	archive_write_free(tar);
	free(answer->archive);
	answer->archive = NULL;
	return refuse(w, "no memory");
}

static void work_free(struct work *w)
{
	for (unsigned int i = 0; i < w->members; i++)
		free(w->member[i].file.at);
	nd_modules_free(&w->modules);
	free(w->alias.at);
	free(w->dep.at);
	free(w->softdep.at);
	if (w->folder >= 0)
		close(w->folder);
	free(w->request);
	free(w);
}

bool nd_catalogue_answer_make(int dir, const char *request, size_t bytes,
			      struct nd_catalogue_answer *answer)
{
	struct work *w = calloc(1, sizeof *w);
	bool good;

	*answer = (struct nd_catalogue_answer){.why = "no memory"};
	if (!w)
		return false;
	w->folder = -1;
	w->why = answer->why;
	good = request_parse(w, request, bytes) && texts_load(w, dir) && modules_find(w) &&
	       members_load(w);
	if (good) {
		order_write(w);
		good = answer_write(w, answer);
	}
	if (good)
		answer->why[0] = 0;
	work_free(w);
	return good;
}
