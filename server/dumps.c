// SPDX-License-Identifier: GPL-2.0-or-later
/* dumps.c - the dumps that lie below a folder, and what else machines sent, for netdumpctl. */
#include "server/dumps.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/store.h"

#define DIR_FLAGS  (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define FILE_FLAGS (O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)

static json_t *info_load(int dir)
{
	int fd = openat(dir, "info.json", FILE_FLAGS);
	json_t *info = fd >= 0 ? json_loadfd(fd, 0, NULL) : NULL;

	if (fd >= 0)
		close(fd);
	return info;
}

const char *nd_dump_text(const struct nd_dump *d, const char *key)
{
	const char *text = json_string_value(json_object_get(d->info, key));

	return text ? text : "";
}

/* The folder's name decides: info.json may say "complete" a moment before it is. */
static bool name_partial(const char *folder)
{
	size_t bytes = strlen(folder), tail = strlen(ND_STORE_PARTIAL);

	return bytes > tail && !strcmp(folder + bytes - tail, ND_STORE_PARTIAL);
}

static void partial_load(struct nd_dump *d, int dir)
{
	d->is_partial = name_partial(d->folder);
	if (!d->is_partial)
		return;
	nd_partial_look(&d->partial, dir, d->kind->file,
			strtoull(nd_dump_text(d, "session"), NULL, 16));
	if (!strcmp(nd_dump_text(d, "status"), "complete"))
		json_object_set_new(d->info, "status", json_string("incomplete"));
}

unsigned int nd_dump_percent(const struct nd_dump *d)
{
	return d->is_partial ? d->partial.percent : 100;
}

json_t *nd_dump_json(const struct nd_dump *d)
{
	json_t *one = d->info ? json_deep_copy(d->info) : json_object();

	json_object_set_new(one, "path", json_string(d->path));
	json_object_set_new(one, "kind", json_string(d->kind->name));
	json_object_set_new(one, "percent", json_integer(nd_dump_percent(d)));
	if (d->is_partial)
		json_object_set_new(one, "resumable", json_boolean(!d->partial.why_not));
	return one;
}

static void dump_add(struct nd_dumps *all, int host, const char *host_name, const char *folder)
{
	int dir = openat(host, folder, DIR_FLAGS);
	struct nd_dump *d = dir >= 0 ? calloc(1, sizeof *d) : NULL;

	if (d && all->count == all->room) {
		struct nd_dump **grown = reallocarray(all->dump, all->room * 2 + 16, sizeof *grown);

		if (grown) {
			all->dump = grown;
			all->room = all->room * 2 + 16;
		} else {
			free(d);
			d = NULL;
		}
	}
	if (d) {
		snprintf(d->path, sizeof d->path, "%s/%s", host_name, folder);
		d->folder = d->path + strlen(host_name) + 1;
		d->info = info_load(dir);
		d->kind = nd_kind_named(nd_dump_text(d, "kind"));
		partial_load(d, dir);
		all->dump[all->count++] = d;
	}
	if (dir >= 0)
		close(dir);
}

static bool each_folder(int at, void (*take)(int dir, const char *name, void *context),
			void *context)
{
	int fd = openat(at, ".", DIR_FLAGS);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *e;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	while ((e = readdir(d)))
		if (e->d_name[0] != '.')
			take(at, e->d_name, context);
	closedir(d);
	return true;
}

struct walk {
	struct nd_dumps *all;
	const char *host_name;
};

static void folder_take(int host, const char *name, void *context)
{
	struct walk *w = context;

	dump_add(w->all, host, w->host_name, name);
}

static void host_take(int top, const char *name, void *context)
{
	struct walk w = {context, name};
	int host = openat(top, name, DIR_FLAGS);

	if (host < 0 && errno == ENOTDIR)
		return;
	if (host < 0 || !each_folder(host, folder_take, &w)) {
		fprintf(stderr, "netdumpctl: %s: %s\n", name, strerror(errno));
		w.all->unread = true;
	}
	if (host >= 0)
		close(host);
}

static int by_date(const void *a, const void *b)
{
	const struct nd_dump *const *x = a, *const *y = b;

	return strcmp((*x)->folder, (*y)->folder);
}

void nd_dumps_free(struct nd_dumps *all)
{
	for (size_t i = 0; i < all->count; i++) {
		json_decref(all->dump[i]->info);
		nd_partial_free(&all->dump[i]->partial);
		free(all->dump[i]);
	}
	free(all->dump);
}

static bool id_matches(const struct nd_dump *d, const char *id)
{
	size_t tail = d->is_partial ? strlen(ND_STORE_PARTIAL) : 0;
	size_t bytes = strlen(d->folder) - tail, id_bytes = strlen(id);

	return !strcmp(id, d->path) || !strcmp(id, d->folder) ||
	       (id_bytes == 8 && bytes > 8 && !strncmp(d->folder + bytes - 8, id, 8) &&
		d->folder[bytes - 9] == '-');
}

struct nd_dump *nd_dumps_find(const struct nd_dumps *all, const char *id)
{
	struct nd_dump *found = NULL;

	for (size_t i = 0; i < all->count; i++) {
		if (!id_matches(all->dump[i], id))
			continue;
		if (found) {
			fprintf(stderr, "netdumpctl: %s: several dumps, say HOST/FOLDER: %s, %s\n",
				id, found->path, all->dump[i]->path);
			return NULL;
		}
		found = all->dump[i];
	}
	if (!found)
		fprintf(stderr, "netdumpctl: %s: no such dump (try: netdumpctl list)\n", id);
	return found;
}

bool nd_dumps_read(struct nd_dumps *all, int top)
{
	memset(all, 0, sizeof *all);
	if (!each_folder(top, host_take, all))
		return false;
	if (all->count)
		qsort(all->dump, all->count, sizeof *all->dump, by_date);
	return true;
}
