// SPDX-License-Identifier: GPL-2.0-or-later
/* cache.c - pages that came before the dump's file had a layout. */
#include "server/cache.h"

#include <stdlib.h>
#include <string.h>

#include "netdump/wire.h"

static size_t pages_all;

void nd_cache_free(struct nd_cache *cache)
{
	for (size_t i = 0; i < cache->slots; i++)
		free(cache->slot[i].data);
	free(cache->slot);
	pages_all -= cache->used;
	memset(cache, 0, sizeof *cache);
}

/* The page's slot, or the empty one where it belongs; the table is never full. */
static struct nd_cache_page *slot_find(const struct nd_cache *cache, uint64_t page)
{
	size_t at = (size_t)(page * 0x9e3779b97f4a7c15u >> 32) & (cache->slots - 1);

	while (cache->slot[at].data && cache->slot[at].page != page)
		at = (at + 1) & (cache->slots - 1);
	return &cache->slot[at];
}

const struct nd_cache_page *nd_cache_find(const struct nd_cache *cache, uint64_t page)
{
	const struct nd_cache_page *slot = cache->slots ? slot_find(cache, page) : NULL;

	return slot && slot->data ? slot : NULL;
}

bool nd_cache_full(const struct nd_cache *cache)
{
	return cache->used >= ND_CACHE_PAGES_MAX || pages_all >= ND_CACHE_PAGES_ALL;
}

static bool table_grow(struct nd_cache *cache)
{
	struct nd_cache old = *cache;

	if (cache->slots && cache->used < cache->slots / 2)
		return true;
	cache->slots = old.slots ? old.slots * 2 : 64;
	cache->slot = calloc(cache->slots, sizeof *cache->slot);
	if (!cache->slot) {
		*cache = old;
		return false;
	}
	for (size_t i = 0; i < old.slots; i++)
		if (old.slot[i].data)
			*slot_find(cache, old.slot[i].page) = old.slot[i];
	free(old.slot);
	return true;
}

static struct nd_cache_page *page_make(struct nd_cache *cache, uint64_t page)
{
	struct nd_cache_page *slot = cache->slots ? slot_find(cache, page) : NULL;

	if (slot && slot->data)
		return slot;
	if (nd_cache_full(cache) || !table_grow(cache))
		return NULL;
	slot = slot_find(cache, page);
	slot->data = calloc(1, ND_PAGE_BYTES);
	if (!slot->data)
		return NULL;
	slot->page = page;
	cache->used++;
	pages_all++;
	return slot;
}

bool nd_cache_put(struct nd_cache *cache, uint64_t phys, const uint8_t *data, size_t bytes,
		  bool absent)
{
	while (bytes) {
		size_t offset = phys % ND_PAGE_BYTES;
		size_t part = ND_PAGE_BYTES - offset < bytes ? ND_PAGE_BYTES - offset : bytes;
		struct nd_cache_page *slot = page_make(cache, phys / ND_PAGE_BYTES);

		if (!slot)
			return false;
		if (data) {
			memcpy(slot->data + offset, data, part);
			data += part;
		} else {
			memset(slot->data + offset, 0, part);
		}
		slot->absent = slot->absent || absent;
		phys += part;
		bytes -= part;
	}
	return true;
}
