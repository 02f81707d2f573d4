// SPDX-License-Identifier: GPL-2.0-or-later
/* cache.c - pages that came before the dump's file had a layout. */
#include "server/cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "netdump/wire.h"
#include "server/store.h"
#include "server/sums.h"

void nd_cache_rest(struct nd_cache *cache)
{
	for (size_t i = 0; i < cache->used; i++) {
		free(cache->slot[i].data);
		cache->slot[i].data = NULL;
	}
}

void nd_cache_free(struct nd_cache *cache)
{
	nd_cache_rest(cache);
	free(cache->slot);
	free(cache->away);
	*cache = (struct nd_cache){.fd = cache->fd};
}

/* Where the page is, or belongs. */
static size_t slot_find(const struct nd_cache *cache, uint64_t page)
{
	size_t low = 0, high = cache->used;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (cache->slot[mid].page < page)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool room_make(struct nd_cache *cache)
{
	size_t room = cache->room ? cache->room * 2 : 64;
	struct nd_cache_page *slot;

	if (cache->used < cache->room)
		return true;
	if (cache->used == ND_CACHE_PAGES_MAX)
		return false;
	slot = realloc(cache->slot, room * sizeof *slot);
	if (!slot)
		return false;
	cache->slot = slot;
	cache->room = room;
	return true;
}

/* NULL: no room. */
static struct nd_cache_page *slot_make(struct nd_cache *cache, uint64_t page)
{
	size_t at = slot_find(cache, page);
	struct nd_cache_page *slot;

	if (at < cache->used && cache->slot[at].page == page)
		return &cache->slot[at];
	if (!room_make(cache))
		return NULL;
	slot = &cache->slot[at];
	memmove(slot + 1, slot, (cache->used - at) * sizeof *slot);
	*slot = (struct nd_cache_page){.page = page, .at = cache->placed++};
	cache->used++;
	return slot;
}

enum nd_mem_status nd_cache_get(struct nd_cache *cache, uint64_t page, const uint8_t **data)
{
	size_t at = slot_find(cache, page);
	struct nd_cache_page *slot;
	uint8_t *copy;

	if (at == cache->used)
		return ND_MEM_WAIT;
	slot = &cache->slot[at];
	if (slot->page != page || !slot->whole)
		return ND_MEM_WAIT;
	if (slot->absent)
		return ND_MEM_ABSENT;
	if (!slot->data) {
		copy = malloc(ND_PAGE_BYTES);
		slot->whole =
			copy &&
			!nd_store_read(cache->fd, copy, ND_PAGE_BYTES,
				       (uint64_t)slot->at * ND_PAGE_BYTES) &&
			nd_sums_grains(page * ND_PAGE_BYTES, copy, ND_PAGE_BYTES) == slot->sum;
		if (!slot->whole) {
			free(copy);
			cache->spoilt++;
			return ND_MEM_WAIT;
		}
		slot->data = copy;
	}
	*data = slot->data;
	return ND_MEM_OK;
}

static bool away_room_make(struct nd_cache *cache, size_t more)
{
	size_t wanted = cache->away_used + more;
	struct nd_cache_away *away;

	if (wanted > ND_CACHE_AWAY_MAX)
		return false;
	if (wanted <= cache->away_room)
		return true;
	away = reallocarray(cache->away, wanted * 2, sizeof *away);
	if (!away)
		return false;
	cache->away = away;
	cache->away_room = wanted * 2;
	return true;
}

bool nd_cache_put_away(struct nd_cache *cache, const struct nd_pages *pages)
{
	size_t kept = 0;

	if (!away_room_make(cache, cache->used))
		return false;
	for (size_t i = 0; i < cache->used; i++) {
		struct nd_cache_page *p = &cache->slot[i];

		if (pages && !nd_pages_has(pages, p->page)) {
			cache->slot[kept++] = *p;
			continue;
		}
		free(p->data);
		cache->away[cache->away_used++] =
			(struct nd_cache_away){p->page, p->sum, p->at, p->whole, p->absent};
	}
	cache->used = kept;
	return true;
}

bool nd_cache_take(struct nd_cache *cache, uint64_t *page, uint64_t *sum, uint8_t *data,
		   enum nd_mem_status *status)
{
	const struct nd_cache_away *a;

	if (!cache->away_used)
		return false;
	a = &cache->away[--cache->away_used];
	*page = a->page;
	*sum = a->sum;
	*status = ND_MEM_WAIT;
	if (a->whole && a->absent)
		*status = ND_MEM_ABSENT;
	else if (a->whole &&
		 !nd_store_read(cache->fd, data, ND_PAGE_BYTES, (uint64_t)a->at * ND_PAGE_BYTES) &&
		 nd_sums_grains(a->page * ND_PAGE_BYTES, data, ND_PAGE_BYTES) == a->sum)
		*status = ND_MEM_OK;
	return true;
}

int nd_cache_put(struct nd_cache *cache, uint64_t phys, const uint8_t *data, size_t bytes,
		 bool absent)
{
	static const uint8_t zeros[ND_PAGE_BYTES];

	while (bytes) {
		size_t offset = phys % ND_PAGE_BYTES;
		size_t part = ND_PAGE_BYTES - offset < bytes ? ND_PAGE_BYTES - offset : bytes;
		struct nd_cache_page *slot = slot_make(cache, phys / ND_PAGE_BYTES);
		int error = !slot ? ENOMEM
				  : nd_store_write(cache->fd, data ? data : zeros, part,
						   (uint64_t)slot->at * ND_PAGE_BYTES + offset);

		if (error)
			return error;
		slot->absent = slot->absent || absent;
		if (data)
			data += part;
		phys += part;
		bytes -= part;
	}
	return 0;
}

bool nd_cache_whole(struct nd_cache *cache, uint64_t page, uint64_t sum)
{
	struct nd_cache_page *slot = slot_make(cache, page);

	if (!slot)
		return false;
	slot->sum = sum;
	slot->whole = true;
	return true;
}
