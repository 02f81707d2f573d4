/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ram_test.c - the reference kernel's list of memory, added to and cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "stub/multiboot/ram.h"

static struct nd_ram ram;

static void expect(uint32_t count, const uint64_t *edges)
{
	assert_int_equal(ram.count, count);
	for (uint32_t i = 0; i < count; i++) {
		assert_int_equal(ram.range[i].from_phys, edges[2 * i]);
		assert_int_equal(ram.range[i].to_phys, edges[2 * i + 1]);
	}
}

#define EXPECT(...)                                                                                \
	do {                                                                                       \
		const uint64_t edges[] = {__VA_ARGS__};                                            \
		expect(sizeof edges / sizeof edges[0] / 2, edges);                                 \
	} while (0)

static int empty(void **state)
{
	(void)state;
	memset(&ram, 0, sizeof ram);
	return 0;
}

static void added_in_any_order_sorted_and_never_twice(void **state)
{
	(void)state;
	assert_true(nd_ram_add(&ram, 500, 600));
	assert_true(nd_ram_add(&ram, 100, 200));
	assert_true(nd_ram_add(&ram, 300, 300));
	assert_true(nd_ram_add(&ram, 120, 180));
	EXPECT(100, 200, 500, 600);
	assert_true(nd_ram_add(&ram, 150, 550));
	EXPECT(100, 150, 150, 550, 550, 600);
	assert_true(nd_ram_add(&ram, 0, 1000));
	EXPECT(0, 1000);
	assert_int_equal(nd_ram_bytes(&ram), 1000);
}

static void cut_at_each_edge(void **state)
{
	(void)state;
	nd_ram_add(&ram, 100, 200);
	nd_ram_add(&ram, 300, 400);
	assert_true(nd_ram_cut(&ram, 200, 300));
	assert_true(nd_ram_cut(&ram, 0, 100));
	assert_true(nd_ram_cut(&ram, 150, 150));
	EXPECT(100, 200, 300, 400);
	assert_true(nd_ram_cut(&ram, 140, 160));
	EXPECT(100, 140, 160, 200, 300, 400);
	assert_true(nd_ram_cut(&ram, 190, 310));
	EXPECT(100, 140, 160, 190, 310, 400);
	assert_true(nd_ram_cut(&ram, 120, 350));
	EXPECT(100, 120, 350, 400);
	assert_true(nd_ram_cut(&ram, 0, UINT64_MAX));
	assert_int_equal(ram.count, 0);
}

static void only_whole_pages_stay(void **state)
{
	(void)state;
	nd_ram_add(&ram, 0, 0x9fc00);
	nd_ram_add(&ram, 0xa0400, 0xa1400);
	nd_ram_add(&ram, 0x100001, 0x103000);
	nd_ram_add(&ram, UINT64_MAX - 10, UINT64_MAX);
	nd_ram_whole_pages(&ram);
	EXPECT(0, 0x9f000, 0x101000, 0x103000);
}

static void a_full_list_refuses_and_stays_as_it_was(void **state)
{
	(void)state;
	uint64_t bytes;
	uint32_t count;

	for (uint64_t i = 0; nd_ram_add(&ram, i * 100, i * 100 + 50); i++)
		;
	assert_in_range(ram.count, ND_RAM_MAX - 1, ND_RAM_MAX);
	while (ram.count < ND_RAM_MAX)
		assert_true(nd_ram_cut(&ram, 10, 20));
	count = ram.count;
	bytes = nd_ram_bytes(&ram);
	assert_false(nd_ram_cut(&ram, 130, 140));
	assert_false(nd_ram_add(&ram, 1000000, 1000001));
	assert_int_equal(ram.count, count);
	assert_int_equal(nd_ram_bytes(&ram), bytes);
	assert_true(nd_ram_cut(&ram, 100, 150));
	assert_int_equal(ram.count, count - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(added_in_any_order_sorted_and_never_twice, empty),
		cmocka_unit_test_setup(cut_at_each_edge, empty),
		cmocka_unit_test_setup(only_whole_pages_stay, empty),
		cmocka_unit_test_setup(a_full_list_refuses_and_stays_as_it_was, empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
