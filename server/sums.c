// SPDX-License-Identifier: GPL-2.0-or-later
/* sums.c - checksums of a dump's file, made while its pages arrive. */
#include "server/sums.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL /* most calls are for 64 bytes */
#include <xxhash.h>

#include "server/vmcore.h"

#define ROUND_UP(n, to) (((n) + (to)-1) / (to) * (to))

uint64_t nd_sums_chunk_bytes(uint64_t file_bytes)
{
	uint64_t bytes = ROUND_UP((file_bytes + ND_CHUNKS_MAX - 1) / ND_CHUNKS_MAX, ND_PAGE_BYTES);

	return bytes < ND_CHUNK_BYTES_MIN ? ND_CHUNK_BYTES_MIN : bytes;
}

bool nd_sums_init(struct nd_sums *sums, uint64_t file_bytes)
{
	sums->chunk_bytes = nd_sums_chunk_bytes(file_bytes);
	sums->chunks = (file_bytes + sums->chunk_bytes - 1) / sums->chunk_bytes;
	sums->chunk = calloc(sums->chunks + 1, sizeof *sums->chunk);
	return sums->chunk != NULL;
}

void nd_sums_free(struct nd_sums *sums)
{
	free(sums->chunk);
	memset(sums, 0, sizeof *sums);
}

static bool grain_zero(const uint8_t *data)
{
	uint64_t word, any = 0;

	for (size_t i = 0; i < ND_GRAIN_BYTES; i += sizeof word) {
		memcpy(&word, data + i, sizeof word);
		any |= word;
	}
	return !any;
}

uint64_t nd_sums_grain(uint64_t phys, const uint8_t *data)
{
	return grain_zero(data) ? 0 : XXH3_64bits_withSeed(data, ND_GRAIN_BYTES, phys);
}

uint64_t nd_sums_grains(uint64_t phys, const uint8_t *data, size_t bytes)
{
	uint64_t sum = 0;

	for (size_t i = 0; i + ND_GRAIN_BYTES <= bytes; i += ND_GRAIN_BYTES)
		sum += nd_sums_grain(phys + i, data + i);
	return sum;
}

uint64_t nd_sums_file(const struct nd_vmcore *v, uint64_t offset, const uint8_t *data, size_t bytes)
{
	uint64_t sum = 0, to = offset + bytes;

	for (size_t i = 0; i < v->extents; i++) {
		const struct nd_vmcore_extent *e = &v->extent[i];
		uint64_t end = e->offset + e->count * ND_PAGE_BYTES;
		uint64_t from = offset > e->offset ? offset : e->offset, stop = to < end ? to : end;

		if (from < stop)
			sum += nd_sums_grains(e->page * ND_PAGE_BYTES + (from - e->offset),
					      data + (from - offset), stop - from);
	}
	return sum;
}

uint64_t nd_sums_head(uint64_t offset, const uint8_t *data, size_t bytes)
{
	uint64_t sum = 0;

	for (size_t i = 0; i + ND_PAGE_BYTES <= bytes; i += ND_PAGE_BYTES)
		sum += XXH3_64bits_withSeed(data + i, ND_PAGE_BYTES, offset + i);
	return sum;
}
