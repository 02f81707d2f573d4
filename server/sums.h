/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sums.h - checksums of a dump's file, made while its pages arrive.
 *
 * The file is cut into chunks.  The checksum of a chunk is the sum, modulo 2^64, of the
 * hashes of its grains (XXH3, 64 bits, the grain's physical address as seed); a grain of
 * zeros counts nothing.  So grains may come in any order, holes cost nothing, and what
 * has come of a page can wait, as one number, until the page is whole and counts.
 *
 * Against disks that lie, not against people: who can write to the file can make it fit.
 */
#ifndef NETDUMP_SERVER_SUMS_H
#define NETDUMP_SERVER_SUMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nd_vmcore;

#define ND_CHUNK_BYTES_MIN (1u << 20)
#define ND_CHUNKS_MAX      4096u

struct nd_chunk {
	uint64_t sum;   /* of its whole pages */
	uint8_t reasks; /* how often it did not read back as it came */
	bool unsure;    /* a write into it failed: nothing of it counts as there */
};

struct nd_sums {
	struct nd_chunk *chunk;
	size_t chunks;
	uint64_t chunk_bytes;
};

/* Size of the chunks of a file: at most ND_CHUNKS_MAX of them, of whole pages. */
uint64_t nd_sums_chunk_bytes(uint64_t file_bytes);

/* False: no memory. */
bool nd_sums_init(struct nd_sums *sums, uint64_t file_bytes);
void nd_sums_free(struct nd_sums *sums);

/* The chunk that holds this byte of the file. */
static inline struct nd_chunk *nd_sums_chunk(const struct nd_sums *sums, uint64_t offset)
{
	return &sums->chunk[offset / sums->chunk_bytes];
}

/* What one grain counts; phys is a multiple of ND_GRAIN_BYTES. */
uint64_t nd_sums_grain(uint64_t phys, const uint8_t *data);

/* What whole grains of memory from phys on count. */
uint64_t nd_sums_grains(uint64_t phys, const uint8_t *data, size_t bytes);

/* What bytes of the file count that stand at `offset`, in whole grains; headers do not. */
uint64_t nd_sums_file(const struct nd_vmcore *v, uint64_t offset, const uint8_t *data,
		      size_t bytes);

/* Of the file's head, which no machine sends: pages that stand at `offset` in the file. */
uint64_t nd_sums_head(uint64_t offset, const uint8_t *data, size_t bytes);

#endif
