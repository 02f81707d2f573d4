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

	nd_reads_credit(reads, phys, bytes, part, &t);
	return t;
}

static enum nd_reads_seen saw(struct nd_reads *reads, uint32_t id, uint16_t index, uint8_t flags)
{
	struct nd_wire_data data = {.read_id = id, .index = index, .flags = flags};

	return nd_reads_saw(reads, &data);
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
	assert_true(nd_read_ended(reads.queue[0]));
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
	assert_false(nd_read_ended(reads.queue[0])); /* index 1 is missing */
	assert_int_equal(saw(&reads, 1, 1, 0), ND_SEEN_NEW);
	assert_true(nd_read_ended(reads.queue[0]));
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
		assert_false(nd_read_ended(reads.queue[0]));
		saw(&reads, 2, i, 0);
	}
	assert_true(nd_read_ended(reads.queue[0]));
	assert_false(nd_read_ended(reads.queue[1]));
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
		cmocka_unit_test(a_read_names_no_more_than_it_may),
	};

	return cmocka_run_group_tests_name("reads", tests, NULL, NULL);
}
