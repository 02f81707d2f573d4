/* SPDX-License-Identifier: GPL-2.0-or-later */
/* message_test.c - what the one gate for datagrams lets through and what it refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "wire/message.h"

static uint64_t aligned[ND_WIRE_DATAGRAM_MAX / 8 + 1];
#define BUFFER ((uint8_t *)aligned)

static size_t make_read(void)
{
	struct nd_wire_read *read = (struct nd_wire_read *)BUFFER;

	memset(aligned, 0, sizeof aligned);
	nd_read_init(read, 7, 1, 1, 0, 65536);
	assert_true(nd_read_extent_add(read, 0x1000, 3, 0));
	return read->header.length;
}

static size_t make_data(void)
{
	struct nd_data_writer w;

	memset(aligned, 0, sizeof aligned);
	nd_data_begin(&w, BUFFER, 7, 1, 1, 0);
	assert_true(nd_data_add(&w, 0x2000, 4096, ND_RECORD_ZERO, NULL, 0));
	assert_true(nd_data_add(&w, 0x3000, 64, ND_RECORD_RAW,
				"0123456789abcdef0123456789abcdef"
				"0123456789abcdef0123456789abcde",
				64));
	return nd_data_end(&w, ND_DATA_LAST);
}

static void whole_messages_pass(void **state)
{
	(void)state;
	size_t bytes = make_read();

	assert_int_equal(nd_message_check(BUFFER, bytes), ND_MESSAGE_OK);
	bytes = make_data();
	assert_int_equal(nd_message_check(BUFFER, bytes), ND_MESSAGE_OK);
}

/* Cut short or run long by any number of bytes, no message passes. */
static void any_other_length_is_refused(void **state)
{
	(void)state;
	for (int kind = 0; kind < 2; kind++) {
		size_t whole = kind ? make_data() : make_read();

		for (size_t bytes = 0; bytes <= ND_WIRE_DATAGRAM_MAX; bytes++) {
			if (bytes != whole)
				assert_int_not_equal(nd_message_check(BUFFER, bytes),
						     ND_MESSAGE_OK);
		}
	}
}

/* The length field agrees with the datagram, but the records inside do not. */
static void records_stay_inside(void **state)
{
	(void)state;
	size_t whole = make_data();

	for (size_t bytes = sizeof(struct nd_wire_data); bytes < whole; bytes++) {
		((struct nd_wire_header *)BUFFER)->length = (uint16_t)bytes;
		assert_int_not_equal(nd_message_check(BUFFER, bytes), ND_MESSAGE_OK);
	}
}

static const struct bad_read {
	const char *what;
	uint64_t phys;
	uint32_t pages;
} bad_reads[] = {
	{"unaligned", 0x1001, 1},
	{"empty", 0x1000, 0},
	{"wraps", 0xfffffffffffff000, 2},
};

/* So one datagram cannot have the server walk the same pages again and again. */
static void records_and_extents_ascend(void **state)
{
	(void)state;
	static const struct {
		uint64_t phys;
		enum nd_message_error expected;
	} second[] = {
		{0x2000, ND_MESSAGE_ORDER},
		{0x1000, ND_MESSAGE_ORDER},
		{0x2fc0, ND_MESSAGE_ORDER},
		{0x3000, ND_MESSAGE_OK},
	};

	for (size_t i = 0; i < sizeof second / sizeof second[0]; i++) {
		struct nd_wire_read *read = (struct nd_wire_read *)BUFFER;
		struct nd_data_writer w;

		memset(aligned, 0, sizeof aligned);
		nd_data_begin(&w, BUFFER, 7, 1, 1, 0);
		nd_data_add(&w, 0x2000, 4096, ND_RECORD_ZERO, NULL, 0);
		nd_data_add(&w, second[i].phys, 64, ND_RECORD_ZERO, NULL, 0);
		assert_int_equal(nd_message_check(BUFFER, nd_data_end(&w, ND_DATA_LAST)),
				 second[i].expected);

		memset(aligned, 0, sizeof aligned);
		nd_read_init(read, 7, 1, 1, 0, 65536);
		nd_read_extent_add(read, 0x2000, 1, 0);
		nd_read_extent_add(read, second[i].phys / 4096 * 4096, 1, 0);
		assert_int_equal(nd_message_check(BUFFER, read->header.length), second[i].expected);
	}
}

static void bad_extents_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof bad_reads / sizeof *bad_reads; i++) {
		size_t bytes = make_read();
		struct nd_wire_read *read = (struct nd_wire_read *)BUFFER;

		read->extent[0].phys = bad_reads[i].phys;
		read->extent[0].pages = bad_reads[i].pages;
		assert_int_equal(nd_message_check(BUFFER, bytes), ND_MESSAGE_EXTENT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_messages_pass),
		cmocka_unit_test(any_other_length_is_refused),
		cmocka_unit_test(records_stay_inside),
		cmocka_unit_test(records_and_extents_ascend),
		cmocka_unit_test(bad_extents_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
