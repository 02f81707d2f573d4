// SPDX-License-Identifier: GPL-2.0-or-later
/* disk.c - the server's file calls, over node.h's files: they can fail, lie, and die. */
#include "tests/sim/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "tests/sim/event.h"
#include "tests/sim/node.h"
#include "tests/sim/report.h"

#define HANDLES  8192
#define BREAK_NS (5 * SIM_S)

/* Only the linker knows that others call these. */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"

struct handle {
	struct sim_node *node;
	uint64_t offset;
};

struct listing {
	int fd;
	size_t next;
	struct dirent entry;
};

static struct sim_node *top;
static struct handle handle[HANDLES];
static unsigned int handles;
static bool dead, spared;
static unsigned int die_in, die_at_rename, break_in, break_count;
static int break_error;
static uint64_t break_end_ns;
static enum sim_lie lie;
static uint32_t rot;

void sim_disk_begin(uint64_t seed, uint64_t bytes)
{
	sim_disk_live();
	sim_disk_break(0, 0, 0);
	lie = SIM_LIE_NONE;
	rot = 0;
	top = sim_nodes_begin(seed, bytes);
}

void sim_disk_end(void)
{
	sim_nodes_end();
	memset(handle, 0, sizeof handle);
	handles = 0;
}

void sim_disk_power(void)
{
	sim_nodes_power(top);
}

bool sim_disk_is_synced(const char *host, const char *name)
{
	const struct sim_node *folder = sim_node_find(top, host), *dump;
	bool synced = folder && sim_node_is_synced(top, host) && sim_node_is_synced(folder, name);

	dump = synced ? sim_node_find(folder, name) : NULL;
	for (size_t i = 0; synced && i < dump->names.count; i++)
		synced = sim_node_is_synced(dump, dump->names.entry[i].name);
	return synced;
}

void sim_disk_break(unsigned int after, unsigned int count, int error)
{
	break_in = after;
	break_count = count;
	break_error = error;
	break_end_ns = SIM_NEVER;
}

void sim_disk_rot(uint32_t per_million)
{
	rot = per_million;
}

void sim_disk_die(unsigned int after)
{
	die_in = after + 1;
}

void sim_disk_die_at_rename(unsigned int after)
{
	die_at_rename = after + 1;
}

bool sim_disk_dead(void)
{
	return dead;
}

void sim_disk_live(void)
{
	dead = false;
	die_in = die_at_rename = 0;
}

void sim_disk_lie(enum sim_lie about)
{
	lie = about;
}

void sim_disk_spare(bool on)
{
	spared = on;
}

unsigned int sim_disk_open_count(void)
{
	return handles;
}

/* Whether this call has no effect; errno says why. */
static bool fails(void)
{
	if (spared)
		return false;
	if (die_in && !--die_in)
		dead = true;
	errno = EIO;
	if (dead)
		return true;
	if (!break_count)
		return false;
	if (break_in) {
		break_in--;
		return false;
	}
	if (break_end_ns == SIM_NEVER)
		break_end_ns = sim_now_ns + BREAK_NS;
	if (sim_now_ns > break_end_ns) {
		break_count = 0;
		return false;
	}
	break_count--;
	errno = break_error;
	return true;
}

static struct sim_node *node_of(int fd)
{
	SIM_NEED(fd >= SIM_DISK_FD && fd < SIM_DISK_FD + HANDLES && handle[fd - SIM_DISK_FD].node);
	return handle[fd - SIM_DISK_FD].node;
}

static int handle_new(struct sim_node *n)
{
	for (int i = 0; i < HANDLES; i++) {
		if (handle[i].node)
			continue;
		handle[i] = (struct handle){n, 0};
		handles++;
		return SIM_DISK_FD + i;
	}
	errno = EMFILE;
	return -1;
}

int sim_disk_top(void)
{
	return handle_new(top);
}

/* The calls themselves.  Whatever else is wrong with them, the server is. */

int __wrap_openat(int dir, const char *name, int flags, ...)
{
	struct sim_node *folder = node_of(dir), *n;

	if (fails())
		return -1;
	SIM_NEED(folder->folder && !strchr(name, '/') && strcmp(name, ".."));
	n = strcmp(name, ".") ? sim_node_find(folder, name) : folder;
	if (!n && !(flags & O_CREAT)) {
		errno = ENOENT;
		return -1;
	}
	if (!n) {
		n = sim_node_new(false);
		sim_node_step(folder, "", name, n);
	}
	if (flags & O_DIRECTORY && !n->folder) {
		errno = ENOTDIR;
		return -1;
	}
	if (flags & O_TRUNC)
		sim_node_resize(n, 0);
	return handle_new(n);
}

int __real_close(int fd);
int __wrap_close(int fd)
{
	if (fd < SIM_DISK_FD)
		return __real_close(fd);
	node_of(fd);
	handle[fd - SIM_DISK_FD].node = NULL;
	handles--;
	return 0;
}

int __wrap_mkdirat(int dir, const char *name, mode_t mode)
{
	struct sim_node *folder = node_of(dir);

	(void)mode;
	if (fails())
		return -1;
	if (sim_node_find(folder, name)) {
		errno = EEXIST;
		return -1;
	}
	sim_node_step(folder, "", name, sim_node_new(true));
	return 0;
}

int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	struct sim_node *folder = node_of(from_dir);
	struct sim_node *n, *over;

	if (fails())
		return -1;
	SIM_NEED(node_of(to_dir) == folder);
	n = sim_node_find(folder, from);
	over = sim_node_find(folder, to);
	errno = !n ? ENOENT : ENOTEMPTY;
	if (!n || (over && over->folder && over->names.count))
		return -1;
	if (n->folder && die_at_rename) {
		die_in = die_at_rename;
		die_at_rename = 0;
	}
	if (lie != SIM_LIE_RENAME || !n->folder)
		sim_node_step(folder, from, to, n);
	return 0;
}

