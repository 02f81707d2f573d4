// SPDX-License-Identifier: GPL-2.0-or-later
/* hearsay.c - last words of crashes that left no dump: DIR/HOST/last-words.log. */
#include "server/hearsay.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "server/log.h"
#include "server/store.h"

#define DIR_FLAGS        (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define LOG_FLAGS        (O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
#define LINE_BYTES       256
#define NAMES_PER_SECOND 1
#define NAMES_BURST      1024 /* a rack comes back at once */
#define WHY_BYTES        128

_Static_assert(ND_LAST_WORDS_TEXT_BYTES + 64 <= LINE_BYTES, "date, address and MAC fit too");

void nd_hearsay_init(struct nd_hearsay *h, int top, struct nd_quota *quota)
{
	*h = (struct nd_hearsay){.top = top, .quota = quota};
	nd_bucket_init(&h->names, NAMES_PER_SECOND, NAMES_BURST);
}

static bool top_is_crowded(int top)
{
	int fd = openat(top, ".", DIR_FLAGS);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	unsigned int count = 0;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return true;
	}
	while (count < ND_HEARSAY_HOSTS_MAX && readdir(d))
		count++;
	closedir(d);
	return count >= ND_HEARSAY_HOSTS_MAX;
}

/* The host's folder, made if there is none; -1: `why` says why not. */
static int host_open(struct nd_hearsay *h, uint64_t now_ms, const char *name, char why[WHY_BYTES])
{
	int host = openat(h->top, name, DIR_FLAGS);

	if (host >= 0 || errno != ENOENT) {
		snprintf(why, WHY_BYTES, "%s", strerror(errno));
		return host;
	}
	if (!nd_bucket_take(&h->names, now_ms) || top_is_crowded(h->top)) {
		snprintf(why, WHY_BYTES, "too many hosts");
		return -1;
	}
	if (!mkdirat(h->top, name, 0750) || errno == EEXIST)
		host = openat(h->top, name, DIR_FLAGS);
	snprintf(why, WHY_BYTES, "%s", strerror(errno));
	return host;
}

/* The log, and where its next line goes; -1: errno says why not. */
static int log_open(int host, size_t line_bytes, uint64_t *end)
{
	struct stat st = {0};
	int fd = openat(host, ND_HEARSAY_NAME, LOG_FLAGS, 0640);

	if (fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode)) {
		*end = (uint64_t)st.st_size;
		if (*end + line_bytes <= ND_HEARSAY_BYTES)
			return fd;
		*end = 0;
		close(fd);
		if (renameat(host, ND_HEARSAY_NAME, host, ND_HEARSAY_OLD_NAME))
			return -1;
		return openat(host, ND_HEARSAY_NAME, LOG_FLAGS | O_EXCL, 0640);
	}
	if (fd >= 0) {
		close(fd);
		errno = EINVAL;
	}
	return -1;
}

static bool line_add(struct nd_hearsay *h, int host, const char *line, char why[WHY_BYTES])
{
	struct nd_quota_share share = {0};
	size_t bytes = strlen(line);
	uint64_t end;
	int fd = log_open(host, bytes, &end), error;

	if (fd < 0) {
		snprintf(why, WHY_BYTES, "%s", strerror(errno));
		return false;
	}
	nd_quota_share_begin(&share, fd);
	error = nd_store_write(fd, line, bytes, end);
	if (error && ftruncate(fd, (off_t)end))
		error = errno; /* half a line stays */
	nd_quota_grow(h->quota, &share, fd);
	close(fd);
	if (error)
		snprintf(why, WHY_BYTES, "%s", strerror(error));
	return !error;
}

void nd_hearsay_take(struct nd_hearsay *h, uint64_t now_ms, double now_s,
		     const struct sockaddr_in *from, const struct nd_wire_last_words *words)
{
	char name[ND_STORE_NAME_BYTES], ip[INET_ADDRSTRLEN] = "?", date[32], why[WHY_BYTES];
	char line[LINE_BYTES];
	const uint8_t *mac = words->mac;
	time_t now = (time_t)now_s;
	bool kept = false;
	struct tm tm;
	int host;

	nd_store_host_name(name, words->host, mac);
	inet_ntop(AF_INET, &from->sin_addr, ip, sizeof ip);
	strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
	snprintf(line, sizeof line, "%s %s %02x:%02x:%02x:%02x:%02x:%02x %s\n", date, ip, mac[0],
		 mac[1], mac[2], mac[3], mac[4], mac[5], words->text);
	/* To count what the host has would cost more than anybody may cost who has no key. */
	if (nd_quota_has_room(h->quota, now_ms, why, sizeof why)) {
		host = host_open(h, now_ms, name, why);
		kept = host >= 0 && line_add(h, host, line, why);
		if (host >= 0)
			close(host);
	}
	nd_log_under(ND_LID_HEARSAY, now_ms, "%s: %s says last words of a crash: %s%s%s", name, ip,
		     words->text, kept ? "" : "; not kept: ", kept ? "" : why);
}
