// SPDX-License-Identifier: GPL-2.0-or-later
/* disk.c - the server's file calls, watched and made to fail. */
#include "tests/fuzz/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <jansson.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/hearsay.h"
#include "server/store.h"
#include "server/verify.h"
#include "tests/fuzz/folder.h"

static unsigned int calls_left, failing;
static int failure;

void nd_disk_break(unsigned int calls, unsigned int count, int error)
{
	calls_left = calls;
	failing = count;
	failure = error;
}

/* Whether this call has to fail, or to lie. */
static bool broken(void)
{
	if (!failing)
		return false;
	if (calls_left) {
		calls_left--;
		return false;
	}
	failing--;
	errno = failure;
	return true;
}

static bool fails(void)
{
	return failure && broken();
}

static void name_must(const char *name)
{
	ND_MUST(*name && !strchr(name, '/') && strcmp(name, ".."));
	ND_MUST(strlen(name) < 2 * ND_STORE_NAME_BYTES);
}

int __real_openat(int dir, const char *name, int flags, mode_t mode);
int __wrap_openat(int dir, const char *name, int flags, ...);
int __wrap_openat(int dir, const char *name, int flags, ...)
{
	mode_t mode = 0;
	va_list args;

	name_must(name);
	ND_MUST(flags & O_CLOEXEC && flags & O_NOFOLLOW);
	if (flags & O_CREAT) {
		va_start(args, flags);
		mode = va_arg(args, mode_t);
		va_end(args);
		ND_MUST(!(mode & 0007));
	}
	return fails() ? -1 : __real_openat(dir, name, flags, mode);
}

int __real_mkdirat(int dir, const char *name, mode_t mode);
int __wrap_mkdirat(int dir, const char *name, mode_t mode);
int __wrap_mkdirat(int dir, const char *name, mode_t mode)
{
	name_must(name);
	ND_MUST(!(mode & 0007) && strcmp(name, "."));
	return fails() ? -1 : __real_mkdirat(dir, name, mode);
}

int __real_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	name_must(from);
	name_must(to);
	ND_MUST(from_dir == to_dir);
	return fails() ? -1 : __real_renameat(from_dir, from, to_dir, to);
}

int __real_unlinkat(int dir, const char *name, int flags);
int __wrap_unlinkat(int dir, const char *name, int flags);
int __wrap_unlinkat(int dir, const char *name, int flags)
{
	name_must(name);
	return fails() ? -1 : __real_unlinkat(dir, name, flags);
}

ssize_t __real_write(int fd, const void *data, size_t bytes);
ssize_t __wrap_write(int fd, const void *data, size_t bytes);
ssize_t __wrap_write(int fd, const void *data, size_t bytes)
{
	return fails() ? -1 : __real_write(fd, data, bytes);
}

ssize_t __real_pwrite(int fd, const void *data, size_t bytes, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *data, size_t bytes, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *data, size_t bytes, off_t offset)
{
	return fails() ? -1 : __real_pwrite(fd, data, bytes, offset);
}

/* A disk that lies says that all is well, and one bit is not. */
ssize_t __real_pread(int fd, void *to, size_t bytes, off_t offset);
ssize_t __wrap_pread(int fd, void *to, size_t bytes, off_t offset);
ssize_t __wrap_pread(int fd, void *to, size_t bytes, off_t offset)
{
	bool lies = broken();
	ssize_t got = lies && failure ? -1 : __real_pread(fd, to, bytes, offset);

	if (lies && got > 0)
		((uint8_t *)to)[(size_t)got / 2] ^= 1;
	return got;
}

int __real_ftruncate(int fd, off_t bytes);
int __wrap_ftruncate(int fd, off_t bytes);
int __wrap_ftruncate(int fd, off_t bytes)
{
	return fails() ? -1 : __real_ftruncate(fd, bytes);
}

int __real_fallocate(int fd, int mode, off_t offset, off_t bytes);
int __wrap_fallocate(int fd, int mode, off_t offset, off_t bytes);
int __wrap_fallocate(int fd, int mode, off_t offset, off_t bytes)
{
	return fails() ? -1 : __real_fallocate(fd, mode, offset, bytes);
}

int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
	ND_MUST(fd >= 0);
	return fails() ? -1 : 0;
}

/* What came of it: as info.json has it; but nothing, of what was only passing. */
static void file_must(const char *name, const json_t *info, const struct nd_kind *kind)
{
	char sha[65], why[128];
	int fd = open(name, O_RDONLY);

	if (kind->passing) {
		ND_MUST(fd < 0);
		return;
	}
	ND_MUST(fd >= 0 && !nd_verify_sha(fd, sha));
	ND_MUST(!strcmp(json_string_value(json_object_get(info, "sha256")), sha));
	if (kind != &nd_kinds[ND_HELLO_CRASH]) {
		ND_MUST(lseek(fd, 0, SEEK_END) ==
			json_integer_value(json_object_get(info, "bytes")));
	} else if (!nd_verify_elf(fd, why, sizeof why)) {
		fprintf(stderr, "%s: %s\n", name, why);
		abort();
	}
	close(fd);
}

/* A folder without ".partial": everything there, and right. */
static void complete_must(const char *path)
{
	const struct nd_kind *kind;
	char name[400];
	json_t *info;

	snprintf(name, sizeof name, "%s/info.json", path);
	info = json_load_file(name, 0, NULL);
	ND_MUST(!strcmp(json_string_value(json_object_get(info, "status")), "complete"));
	kind = nd_kind_named(json_string_value(json_object_get(info, "kind")));
	snprintf(name, sizeof name, "%s/%s", path, kind->file);
	file_must(name, info, kind);
	json_decref(info);
}

static bool is_partial(const char *name)
{
	size_t bytes = strlen(name), tail = strlen(ND_STORE_PARTIAL);

	return bytes > tail && !strcmp(name + bytes - tail, ND_STORE_PARTIAL);
}

static int entry_must(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-";
	const char *name = path + at->base;

	(void)kind;
	if (at->level < 2) {
		ND_MUST(!at->level || !strcmp(path, nd_folder_path())); /* nothing beside it */
		return 0;
	}
	ND_MUST(*name != '.' && *name != '-' && strspn(name, allowed) == strlen(name));
	if (at->level == 3 && S_ISREG(st->st_mode)) {
		ND_MUST(!strcmp(name, ND_HEARSAY_NAME) || !strcmp(name, ND_HEARSAY_OLD_NAME));
		ND_MUST(st->st_size <= ND_HEARSAY_BYTES);
		return 0;
	}
	ND_MUST(at->level <= 4 && (at->level == 4 ? S_ISREG(st->st_mode) : S_ISDIR(st->st_mode)));
	if (at->level == 3 && !is_partial(name))
		complete_must(path);
	return 0;
}

void nd_disk_must(void)
{
	ND_MUST(!nftw(nd_folder_above(), entry_must, 16, FTW_PHYS));
}
