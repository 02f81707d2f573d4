// SPDX-License-Identifier: GPL-2.0-or-later
/* lastwords.c - what crashes before this boot left to be told.  Pure; also built for tests. */
#include "lastwords.h"

#include <string.h>

#define GIB_4 0x100000000ull
#define MIB_1 0x100000ull
/* Of each range, at its end: memory that a guest has never touched costs a page fault. */
#define SEARCHED (64u << 20)

/* Where one lies that ends on the first multiple of the alignment above phys. */
static uint64_t place_above(uint64_t phys)
{
	return (phys / ND_LAST_WORDS_ALIGN + 1) * ND_LAST_WORDS_ALIGN -
	       sizeof(struct nd_last_words);
}

static bool record_take(struct nd_last_words *record, char text[ND_REASON_BYTES])
{
	bool told = false;

	if (memcmp(record->signature, ND_LAST_WORDS_SIGNATURE, sizeof record->signature) != 0)
		return false;
	if (record->crc == nd_crc32(0, record->text, sizeof record->text) && record->text[0]) {
		memcpy(text, record->text, ND_REASON_BYTES);
		text[ND_REASON_BYTES - 1] = '\0';
		for (char *c = text; *c; c++)
			if (*c < 0x20 || *c > 0x7e)
				*c = '?';
		told = true;
	}
	memset(record, 0, sizeof *record);
	return told;
}

bool nd_last_words_next(const struct nd_map *map, nd_last_words_at *at, uint64_t *from_phys,
			char text[ND_REASON_BYTES])
{
	for (uint32_t i = 0; i < map->count; i++) {
		const struct netdump_e820 *e = &map->entry[i];
		uint64_t end = e->phys + e->bytes < GIB_4 ? e->phys + e->bytes : GIB_4;
		uint64_t start = e->phys;

		if (e->type != ND_E820_RAM || e->phys < MIB_1 || e->phys >= end)
			continue;
		if (end - start > SEARCHED)
			start = end - SEARCHED;
		if (start < *from_phys)
			start = *from_phys;
		for (uint64_t phys = place_above(start);
		     phys >= start && phys + sizeof(struct nd_last_words) <= end;
		     phys += ND_LAST_WORDS_ALIGN) {
			*from_phys = phys + sizeof(struct nd_last_words);
			if (record_take(at((uint32_t)phys), text))
				return true;
		}
	}
	return false;
}
