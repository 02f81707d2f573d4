// SPDX-License-Identifier: GPL-2.0-or-later
/* pages.c - a set of page numbers, kept as sorted, disjoint, non-touching spans. */
#include "server/pages.h"

#include <stdlib.h>
#include <string.h>

void nd_pages_free(struct nd_pages *set)
{
	free(set->span);
	memset(set, 0, sizeof *set);
}

/* The first span that ends at or behind `page`. */
static size_t span_find(const struct nd_pages *set, uint64_t page)
{
	size_t low = 0, high = set->spans;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (set->span[mid].page + set->span[mid].count < page)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Puts `insert` spans in the place of `remove` spans at `at`. */
static bool span_splice(struct nd_pages *set, size_t at, size_t remove, const struct nd_span *spans,
			size_t insert)
{
	size_t count = set->spans - remove + insert;

	if (count > set->room) {
		size_t room = count * 2 + 8;
		struct nd_span *grown = reallocarray(set->span, room, sizeof *grown);

		if (!grown)
			return false;
		set->span = grown;
		set->room = room;
	}
	if (set->spans != at + remove)
		memmove(set->span + at + insert, set->span + at + remove,
			(set->spans - at - remove) * sizeof *spans);
	for (size_t i = 0; i < insert; i++)
		set->span[at + i] = spans[i];
	set->spans = count;
	return true;
}

bool nd_pages_add(struct nd_pages *set, uint64_t page, uint64_t count)
{
	size_t at = span_find(set, page), last = at;
	uint64_t from = page, to = page + count, swallowed = 0;
	struct nd_span span;

	if (!count)
		return true;
	for (; last < set->spans && set->span[last].page <= to; last++) {
		const struct nd_span *s = &set->span[last];

		if (s->page < from)
			from = s->page;
		if (s->page + s->count > to)
			to = s->page + s->count;
		swallowed += s->count;
	}
	span = (struct nd_span){from, to - from};
	if (!span_splice(set, at, last - at, &span, 1))
		return false;
	set->total += span.count - swallowed;
	return true;
}

bool nd_pages_remove(struct nd_pages *set, uint64_t page, uint64_t count)
{
	size_t at = span_find(set, page), last = at, kept = 0;
	uint64_t to = page + count, removed = 0;
	struct nd_span keep[2];

	if (!count)
		return true;
	for (; last < set->spans && set->span[last].page < to; last++) {
		const struct nd_span *s = &set->span[last];
		uint64_t end = s->page + s->count;
		uint64_t cut_from = s->page > page ? s->page : page;
		uint64_t cut_to = end < to ? end : to;

		if (cut_from > cut_to)
			cut_from = cut_to;
		if (s->page < page)
			keep[kept++] = (struct nd_span){s->page, cut_from - s->page};
		if (end > to)
			keep[kept++] = (struct nd_span){to, end - to};
		removed += cut_to - cut_from;
	}
	if (!span_splice(set, at, last - at, keep, kept))
		return false;
	set->total -= removed;
	return true;
}

bool nd_pages_copy(struct nd_pages *to, const struct nd_pages *from)
{
	to->span = calloc(from->spans + 1, sizeof *to->span);
	if (!to->span)
		return false;
	if (from->spans)
		memcpy(to->span, from->span, from->spans * sizeof *to->span);
	to->spans = from->spans;
	to->room = from->spans + 1;
	to->total = from->total;
	return true;
}

bool nd_pages_has(const struct nd_pages *set, uint64_t page)
{
	size_t at = span_find(set, page + 1);

	return at < set->spans && set->span[at].page <= page;
}

const struct nd_span *nd_pages_next(const struct nd_pages *set, uint64_t page)
{
	size_t at = span_find(set, page + 1);

	return at < set->spans ? &set->span[at] : NULL;
}

bool nd_pages_move(struct nd_pages *to, struct nd_pages *from, uint64_t page, uint64_t count)
{
	uint64_t end = page + count;

	for (const struct nd_span *s; (s = nd_pages_next(from, page)) && s->page < end;) {
		uint64_t first = s->page > page ? s->page : page;
		uint64_t stop = s->page + s->count < end ? s->page + s->count : end;

		if (!nd_pages_add(to, first, stop - first) ||
		    !nd_pages_remove(from, first, stop - first))
			return false;
		page = stop;
	}
	return true;
}

void nd_pages_prune(struct nd_pages *set, uint64_t least)
{
	size_t kept = 0;

	for (size_t i = 0; i < set->spans; i++) {
		if (set->span[i].count >= least)
			set->span[kept++] = set->span[i];
		else
			set->total -= set->span[i].count;
	}
	set->spans = kept;
}

struct nd_span nd_pages_take(struct nd_pages *set, uint64_t max)
{
	struct nd_span span = {0, 0};

	if (!set->spans || !max)
		return span;
	span = set->span[0];
	if (span.count > max) {
		span.count = max;
		set->span[0].page += max;
		set->span[0].count -= max;
	} else {
		span_splice(set, 0, 1, NULL, 0);
	}
	set->total -= span.count;
	return span;
}
