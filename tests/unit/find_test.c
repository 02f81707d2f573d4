/* SPDX-License-Identifier: GPL-2.0-or-later */
/* find_test.c - the scan for a handoff block, over a model of the first MiB. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "stub/common/find.h"

static uint8_t *low; /* ND_HANDOFF_BELOW bytes and none more, so that the sanitizer sees */

static int memory_open(void **state)
{
	(void)state;
	low = aligned_alloc(16, ND_HANDOFF_BELOW);
	memset(low, 0, ND_HANDOFF_BELOW);
	return 0;
}

static int memory_close(void **state)
{
	(void)state;
	free(low);
	return 0;
}

/* In steps of its alignment. */
#define BLOCK_ROOM                                                                                 \
	((uint32_t)((sizeof(struct nd_handoff) + ND_HANDOFF_ALIGN - 1) &                           \
		    ~(ND_HANDOFF_ALIGN - 1ull)))

static struct nd_handoff *block_put(uint32_t phys)
{
	struct nd_handoff *h = (struct nd_handoff *)(low + phys);

	memset(h, 0, sizeof *h);
	memcpy(h->signature, ND_HANDOFF_SIGNATURE, sizeof h->signature);
	h->version = ND_HANDOFF_VERSION;
	h->bytes = sizeof *h;
	h->gate_phys = phys;
	h->dini_phys = 0x1000000;
	h->dini_bytes = 0x100000;
	h->dini_image_bytes = 0x8000;
	h->dini_entry_phys = 0x1000014;
	h->crc = nd_handoff_crc(h);
	return h;
}

static void every_place_below_1_mib_but_the_vga_window(void **state)
{
	(void)state;
	static const struct {
		uint32_t phys;
		int found;
	} rows[] = {
		{0x4f0, 0},
		{0x500, 1},
		{0x9f000, 1},
		{0xa0000 - BLOCK_ROOM, 1},
		{0xa0000 - BLOCK_ROOM + ND_HANDOFF_ALIGN, 0},
		{0xa0000, 0},
		{0xbfff0, 0},
		{0xc0000, 1},
		{0x100000 - BLOCK_ROOM, 1},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint32_t damaged = 0;

		memset(low, 0, ND_HANDOFF_BELOW);
		block_put(rows[i].phys);
		assert_int_equal(nd_find_next(low, 0, &damaged), rows[i].found ? rows[i].phys : 0);
		assert_int_equal(damaged, 0);
	}
}

static void a_signature_at_the_very_end_reads_no_further(void **state)
{
	(void)state;
	uint32_t damaged = 0;

	memcpy(low + ND_HANDOFF_BELOW - 16, ND_HANDOFF_SIGNATURE, 16);
	assert_int_equal(nd_find_next(low, 0, &damaged), 0);
}

static void each_block_in_turn_damaged_ones_counted(void **state)
{
	(void)state;
	uint32_t damaged = 0;

	block_put(0x10000);
	block_put(0x20000)->crc ^= 1;
	block_put(0x30000);
	assert_int_equal(nd_find_next(low, 0, &damaged), 0x10000);
	assert_int_equal(nd_find_next(low, 0x10001, &damaged), 0x30000);
	assert_int_equal(nd_find_next(low, 0x30010, &damaged), 0);
	assert_int_equal(damaged, 1);
}

static void one_that_is_no_such_block_is_of_some_version(void **state)
{
	(void)state;

	assert_int_equal(nd_find_strange(low), 0);
	block_put(0x10000);
	assert_int_equal(nd_find_strange(low), 0);
	block_put(0x20000)->version = 9;
	assert_int_equal(nd_find_strange(low), 9);
	block_put(0x10000)->crc ^= 1;
	assert_int_equal(nd_find_strange(low), ND_HANDOFF_VERSION);
}

static void a_dini_that_cannot_be_is_not_called(void **state)
{
	(void)state;
	static const uint32_t rows[][4] = {
		/* phys, bytes, image bytes, entry */
		{0xf0000, 0x100000, 0x8000, 0xf0014},
		{0xfff00000, 0x100001, 0x8000, 0xfff00014},
		{0x1000000, 0x7fff, 0x8000, 0x1000014},
		{0x1000000, 0x100000, 0x8000, 0xffffff},
		{0x1000000, 0x100000, 0x8000, 0x1008000},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct nd_handoff *h = block_put(0x10000);

		h->dini_phys = rows[i][0];
		h->dini_bytes = rows[i][1];
		h->dini_image_bytes = rows[i][2];
		h->dini_entry_phys = rows[i][3];
		h->crc = nd_handoff_crc(h);
		assert_false(nd_find_at(low, 0x10000));
	}
	block_put(0x10000);
	assert_true(nd_find_at(low, 0x10000));
	assert_false(nd_find_at(low, 0x10008));
	memcpy(low + 0x20000, low + 0x10000, sizeof(struct nd_handoff));
	assert_false(nd_find_at(low, 0x20000)); /* a stray copy */
	assert_false(nd_find_at(low, 0x100010000ull));
}

/* No bit may flip; its last words are not part of that. */
static void every_flipped_bit_is_found_and_most_leave_remains(void **state)
{
	(void)state;
	struct nd_handoff *h = block_put(0x10000);

	for (size_t bit = 0; bit < 8 * sizeof *h; bit++) {
		uint8_t *at = low + 0x10000 + bit / 8;
		uint8_t mask = (uint8_t)(1u << bit % 8);

		*at ^= mask;
		assert_int_equal(nd_find_at(low, 0x10000),
				 bit / 8 >= offsetof(struct nd_handoff, last_words));
		assert_int_equal(nd_find_remains_at(low, 0x10000),
				 bit / 8 >= offsetof(struct nd_handoff, crc));
		*at ^= mask;
	}
	assert_true(nd_find_at(low, 0x10000));
	assert_false(nd_find_remains_at(low, 0x10008));
	assert_false(nd_find_remains_at(low, 0x20000));
	assert_false(nd_find_remains_at(low, 0x100010000ull));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_place_below_1_mib_but_the_vga_window,
						memory_open, memory_close),
		cmocka_unit_test_setup_teardown(a_signature_at_the_very_end_reads_no_further,
						memory_open, memory_close),
		cmocka_unit_test_setup_teardown(each_block_in_turn_damaged_ones_counted,
						memory_open, memory_close),
		cmocka_unit_test_setup_teardown(one_that_is_no_such_block_is_of_some_version,
						memory_open, memory_close),
		cmocka_unit_test_setup_teardown(a_dini_that_cannot_be_is_not_called, memory_open,
						memory_close),
		cmocka_unit_test_setup_teardown(every_flipped_bit_is_found_and_most_leave_remains,
						memory_open, memory_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
