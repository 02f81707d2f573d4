/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fence_test.c - memory maps with the fence in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "com32/netdump/fence.h"

/* A 6 GiB machine with iPXE, as its BIOS reports it: holes where the firmware is. */
static void machine(struct nd_map *map)
{
	memset(map, 0, sizeof *map);
	nd_map_add(map, 0xfffc0000, 0x40000, ND_E820_RESERVED);
	nd_map_add(map, 0, 0x9c000, ND_E820_RAM);
	nd_map_add(map, 0x9fc00, 0x400, ND_E820_RESERVED);
	nd_map_add(map, 0xf0000, 0x10000, ND_E820_RESERVED);
	nd_map_add(map, 0x100000, 0xbfe00000 - 0x100000, ND_E820_RAM);
	nd_map_add(map, 0xbffe0000, 0x20000, ND_E820_RESERVED);
	nd_map_add(map, 0x100000000, 0xc0000000, ND_E820_RAM);
	nd_map_sort(map);
}

static uint64_t ram(const struct nd_map *map)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < map->count; i++)
		bytes += map->entry[i].type == ND_E820_RAM ? map->entry[i].bytes : 0;
	return bytes;
}

static uint32_t type_at(const struct nd_map *map, uint64_t phys)
{
	for (uint32_t i = 0; i < map->count; i++)
		if (phys >= map->entry[i].phys && phys - map->entry[i].phys < map->entry[i].bytes)
			return map->entry[i].type;
	return 0;
}

static void hidden_memory_is_found(void **state)
{
	(void)state;
	struct nd_map map;
	struct nd_fence fence = {0};

	machine(&map);
	nd_fence_find_hidden(&fence, &map);
	assert_int_equal(fence.count, 1); /* base memory is fenced whatever the map says */
	assert_int_equal(fence.range[0].phys, 0xbfe00000);
	assert_int_equal(fence.range[0].bytes, 0x1e0000);
}

/* Where RAM ends, what comes next, and what of the hole is fenced and sealed. */
static void wide_holes_are_fenced_at_their_beginning(void **state)
{
	(void)state;
	static const struct {
		uint64_t ram_end, next; /* 0: nothing */
		uint64_t fenced, sealed;
	} cases[] = {
		{0x7fe00000, 0xe0000000, 0x200000, 0},
		{0x7febf000, 0xe0000000, 0x141000, 0x41000},
		{0x7fff0000, 0xe0000000, 0x10000, 0x10000},
		{0x80000000, 0xe0000000, 0, 0}, /* no sign of hidden memory */
		{0x7fe00000, 0, 0x200000, 0},
		{0x7fe00000, 0x100000000, 0x200000, 0},
		/* not wide: all of it, and sealed */
		{0x7f000000, 0x80000000, 0x1000000, 0x1000000},
		{0xffc00000, 0x100000000, 0x400000, 0x400000},
		{0xfff00000, 0, 0x100000, 0x100000},
		{0xffc00000, 0x140000000, 0x400000, 0x400000},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint64_t at = cases[i].ram_end, sealed = 0;
		struct nd_fence fence = {0};
		struct nd_map map = {0};

		nd_map_add(&map, 0x100000, at - 0x100000, ND_E820_RAM);
		nd_map_add(&map, cases[i].next, cases[i].next ? 0x1000 : 0, ND_E820_RESERVED);
		nd_fence_find_hidden(&fence, &map);
		for (uint32_t k = 0; k < fence.count; k++) {
			assert_int_equal(fence.range[k].kind, ND_RANGE_UNDI);
			assert_int_equal(fence.range[k].phys, at);
			assert_true(fence.range[k].bytes);
			at += fence.range[k].bytes;
			sealed += fence.unsealed & 1u << k ? 0 : fence.range[k].bytes;
		}
		assert_int_equal(at - cases[i].ram_end, cases[i].fenced);
		assert_int_equal(sealed, cases[i].sealed);
		if (fence.wide_bytes) {
			assert_int_equal(fence.wide_phys, cases[i].ram_end);
			assert_int_equal(fence.wide_fenced_bytes, cases[i].fenced);
		}
		assert_int_equal(!fence.wide_bytes, i > 5);
	}
}

