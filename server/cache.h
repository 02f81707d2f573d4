/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cache.h - pages that came before the dump's file had a layout.
 *
 * Headers, notes and the log are read first; their pages wait here and are moved into
 * the file afterwards.  Bounded per machine and over all machines.
 */
#ifndef NETDUMP_SERVER_CACHE_H
#define NETDUMP_SERVER_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 16 MiB a machine hold the log of a machine with hundreds of CPUs. */
#define ND_CACHE_PAGES_MAX 4096
/* 256 MiB for all machines at once. */
#define ND_CACHE_PAGES_ALL 65536

struct nd_cache_page {
	uint64_t page;
	uint8_t *data; /* 4 KiB, NULL: slot unused */
	bool absent;
};

struct nd_cache {
	struct nd_cache_page *slot; /* open addressing, a power of two of them */
	size_t slots;
	size_t used;
};

void nd_cache_free(struct nd_cache *cache);
/* NULL: not here. */
const struct nd_cache_page *nd_cache_find(const struct nd_cache *cache, uint64_t page);
bool nd_cache_full(const struct nd_cache *cache);
/* Stores bytes within one or more pages; data NULL stores zeros.  False: no room. */
bool nd_cache_put(struct nd_cache *cache, uint64_t phys, const uint8_t *data, size_t bytes,
		  bool absent);

#endif
