// SPDX-License-Identifier: GPL-2.0-or-later
/* reads.c - the READs that a machine has not answered in full yet. */
#include "server/reads.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(ND_PAGE_BYTES / ND_GRAIN_BYTES == 64, "a page's grains are the bits of a mask");

static void read_free(struct nd_read *read)
{
	if (read)
		free(read->mask);
	free(read);
}

struct nd_read *nd_reads_open(struct nd_reads *reads, struct nd_pages *pending, uint32_t id,
			      uint32_t budget_bytes, uint32_t max_pages, uint64_t now_ms)
{
	struct nd_read *read;

	if (reads->count == ND_READ_QUEUE || !pending->total)
		return NULL;
	if (max_pages > ND_READ_PAGES_MAX)
		max_pages = ND_READ_PAGES_MAX;
	if (max_pages > pending->total)
		max_pages = (uint32_t)pending->total;
	read = calloc(1, sizeof *read);
	if (!read)
		return NULL;
	read->mask = calloc(max_pages, sizeof *read->mask);
	if (!read->mask) {
		read_free(read);
		return NULL;
	}
	read->id = id;
	read->budget_bytes = budget_bytes;
	read->sent_ms = now_ms;
	read->last = -1;
	while (read->extents < ND_READ_EXTENTS_MAX && read->pages < max_pages) {
		struct nd_span span = nd_pages_take(pending, max_pages - read->pages);

		if (!span.count)
			break;
		read->extent[read->extents++] = (struct nd_reads_extent){
			.page = span.page, .count = (uint32_t)span.count, .first = read->pages};
		read->pages += (uint32_t)span.count;
	}
	reads->queue[reads->count++] = read;
	return read;
}

enum nd_reads_seen nd_reads_saw(struct nd_reads *reads, const struct nd_wire_data *data)
{
	struct nd_read *read = NULL;
	uint64_t bit = 1ull << (data->index % 64);

	if (data->index >= ND_READ_INDEX_MAX)
		return ND_SEEN_BAD;
	for (unsigned int i = 0; i < reads->count; i++) {
		if (reads->queue[i]->id == data->read_id)
			read = reads->queue[i];
		else if (reads->queue[i]->id < data->read_id)
			reads->queue[i]->later++;
	}
	if (!read)
		return ND_SEEN_LATE;
	if (read->seen[data->index / 64] & bit)
		return ND_SEEN_DUPLICATE;
	read->seen[data->index / 64] |= bit;
	read->indices++;
	if (data->flags & ND_DATA_LAST)
		read->last = data->index;
	return ND_SEEN_NEW;
}

/* Grains of one page that [from, to) covers; both are offsets into the page, 64-aligned. */
static uint64_t grain_mask(uint32_t from, uint32_t to)
{
	uint32_t first = from / ND_GRAIN_BYTES, count = (to - from) / ND_GRAIN_BYTES;

	return (count == 64 ? ND_PAGE_FULL : (1ull << count) - 1) << first;
}

static void extent_credit(struct nd_read *read, const struct nd_reads_extent *e, uint64_t from,
			  uint64_t to, nd_reads_part_fn *part, void *context)
{
	uint64_t start = e->page * ND_PAGE_BYTES, end = start + e->count * (uint64_t)ND_PAGE_BYTES;
	uint32_t fresh = 0, whole = 0;

	if (from < start)
		from = start;
	if (to > end)
		to = end;
	if (from >= to)
		return;
	for (uint64_t at = from; at < to;) {
		uint64_t page = at / ND_PAGE_BYTES, next = (page + 1) * ND_PAGE_BYTES;
		uint64_t stop = next < to ? next : to;
		uint64_t *mask = &read->mask[e->first + (page - e->page)];
		uint64_t add = ~*mask & grain_mask((uint32_t)(at % ND_PAGE_BYTES),
						   (uint32_t)(stop - page * ND_PAGE_BYTES));

		*mask |= add;
		fresh += (uint32_t)__builtin_popcountll(add);
		whole += add && *mask == ND_PAGE_FULL;
		at = stop;
	}
	read->pages_full += whole;
	part(context, from, (uint32_t)(to - from), fresh, whole);
}

void nd_reads_credit(struct nd_reads *reads, uint64_t phys, uint32_t bytes, nd_reads_part_fn *part,
		     void *context)
{
	/* A span may end with the address space; no page that is asked for lies there. */
	uint64_t to = bytes > UINT64_MAX - phys ? UINT64_MAX - ND_PAGE_BYTES + 1 : phys + bytes;

	for (unsigned int i = 0; i < reads->count; i++) {
		struct nd_read *read = reads->queue[i];

		for (unsigned int j = 0; j < read->extents; j++)
			extent_credit(read, &read->extent[j], phys, to, part, context);
	}
}

bool nd_read_ended(const struct nd_read *read)
{
	if (read->pages_full == read->pages)
		return true;
	if (read->last >= 0 && read->indices == (uint32_t)read->last + 1)
		return true;
	return read->later >= ND_READ_REORDER;
}

bool nd_reads_close(struct nd_reads *reads, unsigned int at, struct nd_pages *pending,
		    bool all_lost, uint64_t *lost)
{
	struct nd_read *read = reads->queue[at];
	uint64_t missing = 0, before_last = 0;
	bool ok = true;

	for (unsigned int i = 0; i < read->extents; i++) {
		const struct nd_reads_extent *e = &read->extent[i];
		const uint64_t *mask = read->mask + e->first;

		for (uint32_t p = 0; p < e->count;) {
			uint32_t from = p;

			/* The last page that came in part may be where the budget ended. */
			if (mask[p])
				before_last = missing;
			if (mask[p] == ND_PAGE_FULL) {
				p++;
				continue;
			}
			for (; p < e->count && mask[p] != ND_PAGE_FULL; p++) {
				if (mask[p])
					before_last = missing;
				missing++;
			}
			ok = nd_pages_add(pending, e->page + from, p - from) && ok;
		}
	}
	*lost += all_lost ? missing : before_last;
	read_free(read);
	reads->count--;
	memmove(reads->queue + at, reads->queue + at + 1,
		(reads->count - at) * sizeof reads->queue[0]);
	return ok;
}

void nd_reads_free(struct nd_reads *reads)
{
	for (unsigned int i = 0; i < reads->count; i++)
		read_free(reads->queue[i]);
	reads->count = 0;
}

uint64_t nd_reads_lowest(const struct nd_reads *reads)
{
	uint64_t lowest = UINT64_MAX;

	for (unsigned int i = 0; i < reads->count; i++)
		for (unsigned int j = 0; j < reads->queue[i]->extents; j++)
			if (reads->queue[i]->extent[j].page < lowest)
				lowest = reads->queue[i]->extent[j].page;
	return lowest;
}
