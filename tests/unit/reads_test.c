/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reads_test.c - what has arrived of a READ, what was lost, and what is asked again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "server/reads.h"

struct tally {
	uint32_t grains, pages, bytes;
};

static void part(void *context, uint64_t phys, uint32_t bytes, uint32_t new_grains,
		 uint32_t whole_pages)
{
	struct tally *t = context;

	(void)phys;
	t->bytes += bytes;
	t->grains += new_grains;
	t->pages += whole_pages;
}

static struct tally credit(struct nd_reads *reads, uint64_t phys, uint32_t bytes)
{
	struct tally t = {0};

	nd_reads_credit(reads, phys, bytes, &(struct nd_reads_take){.part = part, .context = &t});
	return t;
}

static enum nd_reads_seen saw(struct nd_reads *reads, uint32_t id, uint16_t index, uint8_t flags)
{
	struct nd_wire_data data = {.read_id = id, .index = index, .flags = flags};
	struct nd_read *of;

	return nd_reads_saw(reads, &data, 0, &of);
}

/* Pages 16..19 and 32..33 are asked for. */
static void setup(struct nd_reads *reads, struct nd_pages *pending)
{
	memset(reads, 0, sizeof *reads);
	memset(pending, 0, sizeof *pending);
	nd_pages_add(pending, 16, 4);
	nd_pages_add(pending, 32, 2);
	assert_non_null(nd_reads_open(reads, pending, 1, 32768, 100, 0));
	assert_int_equal(pending->total, 0);
}

static void teardown(struct nd_reads *reads, struct nd_pages *pending)
{
	nd_reads_free(reads);
	nd_pages_free(pending);
}

static void spans_are_credited_once(void **state)
{
	static const struct {
		uint64_t phys;
		uint32_t bytes, grains, pages;
	} row[] = {
		/*  0 */ {0x10000, 0x1000, 64, 1}, /* a page */
		/*  1 */ {0x10000, 0x1000, 0, 0},  /* again */
		/*  2 */ {0x11000, 0x40, 1, 0},    /* a grain */
		/*  3 */ {0x11040, 0xfc0, 63, 1},  /* the rest of it */
		/*  4 */ {0x0, 0x10000, 0, 0},     /* not asked for, ends where it begins */
		/*  5 */ {0x14000, 0xc000, 0, 0},  /* between the extents */
		/*  6 */ {0x12800, 0x1000, 64, 0}, /* halves of two pages */
		/*  7 */ {0xf000, 0xfffff000, 64 + 2 * 64, 4}, /* everything, and far more */
		/*  8 */ {UINT64_MAX - 63, 64, 0, 0},          /* the end of the address space */
	};
	struct nd_reads reads;
	struct nd_pages pending;

	(void)state;
	setup(&reads, &pending);
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct tally t = credit(&reads, row[i].phys, row[i].bytes);

		if (t.grains != row[i].grains || t.pages != row[i].pages)
			fail_msg("row %zu: %u grains, %u pages", i, t.grains, t.pages);
	}
	assert_true(nd_read_ended(reads.queue[0], 0, 10));
	teardown(&reads, &pending);
}

static void datagrams_are_told_apart(void **state)
{
	struct nd_reads reads;
	struct nd_pages pending;

	(void)state;
	setup(&reads, &pending);
	assert_int_equal(saw(&reads, 1, 0, 0), ND_SEEN_NEW);
	assert_int_equal(saw(&reads, 1, 0, 0), ND_SEEN_DUPLICATE);
	assert_int_equal(saw(&reads, 9, 0, 0), ND_SEEN_LATE);
	assert_int_equal(saw(&reads, 1, ND_READ_INDEX_MAX, 0), ND_SEEN_BAD);
	assert_int_equal(saw(&reads, 1, 2, ND_DATA_LAST), ND_SEEN_NEW);
	assert_false(nd_read_ended(reads.queue[0], 0, 10)); /* index 1 is missing */
	assert_int_equal(saw(&reads, 1, 1, 0), ND_SEEN_NEW);
	assert_true(nd_read_ended(reads.queue[0], 0, 10));
	teardown(&reads, &pending);
}

