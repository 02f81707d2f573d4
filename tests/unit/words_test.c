/* SPDX-License-Identifier: GPL-2.0-or-later */
/* words_test.c - what the stubs read from a kernel command line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "stub/common/words.h"

static struct nd_word word(const char *text)
{
	return (struct nd_word){text, strlen(text)};
}

static void the_last_whole_word_counts(void **state)
{
	(void)state;
	struct nd_word value;

	assert_false(nd_word_find("", "a=", &value));
	assert_false(nd_word_find("xa=1 b=2 aa=3", "a=", &value));
	assert_true(nd_word_find(" a=1\ta=22  b=a=3", "a=", &value));
	assert_true(nd_word_is(value, "22"));
	assert_false(nd_word_is(value, "2"));
	assert_false(nd_word_is(value, "223"));
	assert_true(nd_word_find("a=", "a=", &value));
	assert_int_equal(value.bytes, 0);
}

static void a_line_without_end_is_read_to_the_limit(void **state)
{
	(void)state;
	char *line = malloc(ND_LINE_BYTES);
	struct nd_word value;

	memset(line, 'a', ND_LINE_BYTES);
	memcpy(line, "k=1 ", 4);
	assert_true(nd_word_find(line, "k=", &value));
	memset(line, ' ', ND_LINE_BYTES);
	assert_false(nd_word_find(line, "k=", &value));
	free(line);
}

static void numbers(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int good;
		uint64_t number;
	} rows[] = {
		{"0", 1, 0},
		{"508276K", 1, 508276ull << 10},
		{"0x1f05d000", 1, 0x1f05d000},
		{"0XaBk", 1, 0xab << 10},
		{"3M", 1, 3 << 20},
		{"2g", 1, 2ull << 30},
		{"18446744073709551615", 0, 0}, /* the guard is at 2^60 before a step */
		{"1152921504606846975", 1, 1152921504606846975ull},
		{"0xffffffffffffffff", 1, UINT64_MAX},
		{"0x10000000000000000", 0, 0},
		{"0x3fffffffffffffG", 0, 0},
		{"", 0, 0},
		{"0x", 0, 0},
		{"K", 0, 0},
		{"12KK", 0, 0},
		{"12a", 0, 0},
		{"-1", 0, 0},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		uint64_t number = 42;

		assert_int_equal(nd_word_number(word(rows[i].text), &number), rows[i].good);
		assert_int_equal(number, rows[i].good ? rows[i].number : 42);
	}
}

static void extents(void **state)
{
	(void)state;
	uint64_t address, bytes;

	assert_true(nd_word_extent(word("508276K"), &address, &bytes));
	assert_int_equal(address, 508276ull << 10);
	assert_int_equal(bytes, 0);
	assert_true(nd_word_extent(word("16K@0x1000"), &address, &bytes));
	assert_int_equal(address, 0x1000);
	assert_int_equal(bytes, 0x4000);
	assert_false(nd_word_extent(word("@0x1000"), &address, &bytes));
	assert_false(nd_word_extent(word("16K@"), &address, &bytes));
	assert_false(nd_word_extent(word("1@2@3"), &address, &bytes));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_whole_word_counts),
		cmocka_unit_test(a_line_without_end_is_read_to_the_limit),
		cmocka_unit_test(numbers),
		cmocka_unit_test(extents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
