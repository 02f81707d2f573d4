// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * faultyfiles.c - file calls that fail when told to; preloaded before a program that is tested.
 *
 *   LD_PRELOAD=faultyfiles.so FAULTYFILES=CALL:N[+]:WHAT program ...
 *
 *   CALL  pwrite, write, fsync, fdatasync, syncfs, renameat, openat, ftruncate, fallocate, mkdirat,
 *         unlinkat, close, pread; any: all of them, counted together
 *   N     the Nth call of the kind, from 1; with + also every later one
 *   WHAT  the name of an errno (ENOSPC, EDQUOT, EIO, EROFS, EINTR, EACCES); short: half is
 *         written (or read), and the call says so; flip: a bit of what is written (or read)
 *         turns; slow: the call takes a second; kill: SIGKILL before the call
 *
 * Only calls on files and folders count, and only those whose path begins with FAULTYFILES_DIR
 * and ends in FAULTYFILES_NAME, if those are set.  At its end the program says on standard error
 * how many calls there were and whether the fault was reached: "faultyfiles: 12 calls, reached".
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <seccomp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum what { FAULT_NONE, FAULT_ERRNO, FAULT_SHORT, FAULT_FLIP, FAULT_SLOW };

static struct {
	char call[16];
	unsigned long nth;
	bool onwards, kills;
	enum what what;
	int error;
	const char *dir, *name;
} fault;
static atomic_ulong calls, reached;

static void what_parse(const char *name)
{
	static const struct {
		const char *name;
		int value;
	} errors[] = {{"ENOSPC", ENOSPC}, {"EDQUOT", EDQUOT}, {"EIO", EIO},
		      {"EROFS", EROFS},   {"EINTR", EINTR},   {"EACCES", EACCES}};

	fault.kills = !strcmp(name, "kill");
	if (!strcmp(name, "short"))
		fault.what = FAULT_SHORT;
	if (!strcmp(name, "flip"))
		fault.what = FAULT_FLIP;
	if (!strcmp(name, "slow"))
		fault.what = FAULT_SLOW;
	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
		if (strcmp(name, errors[i].name))
			continue;
		fault.what = FAULT_ERRNO;
		fault.error = errors[i].value;
	}
	if (!fault.kills && fault.what == FAULT_NONE) {
		fprintf(stderr, "faultyfiles: %s: no such fault\n", name);
		_exit(127);
	}
}

__attribute__((constructor)) static void fault_read(void)
{
	const char *text = getenv("FAULTYFILES");
	char plus[2] = "", name[16];

	fault.dir = getenv("FAULTYFILES_DIR");
	fault.name = getenv("FAULTYFILES_NAME");
	if (!text)
		return;
	if (sscanf(text, "%15[a-z]:%lu:%15s", fault.call, &fault.nth, name) != 3 &&
	    sscanf(text, "%15[a-z]:%lu%1[+]:%15s", fault.call, &fault.nth, plus, name) != 4) {
		fprintf(stderr, "faultyfiles: %s: makes no sense\n", text);
		_exit(127);
	}
	fault.onwards = plus[0];
	what_parse(name);
}

__attribute__((destructor)) static void fault_report(void)
{
	if (fault.call[0])
		fprintf(stderr, "faultyfiles: %lu calls, %s\n", (unsigned long)calls,
			reached ? "reached" : "not reached");
}

/* Whether a descriptor is of a file or folder; then, where it (or `name` in it) is. */
static bool path_find(int fd, const char *name, char path[PATH_MAX])
{
	char link[64];
	struct stat st;
	ssize_t bytes;

	if (fd < 0 || fstat(fd, &st) || (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)))
		return false;
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	bytes = readlink(link, path, PATH_MAX - 1);
	if (bytes < 0)
		return false;
	snprintf(path + bytes, (size_t)(PATH_MAX - bytes), "%s%s", name ? "/" : "",
		 name ? name : "");
	return true;
}

static bool ends_in(const char *path, const char *tail)
{
	size_t bytes = strlen(path), tail_bytes = strlen(tail);

	return bytes >= tail_bytes && !strcmp(path + bytes - tail_bytes, tail);
}

/* What is to go wrong with this call on fd, or on `name` in the folder fd. */
static enum what strike(const char *call, int fd, const char *name)
{
	char path[PATH_MAX];
	unsigned long nth;