static void later_answers_end_an_earlier_read(void **state)
{
	struct nd_reads reads;
	struct nd_pages pending;

	(void)state;
	setup(&reads, &pending);
	nd_pages_add(&pending, 64, 10);
	assert_non_null(nd_reads_open(&reads, &pending, 2, 32768, 100, 0));
	for (uint16_t i = 0; i < ND_READ_REORDER; i++) {
		assert_false(nd_read_ended(reads.queue[0], 0, 10));
		saw(&reads, 2, i, 0);
	}
	assert_true(nd_read_ended(reads.queue[0], 0, 10));
	assert_false(nd_read_ended(reads.queue[1], 0, 10));
	teardown(&reads, &pending);
}

static void what_is_missing_goes_back(void **state)
{
	struct nd_reads reads;
	struct nd_pages pending;
	uint64_t lost = 0;

	(void)state;
	setup(&reads, &pending);
	credit(&reads, 0x10000, 0x1000); /* page 16 */
	credit(&reads, 0x12000, 0x1000); /* page 18: 17 was lost before it */
	credit(&reads, 0x13000, 0x40);   /* page 19 began; the budget ended there */
	assert_true(nd_reads_close(&reads, 0, &pending, false, &lost));
	assert_int_equal(lost, 1);
	assert_int_equal(pending.total, 4);
	assert_true(nd_pages_has(&pending, 17) && nd_pages_has(&pending, 19) &&
		    nd_pages_has(&pending, 32) && nd_pages_has(&pending, 33));
	assert_int_equal(reads.count, 0);
	teardown(&reads, &pending);
}

static void pieces_are_pairs_of_grains(void **state)
{
	static const struct {
		uint64_t mask;
		uint32_t have;
	} row[] = {
		/* 0 */ {0, 0},
		/* 1 */ {1, 0},
		/* 2 */ {2, 0},
		/* 3 */ {3, 1},
		/* 4 */ {6, 0}, /* two grains, but of two pieces */
		/* 5 */ {0xf, 3},
		/* 6 */ {0xc000000000000000, 0x80000000},
		/* 7 */ {ND_PAGE_FULL - 1, UINT32_MAX - 1},
		/* 8 */ {ND_PAGE_FULL >> 1, UINT32_MAX >> 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof row / sizeof *row; i++)
		if (nd_part_have(row[i].mask) != row[i].have)
			fail_msg("row %zu: %x", i, nd_part_have(row[i].mask));
}

/* Pages 16..19 and 32..33, of which 17 comes in part, 32 in part, and 18 wholly. */
static void what_came_in_part_is_not_asked_again(void **state)
{
	static const struct nd_reads_extent extent[] = {
		{16, 1, 0}, {17, 1, 1}, {19, 1, 2}, {32, 1, 3}, {33, 1, 4}};
	struct nd_reads reads;
	struct nd_pages pending;
	struct nd_read *read;
	uint64_t lost = 0;

	(void)state;
	setup(&reads, &pending);
	credit(&reads, 0x11000, 0x580);
	credit(&reads, 0x12000, 0x1000);
	credit(&reads, 0x20400, 0x40);
	assert_true(nd_reads_close(&reads, 0, &pending, true, &lost));
	assert_int_equal(reads.parts, 2);
	read = nd_reads_open(&reads, &pending, 2, 1u << 20, 100, 0);
	assert_int_equal(reads.parts, 0);
	assert_int_equal(read->extents, sizeof extent / sizeof *extent);
	assert_memory_equal(read->extent, extent, sizeof extent);
	assert_int_equal(read->budget_bytes, 5 * ND_READ_PAGE_BYTES);
	assert_int_equal(nd_part_have(read->part[1].mask), 0x7ff);
	assert_int_equal(nd_part_have(read->part[3].mask), 0);     /* half a piece is none, */
	assert_int_equal(credit(&reads, 0x20400, 0x80).grains, 1); /* but it counts */
	assert_int_equal(credit(&reads, 0x11000, 0x1000).grains, 64 - 0x16);
	assert_int_equal(read->pages_full, 1);
	teardown(&reads, &pending);
}

static void pages_in_part_are_bounded(void **state)
{
	struct nd_reads reads = {0};
	struct nd_pages pending = {0};
	uint64_t lost = 0;

	(void)state;
	nd_pages_add(&pending, 100, ND_PARTS_MAX + 5);
	nd_reads_open(&reads, &pending, 1, 1, UINT32_MAX, 0);
	for (uint64_t i = 0; i < ND_PARTS_MAX + 5; i++)
		credit(&reads, (100 + i) * ND_PAGE_BYTES, 64);
	assert_true(nd_reads_close(&reads, 0, &pending, true, &lost));
	assert_int_equal(reads.parts, ND_PARTS_MAX);
	assert_int_equal(pending.total, ND_PARTS_MAX + 5);
	teardown(&reads, &pending);
}

static void losses_are_counted_in_datagrams(void **state)
{
	static const struct {
		uint16_t index[4];
		int count, last;
		uint32_t sent, lost;
	} row[] = {
		/* 0 */ {{0}, 0, -1, 2, 2}, /* the READ or its one answer */
		/* 1 */ {{0, 1, 2}, 3, 2, 3, 0},
		/* 2 */ {{0, 2, 3}, 3, 3, 4, 1},
		/* 3 */ {{3}, 1, 3, 4, 3},
		/* 4 */ {{0, 1}, 2, -1, 10, 8}, /* of a budget of ten */
	};

	(void)state;
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct nd_reads reads = {0};
		struct nd_pages pending = {0};
		struct nd_read *read;

		nd_pages_add(&pending, 0, 100);
		read = nd_reads_open(&reads, &pending, 1, 10 * ND_WIRE_DATAGRAM_MAX, 100, 0);
		for (int k = 0; k < row[i].count; k++)
			saw(&reads, 1, row[i].index[k],
			    row[i].index[k] == row[i].last ? ND_DATA_LAST : 0);
		if (nd_read_sent(read) != row[i].sent || nd_read_lost(read) != row[i].lost)
			fail_msg("row %zu: %u of %u", i, nd_read_lost(read), nd_read_sent(read));
		teardown(&reads, &pending);
	}
}

