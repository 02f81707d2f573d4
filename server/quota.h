/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * quota.h - how much disk dumps may take: of one host, all together, and what is left free.
 *
 * Counted are allocated blocks, of complete and partial dumps alike: holes are free.  What
 * all dumps take is counted once, at the start, and kept up to date with what running
 * dumps add; only when that says "enough" is it counted anew, for someone may have made room.
 */
#ifndef NETDUMP_SERVER_QUOTA_H
#define NETDUMP_SERVER_QUOTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* keep_free_bytes: a twentieth of the file system, but no more than 1 GiB. */
#define ND_QUOTA_DEFAULT UINT64_MAX

struct nd_quota_limits {
	uint64_t host_bytes, all_bytes; /* 0: no limit */
	uint64_t keep_free_bytes;       /* or ND_QUOTA_DEFAULT */
};

struct nd_quota {
	struct nd_quota_limits limits;
	int top;             /* DIR */
	uint64_t used_bytes; /* by all dumps, where there is a limit */
	uint64_t counted_ms; /* when all were last counted */
};

/* Of one running dump. */
struct nd_quota_share {
	uint64_t bytes; /* that `used_bytes` has of it */
};

/* Counts what is there. */
void nd_quota_init(struct nd_quota *q, int top, const struct nd_quota_limits *limits);

/* A dump of which what it takes is counted already. */
void nd_quota_share_begin(struct nd_quota_share *share, int vmcore);

/* Takes into account what the dump with this open file takes by now. */
void nd_quota_grow(struct nd_quota *q, struct nd_quota_share *share, int vmcore);

/* It is gone again. */
void nd_quota_shrink(struct nd_quota *q, struct nd_quota_share *share);

/* Whether there is room, whoever's it is: what costs no look at any host's folder. */
bool nd_quota_has_room(struct nd_quota *q, uint64_t now_ms, char *why, size_t room);

/* Whether dumps of this host may take more.  False: `why` says which limit is reached. */
bool nd_quota_allows(struct nd_quota *q, const char *host_name, uint64_t now_ms, char *why,
		     size_t room);

#endif