	if (strcmp(fault.call, call) && strcmp(fault.call, "any"))
		return FAULT_NONE;
	if (!path_find(fd, name, path) ||
	    (fault.dir && strncmp(path, fault.dir, strlen(fault.dir))) ||
	    (fault.name && !ends_in(path, fault.name)))
		return FAULT_NONE;
	nth = ++calls;
	if (nth != fault.nth && !(fault.onwards && nth > fault.nth))
		return FAULT_NONE;
	reached = 1;
	if (fault.kills)
		kill(getpid(), SIGKILL);
	if (fault.what == FAULT_SLOW)
		sleep(1);
	return fault.what;
}

static int failed(void)
{
	errno = fault.error;
	return -1;
}

static size_t some_of(enum what what, size_t bytes)
{
	return what == FAULT_SHORT && bytes > 1 ? bytes / 2 : bytes;
}

#define REAL(name)                                                                                 \
	static typeof(name) *real;                                                                 \
	if (!real)                                                                                 \
	*(void **)&real = dlsym(RTLD_NEXT, #name)

/* A program that shuts itself in lets us find paths, and kill it, all the same. */
int seccomp_load(const scmp_filter_ctx filter)
{
	static const int ours[] = {SCMP_SYS(readlink), SCMP_SYS(kill)};
	REAL(seccomp_load);

	for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
		seccomp_rule_add(filter, SCMP_ACT_ALLOW, ours[i], 0);
	return real(filter);
}

ssize_t pwrite(int fd, const void *data, size_t bytes, off_t offset)
{
	enum what what = strike("pwrite", fd, NULL);
	unsigned char turned[1 << 16];
	REAL(pwrite);

	if (what == FAULT_ERRNO)
		return failed();
	if (what == FAULT_FLIP && bytes <= sizeof turned) {
		memcpy(turned, data, bytes);
		turned[bytes / 2] ^= 1;
		data = turned;
	}
	return real(fd, data, some_of(what, bytes), offset);
}

ssize_t pread(int fd, void *data, size_t bytes, off_t offset)
{
	enum what what = strike("pread", fd, NULL);
	ssize_t done;
	REAL(pread);

	if (what == FAULT_ERRNO)
		return failed();
	done = real(fd, data, some_of(what, bytes), offset);
	if (what == FAULT_FLIP && done > 0)
		((unsigned char *)data)[done / 2] ^= 1;
	return done;
}

ssize_t write(int fd, const void *data, size_t bytes)
{
	enum what what = strike("write", fd, NULL);
	REAL(write);

	return what == FAULT_ERRNO ? failed() : real(fd, data, some_of(what, bytes));
}

int fsync(int fd)
{
	enum what what = strike("fsync", fd, NULL);
	REAL(fsync);

	return what == FAULT_ERRNO ? failed() : real(fd);
}

int fdatasync(int fd)
{
	enum what what = strike("fdatasync", fd, NULL);
	REAL(fdatasync);

	return what == FAULT_ERRNO ? failed() : real(fd);
}

int syncfs(int fd)
{
	enum what what = strike("syncfs", fd, NULL);
	REAL(syncfs);

	return what == FAULT_ERRNO ? failed() : real(fd);
}

int ftruncate(int fd, off_t bytes)
{
	enum what what = strike("ftruncate", fd, NULL);
	REAL(ftruncate);

	return what == FAULT_ERRNO ? failed() : real(fd, bytes);
}

int fallocate(int fd, int mode, off_t offset, off_t bytes)
{
	enum what what = strike("fallocate", fd, NULL);
	REAL(fallocate);

	return what == FAULT_ERRNO ? failed() : real(fd, mode, offset, bytes);
}

int renameat(int from, const char *name, int to, const char *new_name)
{
	enum what what = strike("renameat", from, name);
	REAL(renameat);

	return what == FAULT_ERRNO ? failed() : real(from, name, to, new_name);
}

int mkdirat(int at, const char *name, mode_t mode)
{
	enum what what = strike("mkdirat", at, name);
	REAL(mkdirat);

	return what == FAULT_ERRNO ? failed() : real(at, name, mode);
}

int unlinkat(int at, const char *name, int flags)
{
	enum what what = strike("unlinkat", at, name);
	REAL(unlinkat);

	return what == FAULT_ERRNO ? failed() : real(at, name, flags);
}

int openat(int at, const char *name, int flags, ...)
{
	enum what what = strike("openat", at, name);
	mode_t mode = 0;
	va_list args;
	REAL(openat);

	if (flags & O_CREAT) {
		va_start(args, flags);
		mode = va_arg(args, mode_t);
		va_end(args);
	}
	return what == FAULT_ERRNO ? failed() : real(at, name, flags, mode);
}

/* The descriptor is gone either way, as Linux has it. */
int close(int fd)
{
	enum what what = strike("close", fd, NULL);
	int result;
	REAL(close);

	result = real(fd);
	return what == FAULT_ERRNO ? failed() : result;
}