int __wrap_unlinkat(int dir, const char *name, int flags)
{
	struct sim_node *folder = node_of(dir), *n = sim_node_find(folder, name);

	if (fails())
		return -1;
	errno = !n ? ENOENT : n->folder ? EISDIR : ENOTDIR;
	if (!n || n->folder != !!(flags & AT_REMOVEDIR))
		return -1;
	errno = ENOTEMPTY;
	if (n->folder && n->names.count)
		return -1;
	sim_node_step(folder, name, "", n);
	return 0;
}

/* A write that its writer does not outlive may be there in part. */
static size_t cut(size_t bytes)
{
	return die_in == 1 ? sim_chance_below(sim_nodes_chance(), bytes + 1) : bytes;
}

static ssize_t bytes_write(struct sim_node *n, const void *data, size_t bytes, uint64_t offset)
{
	size_t part = cut(bytes);

	if (part < bytes)
		sim_node_put(n, data, part, offset);
	if (fails())
		return -1;
	return sim_node_put(n, data, bytes, offset);
}

ssize_t __wrap_pwrite(int fd, const void *data, size_t bytes, off_t offset)
{
	struct sim_node *n = node_of(fd);
	ssize_t done = bytes_write(n, data, bytes, (uint64_t)offset);

	if (done > 0 && sim_chance_hits(sim_nodes_chance(), rot)) {
		uint64_t where =
			(uint64_t)offset + sim_chance_below(sim_nodes_chance(), (uint64_t)done);

		sim_node_turn(n, where);
		sim_trace("  disk: a bit turns at byte %llu", (unsigned long long)where);
	}
	return done;
}

ssize_t __real_write(int fd, const void *data, size_t bytes);
ssize_t __wrap_write(int fd, const void *data, size_t bytes)
{
	ssize_t done;

	if (fd < SIM_DISK_FD)
		return __real_write(fd, data, bytes);
	done = bytes_write(node_of(fd), data, bytes, handle[fd - SIM_DISK_FD].offset);
	if (done > 0)
		handle[fd - SIM_DISK_FD].offset += (uint64_t)done;
	return done;
}

ssize_t __wrap_pread(int fd, void *to, size_t bytes, off_t offset)
{
	const struct sim_node *n = node_of(fd);

	return fails() ? -1 : sim_node_get(n, to, bytes, (uint64_t)offset);
}

int __wrap_ftruncate(int fd, off_t bytes)
{
	struct sim_node *n = node_of(fd);

	if (fails())
		return -1;
	sim_node_resize(n, (uint64_t)bytes);
	return 0;
}

int __wrap_fallocate(int fd, int mode, off_t offset, off_t bytes)
{
	struct sim_node *n = node_of(fd);
	uint64_t end = (uint64_t)(offset + bytes);

	if (fails())
		return -1;
	if (mode & FALLOC_FL_PUNCH_HOLE) {
		sim_node_punch(n, (uint64_t)offset, end);
		return 0;
	}
	errno = ENOSPC;
	return sim_node_reserve(n, end) ? 0 : -1;
}

int __wrap_fsync(int fd)
{
	struct sim_node *n = node_of(fd);

	if (fails()) {
		if (!dead)
			sim_node_forsake(n);
		return -1;
	}
	if (lie != SIM_LIE_SYNC)
		sim_node_sync(n);
	return 0;
}

int __wrap_fdatasync(int fd)
{
	return __wrap_fsync(fd);
}

static void stat_make(const struct sim_node *n, struct stat *st)
{
	*st = (struct stat){
		.st_mode = n->folder ? S_IFDIR | 0750 : S_IFREG | 0640,
		.st_size = (off_t)n->size,
		.st_blocks = (blkcnt_t)(sim_node_used(n) / 512),
	};
}

int __wrap_fstat(int fd, struct stat *st)
{
	const struct sim_node *n = node_of(fd);

	if (fails())
		return -1;
	stat_make(n, st);
	return 0;
}

int __wrap_fstatat(int dir, const char *name, struct stat *st, int flags)
{
	const struct sim_node *n = sim_node_find(node_of(dir), name);

	(void)flags;
	if (fails())
		return -1;
	errno = ENOENT;
	if (!n)
		return -1;
	stat_make(n, st);
	return 0;
}

int __wrap_fstatvfs(int fd, struct statvfs *fs)
{
	uint64_t capacity = sim_nodes_capacity(), used = sim_disk_used();

	node_of(fd);
	if (fails())
		return -1;
	*fs = (struct statvfs){
		.f_frsize = SIM_BLOCK_BYTES,
		.f_blocks = capacity / SIM_BLOCK_BYTES,
		.f_bavail = used < capacity ? (capacity - used) / SIM_BLOCK_BYTES : 0,
	};
	return 0;
}

DIR *__wrap_fdopendir(int fd)
{
	struct listing *l;

	node_of(fd);
	if (fails())
		return NULL;
	l = calloc(1, sizeof *l);
	SIM_NEED(l);
	l->fd = fd;
	return (DIR *)l;
}

struct dirent *__wrap_readdir(DIR *dir)
{
	struct listing *l = (struct listing *)dir;
	const struct sim_node *n = node_of(l->fd);

	if (fails() || l->next >= n->names.count)
		return NULL;
	strcpy(l->entry.d_name, n->names.entry[l->next++].name);
	return &l->entry;
}

int __wrap_closedir(DIR *dir)
{
	struct listing *l = (struct listing *)dir;

	__wrap_close(l->fd);
	free(l);
	return 0;
}
