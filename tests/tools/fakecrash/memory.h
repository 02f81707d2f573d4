/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * memory.h - the memory of machines that never were: a page at a time, by seed.
 *
 * Every machine has the small Linux of tests/fuzz/image.h below ND_IMAGE_REST; each page above
 * follows from the seed, the machine's number and the page's: zero, random, or text-like.
 * So nothing is held in memory, and what arrived can be compared with what was there.
 */
#ifndef TESTS_TOOLS_FAKECRASH_MEMORY_H
#define TESTS_TOOLS_FAKECRASH_MEMORY_H

#include <stdbool.h>

#include "tests/fuzz/image.h"

#define MEMORY_BYTES_MIN ND_IMAGE_BYTES

struct memory {
	uint64_t seed, bytes;
	unsigned int zero, random; /* percent of the pages; the rest compresses well */
	uint8_t linux_image[ND_IMAGE_BYTES];
};

/* bytes: whole pages, MEMORY_BYTES_MIN or more. */
void memory_init(struct memory *m, uint64_t seed, uint64_t bytes, unsigned int zero,
		 unsigned int random);

/* The machine's page, made in `room` if need be; NULL: there is no RAM. */
const uint8_t *memory_page(const struct memory *m, unsigned int machine, uint64_t phys,
			   uint8_t room[ND_PAGE_BYTES]);

/* Pages of RAM. */
uint64_t memory_pages(const struct memory *m);

#endif