static void the_fence_is_reserved_not_missing(void **state)
{
	(void)state;
	struct nd_map map;
	struct nd_fence fence = {0};
	uint64_t before;

	machine(&map);
	before = ram(&map);
	nd_fence_add(&fence, 0x8c000, 0x10000, ND_RANGE_GATE);
	nd_fence_add(&fence, 0x9c000, 0x4000, ND_RANGE_UNDI);
	nd_fence_find_hidden(&fence, &map);
	nd_fence_add(&fence, 0xbfd00000, 0x100000, ND_RANGE_DINI);
	nd_fence_apply(&map, &fence);
	assert_false(map.overflow);
	assert_int_equal(before - ram(&map), 0x110000);
	for (uint32_t i = 0; i < fence.count; i++) {
		const struct nd_range *r = &fence.range[i];

		assert_int_equal(type_at(&map, r->phys), ND_E820_RESERVED);
		assert_int_equal(type_at(&map, r->phys + r->bytes - 1), ND_E820_RESERVED);
	}
	assert_int_equal(type_at(&map, 0x8bfff), ND_E820_RAM);
	assert_int_equal(type_at(&map, 0xbfcfffff), ND_E820_RAM);
	for (uint32_t i = 1; i < map.count; i++)
		assert_true(map.entry[i - 1].phys <= map.entry[i].phys);
	assert_int_equal(nd_map_high_ram_end(&map), 0xbfd00000);
}

static void a_range_inside_splits_ram(void **state)
{
	(void)state;
	struct nd_map map;
	struct nd_fence fence = {0};

	machine(&map);
	nd_fence_add(&fence, 0x10000000, 0x1000, ND_RANGE_DINI);
	nd_fence_apply(&map, &fence);
	assert_int_equal(type_at(&map, 0x0fffffff), ND_E820_RAM);
	assert_int_equal(type_at(&map, 0x10000000), ND_E820_RESERVED);
	assert_int_equal(type_at(&map, 0x10001000), ND_E820_RAM);
}

/* However a BIOS reports base memory: no RAM behind the gate's start, and no overlaps. */
static void base_memory_is_fenced(void **state)
{
	(void)state;
	static const struct netdump_e820 bios[][2] = {
		{{0, 0x8c000, ND_E820_RAM}, {0x8c000, 0x14000, ND_E820_RESERVED}},
		{{0, 0x80000, ND_E820_RAM}, {0xf0000, 0x10000, ND_E820_RESERVED}},
		{{0, 0x90000, ND_E820_RAM}, {0x90000, 0xd000, ND_E820_RAM}},
		{{0, 0x9fc00, ND_E820_RAM}, {0x9fc00, 0x400, ND_E820_RESERVED}},
	};

	for (unsigned int i = 0; i < sizeof bios / sizeof bios[0]; i++) {
		struct nd_map map = {0};
		struct nd_fence fence = {0};

		for (unsigned int j = 0; j < 2; j++)
			nd_map_add(&map, bios[i][j].phys, bios[i][j].bytes, bios[i][j].type);
		nd_map_sort(&map);
		nd_fence_add(&fence, 0x8c000, 0x10000, ND_RANGE_GATE);
		nd_fence_add(&fence, 0x9c000, 0x4000, ND_RANGE_UNDI);
		nd_fence_find_hidden(&fence, &map);
		nd_fence_apply(&map, &fence);
		assert_int_equal(fence.count, 2);
		for (uint32_t phys = 0x8c000; phys < 0xa0000; phys += 0x400)
			assert_int_equal(type_at(&map, phys), ND_E820_RESERVED);
		for (uint32_t j = 0; j < map.count; j++)
			assert_true(map.entry[j].type != ND_E820_RAM ||
				    map.entry[j].phys + map.entry[j].bytes <= 0x8c000);
	}
}

static void a_full_map_says_so(void **state)
{
	(void)state;
	struct nd_map map = {0};

	for (uint32_t i = 0; i <= NETDUMP_E820_MAX; i++)
		nd_map_add(&map, i << 20, 1 << 19, ND_E820_RAM);
	assert_true(map.overflow);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hidden_memory_is_found),
		cmocka_unit_test(wide_holes_are_fenced_at_their_beginning),
		cmocka_unit_test(the_fence_is_reserved_not_missing),
		cmocka_unit_test(a_range_inside_splits_ram),
		cmocka_unit_test(base_memory_is_fenced),
		cmocka_unit_test(a_full_map_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
