/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pages.h - a set of page numbers, kept as sorted, disjoint, non-touching spans.
 *
 * What is still to be asked of a machine is such a set: terabytes are one span, and
 * only losses and budgets that ran out split it.  Pure: no I/O, no clock.
 */
#ifndef NETDUMP_SERVER_PAGES_H
#define NETDUMP_SERVER_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nd_span {
	uint64_t page; /* number of the first page: phys / ND_PAGE_BYTES */
	uint64_t count;
};

struct nd_pages {
	struct nd_span *span;
	size_t spans;
	size_t room;
	uint64_t total; /* pages in all */
};

void nd_pages_free(struct nd_pages *set);

/* Both false only when memory is out, the set being as it was.  page + count fits 64 bits. */
bool nd_pages_add(struct nd_pages *set, uint64_t page, uint64_t count);
bool nd_pages_remove(struct nd_pages *set, uint64_t page, uint64_t count);

/* Makes an empty set the same as another.  False: no memory. */
bool nd_pages_copy(struct nd_pages *to, const struct nd_pages *from);

bool nd_pages_has(const struct nd_pages *set, uint64_t page);

/* The span that holds `page`, or the next above it; NULL: none. */
const struct nd_span *nd_pages_next(const struct nd_pages *set, uint64_t page);

/* Adds to `to` what `from` has of these pages, and takes it out there.  False: no memory. */
bool nd_pages_move(struct nd_pages *to, struct nd_pages *from, uint64_t page, uint64_t count);

/* Drops spans of fewer than `least` pages. */
void nd_pages_prune(struct nd_pages *set, uint64_t least);

/* Takes up to `max` pages off the low end, of one span; count 0: the set is empty. */
struct nd_span nd_pages_take(struct nd_pages *set, uint64_t max);

#endif
