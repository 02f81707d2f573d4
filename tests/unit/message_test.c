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

static void pieces_fit_their_answer(void **state)
{
	struct nd_wire_give *give = (struct nd_wire_give *)BUFFER;
	const uint64_t total = 2 * ND_GIVE_BYTES + 5;

	(void)state;
	memset(aligned, 0, sizeof aligned);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(nd_give_init(give, 7, 1, total, i), i < 2 ? ND_GIVE_BYTES : 5);
		assert_int_equal(nd_message_check(BUFFER, give->header.length), ND_MESSAGE_OK);
	}
	give->total_bytes++; /* the last piece is too short then */
	assert_int_equal(nd_message_check(BUFFER, give->header.length), ND_MESSAGE_COUNT);
	give->total_bytes = 0;
	assert_int_equal(nd_message_check(BUFFER, give->header.length), ND_MESSAGE_COUNT);
	assert_int_equal(nd_give_init(give, 7, 1, total, 3), 0);
	assert_int_equal(nd_message_check(BUFFER, give->header.length), ND_MESSAGE_SHORT);
	nd_give_init(give, 7, 1, total, 0);
	give->index = UINT32_MAX;
	assert_int_equal(nd_message_check(BUFFER, give->header.length), ND_MESSAGE_COUNT);
}

static void takes_are_bounded(void **state)
{
	struct nd_wire_take *take = (struct nd_wire_take *)BUFFER;

	(void)state;
	memset(aligned, 0, sizeof aligned);
	nd_take_init(take, 7, 1, UINT32_MAX, ND_TAKE_MAX);
	assert_int_equal(nd_message_check(BUFFER, sizeof *take), ND_MESSAGE_OK);
	take->count++;
	assert_int_equal(nd_message_check(BUFFER, sizeof *take), ND_MESSAGE_COUNT);
	take->header.length--;
	assert_int_equal(nd_message_check(BUFFER, sizeof *take - 1), ND_MESSAGE_SHORT);
}

static void kinds_are_known(void **state)
{
	struct nd_wire_hello *hello = (struct nd_wire_hello *)BUFFER;

	(void)state;
	memset(aligned, 0, sizeof aligned);
	nd_hello_init(hello, 7, 1);
	hello->kind = ND_HELLO_KINDS - 1;
	assert_int_equal(nd_message_check(BUFFER, hello->header.length), ND_MESSAGE_OK);
	hello->kind = ND_HELLO_KINDS;
	assert_int_equal(nd_message_check(BUFFER, hello->header.length), ND_MESSAGE_COUNT);
}

static size_t make_last_words(const char *host, const char *text)
{
	struct nd_wire_last_words *w = (struct nd_wire_last_words *)BUFFER;

	memset(aligned, 0, sizeof aligned);
	nd_header_init(&w->header, ND_LAST_WORDS, 1, 0, sizeof *w);
	strncpy(w->host, host, sizeof w->host);
	strncpy(w->text, text, sizeof w->text);
	return sizeof *w;
}

static const char *const unprintable[] = {"\n", "a\nb", "a\x1b[2J", "\x7f", "\xc3\xa4"};

static void last_words_are_printable(void **state)
{
	(void)state;
	char long_text[ND_LAST_WORDS_TEXT_BYTES + 1] = "";
	size_t bytes = make_last_words("", "no server answered");

	assert_int_equal(nd_message_check(BUFFER, bytes), ND_MESSAGE_OK);
	assert_int_equal(nd_message_check(BUFFER, bytes - 1), ND_MESSAGE_LENGTH);
	for (size_t i = 0; i < sizeof unprintable / sizeof *unprintable; i++) {
		bytes = make_last_words("host", unprintable[i]);
		assert_int_equal(nd_message_check(BUFFER, bytes), ND_MESSAGE_STRING);
		bytes = make_last_words(unprintable[i], "text");
		assert_int_equal(nd_message_check(BUFFER, bytes), ND_MESSAGE_STRING);
	}
	assert_int_equal(nd_message_check(BUFFER, make_last_words("host", "")), ND_MESSAGE_STRING);
	memset(long_text, 'x', sizeof long_text - 1);
	bytes = make_last_words("host", long_text); /* no room for its NUL */
	assert_int_equal(nd_message_check(BUFFER, bytes), ND_MESSAGE_STRING);
	bytes = make_last_words(long_text, "text");
	assert_int_equal(nd_message_check(BUFFER, bytes), ND_MESSAGE_STRING);
	bytes = make_last_words("host", long_text + 1);
	assert_int_equal(nd_message_check(BUFFER, bytes), ND_MESSAGE_OK);
	((struct nd_wire_header *)BUFFER)->length = (uint16_t)(bytes + 8);
	assert_int_equal(nd_message_check(BUFFER, bytes + 8), ND_MESSAGE_COUNT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_messages_pass),
		cmocka_unit_test(any_other_length_is_refused),
		cmocka_unit_test(records_stay_inside),
		cmocka_unit_test(records_and_extents_ascend),
		cmocka_unit_test(bad_extents_are_refused),
		cmocka_unit_test(pieces_fit_their_answer),
		cmocka_unit_test(takes_are_bounded),
		cmocka_unit_test(kinds_are_known),
		cmocka_unit_test(last_words_are_printable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
