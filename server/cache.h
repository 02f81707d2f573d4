/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cache.h - pages that came before the dump's file had a layout.
 *
 * Headers, notes and the log are read first.  Their pages lie in a file of the dump's own
 * until they are moved to their places in vmcore, so a machine takes nothing from others by
 * them; only those that a parser looks at are in memory, while it runs.  A page that does
 * not read back as it came counts as not here.  Bounded per machine.  A page that no
 * parser looks at again is put away, which leaves of it what is needed to move it.
 */
#ifndef NETDUMP_SERVER_CACHE_H
#define NETDUMP_SERVER_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/mem.h"
#include "server/pages.h"

/* 16 MiB hold the log of a machine with hundreds of CPUs. */
#define ND_CACHE_EARLY_MAX 4096
/* With a stretch of page structures, and the page tables for it. */
#define ND_CACHE_PAGES_MAX (2 * ND_CACHE_EARLY_MAX)
/* That are put away: 4 GiB, the page structures of 256 GiB. */
#define ND_CACHE_AWAY_MAX (1u << 20)

struct nd_cache_page {
	uint64_t page;
	uint64_t sum;  /* nd_sums_grains() of it, as it came */
	uint8_t *data; /* 4 KiB, NULL: in the file only */
	uint32_t at;   /* its place in the file, in pages */
	bool whole, absent;
};

struct nd_cache {
	int fd;                     /* the caller's, open before the first nd_cache_put() */
	struct nd_cache_page *slot; /* ascending */
	size_t used, room;
	struct nd_cache_away {
		uint64_t page, sum;
		uint32_t at;
		bool whole, absent;
	} * away;
	size_t away_used, away_room;
	uint32_t placed;     /* pages that the file has room for */
	unsigned int spoilt; /* pages that did not read back, each time */
};

/* Forgets all; fd stays. */
void nd_cache_free(struct nd_cache *cache);
/* ND_MEM_OK: *data, 4 KiB, until nd_cache_rest(); ND_MEM_ABSENT; ND_MEM_WAIT: not here. */
enum nd_mem_status nd_cache_get(struct nd_cache *cache, uint64_t page, const uint8_t **data);
/* Nobody looks at pages any more, for now. */
void nd_cache_rest(struct nd_cache *cache);

/* Puts away what there is of these pages, NULL: of all.  False: no room; they are as they were. */
bool nd_cache_put_away(struct nd_cache *cache, const struct nd_pages *pages);
/*
 * Takes a page that is put away: 4 KiB to `data`, unless it is absent, or spoilt or not whole
 * (ND_MEM_WAIT).  False: there are no more.
 */
bool nd_cache_take(struct nd_cache *cache, uint64_t *page, uint64_t *sum, uint8_t *data,
		   enum nd_mem_status *status);

/* Stores bytes within one or more pages; data NULL stores zeros.  0, or errno. */
int nd_cache_put(struct nd_cache *cache, uint64_t phys, const uint8_t *data, size_t bytes,
		 bool absent);
/* All of a page has come, or will have with the next nd_cache_put().  False: no room. */
bool nd_cache_whole(struct nd_cache *cache, uint64_t page, uint64_t sum);

#endif
