// SPDX-License-Identifier: GPL-2.0-or-later
/* kind_test.c - what a HELLO must have that is about no crash, and what its log is called. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "server/kind.h"
#include "wire/message.h"

#define MIB (1u << 20)

static const struct {
	enum nd_hello_kind kind;
	uint64_t phys, bytes;
	uint32_t range_kind;
	unsigned int ranges;
	const char *why; /* NULL: it fits */
} hellos[] = {
	{ND_HELLO_CRASH, 4096, 1ull << 40, 2, 0, NULL},
	{ND_HELLO_CRASH, 4096, 1ull << 40, 2, 3, NULL},
	{ND_HELLO_LOG, 0, 1, 1, 1, NULL},
	{ND_HELLO_LOG, 0, 64 * MIB, 1, 1, NULL},
	{ND_HELLO_LOG, 0, 64 * MIB + 1, 1, 1, "a log of 67108865 bytes is above the limit, 64 MiB"},
	{ND_HELLO_TEST, 0, 64 * MIB, 1, 1, NULL},
	{ND_HELLO_TEST, 0, UINT64_MAX, 1, 1, "above the limit, 64 MiB"},
	{ND_HELLO_DRIVERS, 0, MIB, 1, 1, NULL},
	{ND_HELLO_DRIVERS, 0, MIB + 1, 1, 1, "above the limit, 1 MiB"},
	{ND_HELLO_LOG, 0, 4096, 1, 0, "one range"},
	{ND_HELLO_LOG, 0, 4096, 1, 2, "one range"},
	{ND_HELLO_LOG, 0, 4096, 0, 1, "one range"},
	{ND_HELLO_DRIVERS, 0, 4096, 2, 1, "one range"},
	{ND_HELLO_TEST, 1, 4096, 1, 1, "one range"},
};

static void a_hello_fits_its_kind(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof hellos / sizeof *hellos; i++) {
		struct nd_wire_hello hello = {.kind = (uint16_t)hellos[i].kind};
		char why[ND_DONE_TEXT_BYTES] = "";

		for (unsigned int n = 0; n < hellos[i].ranges; n++)
			assert_true(nd_hello_range_add(&hello, hellos[i].phys, hellos[i].bytes,
						       hellos[i].range_kind));
		assert_int_equal(nd_kind_fits(&hello, why), !hellos[i].why);
		if (!strstr(why, hellos[i].why ? hellos[i].why : ""))
			fail_msg("%zu: %s", i, why);
	}
}

static const struct {
	const char *said, *title;
} titles[] = {
	{"syslog", "syslog"},
	{"/var/log/kern.log.1", "kern.log.1"},
	{"", "log"},
	{"a/", "log"},
	{"..", "_."},
	{"-x", "_x"},
	{".hidden", "_hidden"},
	{"a b\xff\n", "a_b__"},
};

static void a_title_is_harmless(void **state)
{
	char title[ND_KIND_TITLE_BYTES], said[ND_HELLO_REASON_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof titles / sizeof *titles; i++) {
		nd_kind_title(title, titles[i].said);
		assert_string_equal(title, titles[i].title);
	}
	memset(said, 'x', sizeof said);
	said[sizeof said - 1] = 0;
	nd_kind_title(title, said);
	assert_int_equal(strlen(title), sizeof title - 1);
}

static void every_kind_has_its_name(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < ND_HELLO_KINDS; i++)
		assert_ptr_equal(nd_kind_named(nd_kinds[i].name), &nd_kinds[i]);
	assert_ptr_equal(nd_kind_named(NULL), &nd_kinds[ND_HELLO_CRASH]);
	assert_ptr_equal(nd_kind_named(""), &nd_kinds[ND_HELLO_CRASH]);
	assert_ptr_equal(nd_kind_named("spoon"), &nd_kinds[ND_HELLO_CRASH]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hello_fits_its_kind),
		cmocka_unit_test(a_title_is_harmless),
		cmocka_unit_test(every_kind_has_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
