// SPDX-License-Identifier: GPL-2.0-or-later
/* quota.c - how much disk dumps may take: of one host, all together, and what is left free. */
#include "server/quota.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define DIR_FLAGS        (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define BLOCK_BYTES      512 /* of st_blocks, whatever the file system's are */
#define KEEP_FREE_SHARE  20
#define KEEP_FREE_MAX    (1ull << 30)
#define RECOUNT_MS       60000 /* counting may take long where there are many dumps */
#define LEVELS_BELOW_TOP 2     /* HOST, DATE-ID */

/* Blocks of all files below a folder, and of the folders; what cannot be seen counts nothing. */
static uint64_t folder_count(int at, const char *name, unsigned int levels)
{
	int fd = openat(at, name, DIR_FLAGS);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	uint64_t bytes = 0;
	struct dirent *e;
	struct stat st;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.' || fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW))
			continue;
		bytes += (uint64_t)st.st_blocks * BLOCK_BYTES;
		if (S_ISDIR(st.st_mode) && levels)
			bytes += folder_count(fd, e->d_name, levels - 1);
	}
	closedir(d);
	return bytes;
}

static void all_count(struct nd_quota *q, uint64_t now_ms)
{
	q->counted_ms = now_ms;
	q->used_bytes = folder_count(q->top, ".", LEVELS_BELOW_TOP);
}

void nd_quota_init(struct nd_quota *q, int top, const struct nd_quota_limits *limits)
{
	struct statvfs fs;

	*q = (struct nd_quota){.limits = *limits, .top = top};
	if (q->limits.keep_free_bytes == ND_QUOTA_DEFAULT) {
		q->limits.keep_free_bytes =
			fstatvfs(top, &fs) ? 0 : fs.f_blocks * fs.f_frsize / KEEP_FREE_SHARE;
		if (q->limits.keep_free_bytes > KEEP_FREE_MAX)
			q->limits.keep_free_bytes = KEEP_FREE_MAX;
	}
	if (q->limits.all_bytes)
		all_count(q, 0);
}

void nd_quota_share_begin(struct nd_quota_share *share, int vmcore)
{
	struct stat st;

	if (!fstat(vmcore, &st))
		share->bytes = (uint64_t)st.st_blocks * BLOCK_BYTES;
}

void nd_quota_grow(struct nd_quota *q, struct nd_quota_share *share, int vmcore)
{
	uint64_t before = share->bytes;

	nd_quota_share_begin(share, vmcore);
	if (share->bytes > before)
		q->used_bytes += share->bytes - before;
}

void nd_quota_shrink(struct nd_quota *q, struct nd_quota_share *share)
{
	q->used_bytes -= share->bytes < q->used_bytes ? share->bytes : q->used_bytes;
	share->bytes = 0;
}

static bool limit_reached(char *why, size_t room, uint64_t limit, const char *option)
{
	snprintf(why, room, "the quota of %llu MiB is reached (%s)",
		 (unsigned long long)limit >> 20, option);
	return false;
}

static bool free_allowed(const struct nd_quota *q, char *why, size_t room)
{
	struct statvfs fs;

	if (fstatvfs(q->top, &fs) || fs.f_bavail * fs.f_frsize >= q->limits.keep_free_bytes)
		return true;
	snprintf(why, room, "the disk is full: less than %llu MiB are free (--keep-free)",
		 (unsigned long long)q->limits.keep_free_bytes >> 20);
	return false;
}

static bool all_allowed(struct nd_quota *q, uint64_t now_ms, char *why, size_t room)
{
	uint64_t limit = q->limits.all_bytes;

	if (limit && q->used_bytes >= limit && now_ms - q->counted_ms >= RECOUNT_MS)
		all_count(q, now_ms);
	return !limit || q->used_bytes < limit || limit_reached(why, room, limit, "--quota");
}

bool nd_quota_has_room(struct nd_quota *q, uint64_t now_ms, char *why, size_t room)
{
	return free_allowed(q, why, room) && all_allowed(q, now_ms, why, room);
}

bool nd_quota_allows(struct nd_quota *q, const char *host_name, uint64_t now_ms, char *why,
		     size_t room)
{
	uint64_t limit = q->limits.host_bytes;

	if (!free_allowed(q, why, room))
		return false;
	if (limit && folder_count(q->top, host_name, LEVELS_BELOW_TOP - 1) >= limit)
		return limit_reached(why, room, limit, "--quota-host");
	return all_allowed(q, now_ms, why, room);
}
