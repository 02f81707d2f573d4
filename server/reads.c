// SPDX-License-Identifier: GPL-2.0-or-later
/* reads.c - the READs that a machine has not answered in full yet. */
#include "server/reads.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(ND_PAGE_BYTES / ND_GRAIN_BYTES == 64, "a page's grains are the bits of a mask");
_Static_assert(ND_HAVE_BYTES == 2 * ND_GRAIN_BYTES, "a bit of have is a pair of grains");

/* Datagrams that an answer counts as of which nothing came. */
#define LOST_WHOLE 2

uint32_t nd_part_have(uint64_t mask)
{
	uint64_t pairs = mask & mask >> 1;
	uint32_t have = 0;

	for (unsigned int i = 0; i < 32; i++)
		have |= (uint32_t)(pairs >> 2 * i & 1) << i;
	return have;
}

static void read_free(struct nd_read *read)
{
	if (read)
		free(read->part);
	free(read);
}

/* The first part of a page at or above this one. */
static unsigned int part_find(const struct nd_reads *reads, uint64_t page)
{
	unsigned int low = 0, high = reads->parts;

	while (low < high) {
		unsigned int mid = low + (high - low) / 2;

		if (reads->part[mid].page < page)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Without room for it, what came of the page is forgotten: it is asked for whole. */
static void part_put(struct nd_reads *reads, const struct nd_part *part)
{
	unsigned int at = part_find(reads, part->page);

	if (!reads->part)
		reads->part = calloc(ND_PARTS_MAX, sizeof *reads->part);
	if (!reads->part || reads->parts == ND_PARTS_MAX)
		return;
	memmove(reads->part + at + 1, reads->part + at,
		(reads->parts - at) * sizeof reads->part[0]);
	reads->part[at] = *part;
	reads->parts++;
}

static struct nd_part part_take(struct nd_reads *reads, unsigned int at)
{
	struct nd_part part = reads->part[at];

	reads->parts--;
	memmove(reads->part + at, reads->part + at + 1,
		(reads->parts - at) * sizeof reads->part[0]);
	return part;
}

/* The next extent of a READ: a page that came in part stands alone.  False: none left. */
static bool extent_add(struct nd_reads *reads, struct nd_read *read, struct nd_pages *pending,
		       uint32_t max_pages)
{
	struct nd_part *part = read->part + read->pages;
	unsigned int at;
	struct nd_span span;

	if (!pending->total || read->extents == ND_READ_EXTENTS_MAX || read->pages == max_pages)
		return false;
	at = part_find(reads, pending->span[0].page);
	if (at < reads->parts && reads->part[at].page == pending->span[0].page) {
		span = nd_pages_take(pending, 1);
		*part = part_take(reads, at);
	} else {
		uint64_t most = max_pages - read->pages;

		if (at < reads->parts && reads->part[at].page - pending->span[0].page < most)
			most = reads->part[at].page - pending->span[0].page;
		span = nd_pages_take(pending, most);
		for (uint64_t i = 0; i < span.count; i++)
			part[i] = (struct nd_part){.page = span.page + i};
	}
	read->extent[read->extents++] = (struct nd_reads_extent){
		.page = span.page, .count = (uint32_t)span.count, .first = read->pages};
	read->pages += (uint32_t)span.count;
	return true;
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
	read->part = calloc(max_pages, sizeof *read->part);
	if (!read->part) {
		read_free(read);
		return NULL;
	}
	read->id = id;
	read->sent_ms = now_ms;
	read->highest = read->last = -1;
	while (extent_add(reads, read, pending, max_pages))
		;
	if (budget_bytes > read->pages * ND_READ_PAGE_BYTES)
		budget_bytes = read->pages * ND_READ_PAGE_BYTES;
	read->budget_bytes = budget_bytes;
	reads->queue[reads->count++] = read;
	return read;
}

static void overtake(struct nd_read *read, uint64_t now_ms)
{
	if (read->overtaken)
		return;
	read->overtaken = true;
	read->overtaken_ms = now_ms;
}

enum nd_reads_seen nd_reads_saw(struct nd_reads *reads, const struct nd_wire_data *data,
				uint64_t now_ms, struct nd_read **of)
{
	struct nd_read *read = NULL;
	uint64_t bit = 1ull << (data->index % 64);

	if (data->index >= ND_READ_INDEX_MAX)
		return ND_SEEN_BAD;
	for (unsigned int i = 0; i < reads->count; i++) {
		if (reads->queue[i]->id == data->read_id) {
			read = reads->queue[i];
		} else if (reads->queue[i]->id < data->read_id) {
			reads->queue[i]->later++;
			overtake(reads->queue[i], now_ms);
		}
	}
	if (!read)
		return ND_SEEN_LATE;
	if (read->seen[data->index / 64] & bit)
		return ND_SEEN_DUPLICATE;
	read->seen[data->index / 64] |= bit;
	read->indices++;
	if (data->index > read->highest)
		read->highest = data->index;
	if (data->flags & ND_DATA_LAST) {
		read->last = data->index;
		overtake(read, now_ms); /* by its own end, if anything is missing */
	}
	*of = read;
	return ND_SEEN_NEW;
}

/* Grains of one page that [from, to) covers; both are offsets into the page, 64-aligned. */
static uint64_t grain_mask(uint32_t from, uint32_t to)
{
	uint32_t first = from / ND_GRAIN_BYTES, count = (to - from) / ND_GRAIN_BYTES;

	return (count == 64 ? ND_PAGE_FULL : (1ull << count) - 1) << first;
}

static void extent_credit(struct nd_read *read, const struct nd_reads_extent *e, uint64_t from,
			  uint64_t to, const struct nd_reads_take *take)
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
		struct nd_part *part = &read->part[e->first + (page - e->page)];
		uint64_t add = ~part->mask & grain_mask((uint32_t)(at % ND_PAGE_BYTES),
							(uint32_t)(stop - page * ND_PAGE_BYTES));

		part->mask |= add;
		fresh += (uint32_t)__builtin_popcountll(add);
		whole += add && part->mask == ND_PAGE_FULL;
		if (add && take->grains)
			take->grains(take->context, page, add, part->mask == ND_PAGE_FULL,
				     &part->sum);
		at = stop;
	}
	read->pages_full += whole;
	read->fresh = read->fresh || fresh;
	take->part(take->context, from, (uint32_t)(to - from), fresh, whole);
}