/* However few datagrams follow, time tells that what they overtook was lost. */
static void time_ends_a_read_that_was_overtaken(void **state)
{
	struct nd_reads reads;
	struct nd_pages pending;
	struct nd_wire_data last = {.read_id = 1, .index = 1, .flags = ND_DATA_LAST};
	struct nd_wire_data later = {.read_id = 2};
	struct nd_read *of;

	(void)state;
	setup(&reads, &pending);
	nd_pages_add(&pending, 64, 10);
	nd_reads_open(&reads, &pending, 2, 32768, 100, 0);
	assert_false(nd_read_ended(reads.queue[0], 1000, 10));
	nd_reads_saw(&reads, &later, 1000, &of);
	assert_false(nd_read_ended(reads.queue[0], 1009, 10));
	assert_true(nd_read_ended(reads.queue[0], 1010, 10));
	assert_false(nd_read_ended(reads.queue[1], 9999, 10));
	teardown(&reads, &pending);

	setup(&reads, &pending);
	nd_reads_saw(&reads, &last, 1000, &of); /* its own end overtook the beginning */
	assert_ptr_equal(of, reads.queue[0]);
	assert_false(nd_read_ended(reads.queue[0], 1009, 10));
	assert_true(nd_read_ended(reads.queue[0], 1010, 10));
	teardown(&reads, &pending);
}

static void a_read_names_no_more_than_it_may(void **state)
{
	struct nd_reads reads = {0};
	struct nd_pages pending = {0};
	struct nd_read *read;

	(void)state;
	for (uint64_t i = 0; i < 200; i++)
		nd_pages_add(&pending, i * 2, 1);
	read = nd_reads_open(&reads, &pending, 1, 1, 1000, 0);
	assert_int_equal(read->extents, ND_READ_EXTENTS_MAX);
	nd_pages_add(&pending, 100000, 1u << 20);
	for (uint32_t id = 2; id <= ND_READ_QUEUE; id++) {
		read = nd_reads_open(&reads, &pending, id, 1, UINT32_MAX, 0);
		assert_true(read && read->pages <= ND_READ_PAGES_MAX);
	}
	assert_null(nd_reads_open(&reads, &pending, 99, 1, 1, 0));
	assert_int_equal(nd_reads_lowest(&reads), 0);
	teardown(&reads, &pending);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spans_are_credited_once),
		cmocka_unit_test(datagrams_are_told_apart),
		cmocka_unit_test(later_answers_end_an_earlier_read),
		cmocka_unit_test(what_is_missing_goes_back),
		cmocka_unit_test(pieces_are_pairs_of_grains),
		cmocka_unit_test(what_came_in_part_is_not_asked_again),
		cmocka_unit_test(pages_in_part_are_bounded),
		cmocka_unit_test(losses_are_counted_in_datagrams),
		cmocka_unit_test(time_ends_a_read_that_was_overtaken),
		cmocka_unit_test(a_read_names_no_more_than_it_may),
	};

	return cmocka_run_group_tests_name("reads", tests, NULL, NULL);
}
