/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lastwords.h - what crashes before this boot left to be told.  Pure: no I/O, no BIOS. */
#ifndef NETDUMP_LASTWORDS_H
#define NETDUMP_LASTWORDS_H

#include "fence.h"

/* Where a record can be read and cleared that lies at this physical address. */
typedef struct nd_last_words *nd_last_words_at(uint32_t phys);

/*
 * The next record from *from_phys on in RAM below 4 GiB, of which the last 64 MiB of each range are
 * searched: DINI goes to the highest place that is free.  *from_phys is left behind it.  Nothing in
 * it is trusted: `text` is what a fitting checksum covers, cut where it has no end, '?' for what
 * cannot be printed.  The record is cleared.  False: there are no more.
 */
bool nd_last_words_next(const struct nd_map *map, nd_last_words_at *at, uint64_t *from_phys,
			char text[ND_REASON_BYTES]);

#endif