void nd_reads_credit(struct nd_reads *reads, uint64_t phys, uint32_t bytes,
		     const struct nd_reads_take *take)
{
	/* A span may end with the address space; no page that is asked for lies there. */
	uint64_t to = bytes > UINT64_MAX - phys ? UINT64_MAX - ND_PAGE_BYTES + 1 : phys + bytes;

	for (unsigned int i = 0; i < reads->count; i++) {
		struct nd_read *read = reads->queue[i];

		for (unsigned int j = 0; j < read->extents; j++)
			extent_credit(read, &read->extent[j], phys, to, take);
	}
}

static bool answered(const struct nd_read *read)
{
	return read->last >= 0 && read->indices == (uint32_t)read->last + 1;
}

bool nd_read_ended(const struct nd_read *read, uint64_t now_ms, uint32_t reorder_ms)
{
	if (read->pages_full == read->pages || answered(read) || read->later >= ND_READ_REORDER)
		return true;
	return read->overtaken && now_ms - read->overtaken_ms >= reorder_ms;
}

uint32_t nd_read_sent(const struct nd_read *read)
{
	uint32_t seen = (uint32_t)(read->highest + 1), whole;

	if (read->last >= 0 || read->pages_full == read->pages)
		return seen;
	/* Its end is missing: what the budget would have brought. */
	whole = (read->budget_bytes + ND_WIRE_DATAGRAM_MAX - 1) / ND_WIRE_DATAGRAM_MAX;
	if (!seen)
		return whole < LOST_WHOLE ? whole : LOST_WHOLE;
	return whole > seen ? whole : seen + 1;
}

uint32_t nd_read_lost(const struct nd_read *read)
{
	uint32_t sent = nd_read_sent(read);

	return sent > read->indices ? sent - read->indices : 0;
}

bool nd_reads_close(struct nd_reads *reads, unsigned int at, struct nd_pages *pending,
		    bool all_lost, uint64_t *lost)
{
	struct nd_read *read = reads->queue[at];
	uint64_t missing = 0, before_last = 0;
	bool ok = true;

	for (unsigned int i = 0; i < read->extents; i++) {
		const struct nd_reads_extent *e = &read->extent[i];
		const struct nd_part *part = read->part + e->first;

		for (uint32_t p = 0; p < e->count;) {
			uint32_t from = p;

			/* The last page that came in part may be where the budget ended. */
			if (part[p].mask)
				before_last = missing;
			if (part[p].mask == ND_PAGE_FULL) {
				p++;
				continue;
			}
			for (; p < e->count && part[p].mask != ND_PAGE_FULL; p++) {
				if (part[p].mask) {
					before_last = missing;
					part_put(reads, &part[p]);
				}
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
	free(reads->part);
	reads->part = NULL;
	reads->count = reads->parts = 0;
}

bool nd_reads_missing(const struct nd_reads *reads, struct nd_pages *missing)
{
	bool ok = true;

	for (unsigned int i = 0; i < reads->count; i++) {
		const struct nd_read *read = reads->queue[i];

		for (unsigned int j = 0; j < read->extents; j++)
			for (uint32_t p = 0; p < read->extent[j].count && ok; p++)
				if (read->part[read->extent[j].first + p].mask != ND_PAGE_FULL)
					ok = nd_pages_add(missing, read->extent[j].page + p, 1);
	}
	return ok;
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
