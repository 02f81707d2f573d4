/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lastwords_test.c - what is found of crashes before, and what is not believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "com32/netdump/lastwords.h"

#define PHYS     0x200000u
#define PAGES    8u
#define SEARCHED (64u << 20)

static _Alignas(ND_LAST_WORDS_ALIGN) uint8_t memory[PAGES * ND_LAST_WORDS_ALIGN];
static struct nd_map map;
static uint64_t from_phys;
static char text[ND_REASON_BYTES];

static struct nd_last_words *at(uint32_t phys)
{
	static struct nd_last_words elsewhere;

	if (phys > PHYS + sizeof memory - sizeof elsewhere)
		return &elsewhere;
	assert_true(phys >= PHYS);
	return (struct nd_last_words *)(memory + (phys - PHYS));
}

/* At the end of a page; or so many bytes before it. */
static struct nd_last_words *record(unsigned int page, unsigned int before)
{
	return at(PHYS + (page + 1) * ND_LAST_WORDS_ALIGN - (uint32_t)sizeof(struct nd_last_words) -
		  before);
}

static bool next(void)
{
	return nd_last_words_next(&map, at, &from_phys, text);
}

static int setup(void **state)
{
	(void)state;
	memset(memory, 0xa5, sizeof memory);
	memset(&map, 0, sizeof map);
	nd_map_add(&map, 0, 0x9f000, ND_E820_RAM);
	nd_map_add(&map, PHYS, sizeof memory, ND_E820_RAM);
	nd_map_add(&map, 0x100000000, 0x40000000, ND_E820_RAM); /* cannot be read */
	from_phys = 0;
	return 0;
}

static void each_is_told_once(void **state)
{
	(void)state;
	nd_last_words_write(record(0, 0), "one");
	nd_last_words_write(record(PAGES - 1, 0), "two");
	assert_true(next());
	assert_string_equal(text, "one");
	assert_true(next());
	assert_string_equal(text, "two");
	assert_false(next());
	from_phys = 0;
	assert_false(next());
}

static void nothing_to_tell_is_not_told(void **state)
{
	(void)state;
	nd_last_words_write(record(1, 0), "");
	nd_last_words_write(record(2, 8), "not at the end of a page");
	assert_false(next());
}

static void every_flipped_bit_is_seen(void **state)
{
	struct nd_last_words *r = record(3, 0);

	(void)state;
	for (size_t bit = 0; bit < sizeof *r * 8; bit++) {
		nd_last_words_write(r, "words");
		if (bit / 8 == offsetof(struct nd_last_words, zero)) {
			bit += 8 * sizeof r->zero - 1; /* says nothing */
			continue;
		}
		((uint8_t *)r)[bit / 8] ^= (uint8_t)(1u << bit % 8);
		from_phys = 0;
		assert_false(next());
	}
}

/* A checksum that fits proves nothing: who crashed could write there. */
static void text_is_bounded_and_printable(void **state)
{
	struct nd_last_words *r = record(4, 0);

	(void)state;
	nd_last_words_write(r, "a\n\x1b[2J\xc3\xa4 b");
	assert_true(next());
	assert_string_equal(text, "a??[2J?? b");
	nd_last_words_write(r, "x");
	memset(r->text, 'x', sizeof r->text);
	r->crc = nd_crc32(0, r->text, sizeof r->text);
	from_phys = 0;
	assert_true(next());
	assert_int_equal(strlen(text), sizeof r->text - 1);
}

static void only_whole_records_in_ram_are_looked_at(void **state)
{
	uint32_t end = PHYS + 3 * ND_LAST_WORDS_ALIGN;

	(void)state;
	nd_last_words_write(record(2, 0), "words");
	map.entry[1].bytes = end - 1 - PHYS;
	assert_false(next());
	map.entry[1].phys = end - sizeof(struct nd_last_words) + 1;
	map.entry[1].bytes = sizeof memory - (map.entry[1].phys - PHYS);
	assert_false(next());
	map.entry[1].phys--;
	map.entry[1].type = ND_E820_RESERVED;
	assert_false(next());
	map.entry[1].type = ND_E820_RAM;
	assert_true(next());
}

static void the_end_of_ram_is_searched(void **state)
{
	(void)state;
	nd_last_words_write(record(1, 0), "far from the end");
	nd_last_words_write(record(2, 0), "not so far");
	map.entry[1].bytes = 2 * ND_LAST_WORDS_ALIGN + SEARCHED;
	assert_true(next());
	assert_string_equal(text, "not so far");
	assert_false(next());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(each_is_told_once, setup),
		cmocka_unit_test_setup(nothing_to_tell_is_not_told, setup),
		cmocka_unit_test_setup(every_flipped_bit_is_seen, setup),
		cmocka_unit_test_setup(text_is_bounded_and_printable, setup),
		cmocka_unit_test_setup(the_end_of_ram_is_searched, setup),
		cmocka_unit_test_setup(only_whole_records_in_ram_are_looked_at, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
