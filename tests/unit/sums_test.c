/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sums_test.c - checksums of chunks: in any order, holes for nothing, the file as it came. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "netdump/wire.h"
#include "server/sums.h"
#include "server/vmcore.h"

#define GRAINS (ND_PAGE_BYTES / ND_GRAIN_BYTES)

static void page_fill(uint8_t page[ND_PAGE_BYTES], unsigned int seed)
{
	for (size_t i = 0; i < ND_PAGE_BYTES; i++)
		page[i] = (uint8_t)(i * 7 + i / 64 + seed);
}

static void zeros_count_nothing(void **state)
{
	static const uint8_t zeros[ND_PAGE_BYTES];
	uint8_t grain[ND_GRAIN_BYTES] = {0};

	(void)state;
	assert_int_equal(nd_sums_grains(0x1000, zeros, sizeof zeros), 0);
	assert_int_equal(nd_sums_grain(0x1000, grain), 0);
	for (size_t i = 0; i < sizeof grain; i++) {
		memset(grain, 0, sizeof grain);
		grain[i] = 1;
		assert_int_not_equal(nd_sums_grain(0x1000, grain), 0);
	}
}

static void order_does_not_matter_but_place_does(void **state)
{
	uint8_t page[ND_PAGE_BYTES];
	uint64_t forwards = 0, backwards = 0;

	(void)state;
	page_fill(page, 1);
	for (size_t i = 0; i < GRAINS; i++) {
		size_t j = GRAINS - 1 - i;

		forwards += nd_sums_grain(0x5000 + i * ND_GRAIN_BYTES, page + i * ND_GRAIN_BYTES);
		backwards += nd_sums_grain(0x5000 + j * ND_GRAIN_BYTES, page + j * ND_GRAIN_BYTES);
	}
	assert_int_equal(forwards, backwards);
	assert_int_equal(forwards, nd_sums_grains(0x5000, page, sizeof page));
	assert_int_not_equal(forwards, nd_sums_grains(0x6000, page, sizeof page));
	/* Two grains that change places are another page. */
	memcpy(page, page + 2 * ND_GRAIN_BYTES, ND_GRAIN_BYTES);
	assert_int_not_equal(forwards, nd_sums_grains(0x5000, page, sizeof page));
}

static void chunks_are_few_and_whole(void **state)
{
	static const uint64_t bytes[] = {4096,
					 1u << 20,
					 (1u << 20) + 4096,
					 1ull << 32,
					 (1ull << 32) + 4096,
					 (1ull << 40) - 4096,
					 ND_VMCORE_BYTES_MAX + (8u << 20)};

	(void)state;
	for (size_t i = 0; i < sizeof bytes / sizeof *bytes; i++) {
		struct nd_sums sums;

		assert_true(nd_sums_init(&sums, bytes[i]));
		assert_true(sums.chunks >= 1 && sums.chunks <= ND_CHUNKS_MAX);
		assert_int_equal(sums.chunk_bytes % ND_PAGE_BYTES, 0);
		assert_true(sums.chunk_bytes >= ND_CHUNK_BYTES_MIN);
		assert_ptr_equal(nd_sums_chunk(&sums, bytes[i] - 1), &sums.chunk[sums.chunks - 1]);
		nd_sums_free(&sums);
	}
}

/* Two extents behind a head of one page: pages 16, 17 and 100. */
static void a_file_counts_what_its_memory_does(void **state)
{
	struct nd_vmcore_extent extent[] = {{16, 2, 4096}, {100, 1, 3 * 4096}};
	struct nd_vmcore v = {
		.extent = extent, .extents = 2, .pages = 3, .head_bytes = 4096, .bytes = 4 * 4096};
	uint8_t *file = calloc(1, v.bytes);
	uint64_t memory, steps = 0;

	(void)state;
	for (unsigned int i = 0; i < 4; i++)
		page_fill(file + (size_t)i * ND_PAGE_BYTES, i);
	memory = nd_sums_grains(16 * 4096, file + 4096, 2 * 4096) +
		 nd_sums_grains(100 * 4096, file + 3 * 4096, 4096);
	assert_int_equal(nd_sums_file(&v, 0, file, v.bytes), memory);
	for (uint64_t at = 0; at < v.bytes; at += 1024)
		steps += nd_sums_file(&v, at, file + at, 1024);
	assert_int_equal(steps, memory);
	assert_int_equal(nd_vmcore_offset(&v, 17), 2 * 4096);
	assert_int_equal(nd_vmcore_offset(&v, 18), UINT64_MAX);
	assert_int_equal(nd_vmcore_offset(&v, 15), UINT64_MAX);
	assert_int_equal(nd_vmcore_offset(&v, 101), UINT64_MAX);
	free(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zeros_count_nothing),
		cmocka_unit_test(order_does_not_matter_but_place_does),
		cmocka_unit_test(chunks_are_few_and_whole),
		cmocka_unit_test(a_file_counts_what_its_memory_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
