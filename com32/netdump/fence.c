/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fence.c - memory maps with the fence in them.  Pure; also built on the host for tests. */
#include <string.h>

#include "fence.h"

/* Above this a hole is address space of devices, and at most begins with hidden memory. */
#define HIDDEN_MAX (16u << 20)
#define MIB_1      (1u << 20)
#define MIB_4      (4u << 20)
#define GIB_4      0x100000000ull

void nd_map_add(struct nd_map *map, uint64_t phys, uint64_t bytes, uint32_t type)
{
	if (!bytes)
		return;
	if (map->count == NETDUMP_E820_MAX) {
		map->overflow = true;
		return;
	}
	map->entry[map->count].phys = phys;
	map->entry[map->count].bytes = bytes;
	map->entry[map->count++].type = type;
}

void nd_map_sort(struct nd_map *map)
{
	for (uint32_t i = 1; i < map->count; i++) {
		struct netdump_e820 entry = map->entry[i];
		uint32_t j = i;

		for (; j && map->entry[j - 1].phys > entry.phys; j--)
			map->entry[j] = map->entry[j - 1];
		map->entry[j] = entry;
	}
}

void nd_fence_add(struct nd_fence *fence, uint64_t phys, uint64_t bytes, uint32_t kind)
{
	struct nd_range *r;

	if (fence->count == sizeof fence->range / sizeof *fence->range) {
		fence->overflow = true;
		return;
	}
	r = &fence->range[fence->count++];
	memset(r, 0, sizeof *r);
	r->phys = phys;
	r->bytes = bytes;
	r->kind = kind;
}

static uint64_t round_up(uint64_t phys, uint64_t unit)
{
	return (phys + unit - 1) / unit * unit;
}

/*
 * The map does not say where in a wide hole RAM ends and devices begin.  Chipsets end RAM on a
 * whole MiB, so up to there it is RAM, and sealed.  Firmware at the top of RAM
 * may reach further: the rest to the next 4 MiB is fenced too, which costs the system
 * nothing, but not sealed, as it may be a frame buffer.  Where RAM as the map has it ends on 4 MiB
 * there is no sign of anything hidden.
 */
static void wide_hole(struct nd_fence *fence, uint64_t start, uint64_t end)
{
	uint64_t ram_end = round_up(start, MIB_1);
	uint64_t fence_end = round_up(start, MIB_4);

	fence->wide_phys = start;
	fence->wide_bytes = end - start;
	fence->wide_fenced_bytes = fence_end - start;
	if (ram_end > start)
		nd_fence_add(fence, start, ram_end - start, ND_RANGE_UNDI);
	if (fence_end > ram_end) {
		fence->unsealed |= 1u << fence->count;
		nd_fence_add(fence, ram_end, fence_end - ram_end, ND_RANGE_UNDI);
	}
}

void nd_fence_find_hidden(struct nd_fence *fence, const struct nd_map *map)
{
	for (uint32_t i = 0; i < map->count; i++) {
		uint64_t end = map->entry[i].phys + map->entry[i].bytes;
		uint64_t next = i + 1 < map->count ? map->entry[i + 1].phys : GIB_4;

		if (next > GIB_4)
			next = GIB_4;
		if (map->entry[i].type != ND_E820_RAM || end < MIB_1 || end >= next)
			continue;
		if (next - end > HIDDEN_MAX)
			wide_hole(fence, end, next);
		else
			nd_fence_add(fence, end, next - end, ND_RANGE_UNDI);
	}
}

static void reserve(struct nd_map *map, uint64_t start, uint64_t end)
{
	uint32_t count = map->count;

	for (uint32_t i = 0; i < count; i++) {
		struct netdump_e820 *e = &map->entry[i];
		uint64_t e_start = e->phys, e_end = e->phys + e->bytes;

		if (e->type == ND_E820_RESERVED && e_start >= start && e_end <= end)
			e->bytes = 0; /* what is put in says it too */
		if (e->type != ND_E820_RAM || e_end <= start || e_start >= end)
			continue;
		e->bytes = start > e_start ? start - e_start : 0;
		if (e_end > end)
			nd_map_add(map, end, e_end - end, ND_E820_RAM);
	}
	nd_map_add(map, start, end - start, ND_E820_RESERVED);
}

void nd_fence_apply(struct nd_map *map, const struct nd_fence *fence)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < fence->count; i++)
		reserve(map, fence->range[i].phys, fence->range[i].phys + fence->range[i].bytes);
	for (uint32_t i = 0; i < map->count; i++) {
		if (map->entry[i].bytes)
			map->entry[kept++] = map->entry[i];
	}
	map->count = kept;
	nd_map_sort(map);
}

uint64_t nd_map_high_ram_end(const struct nd_map *map)
{
	uint64_t end = 0x100000;

	for (uint32_t i = 0; i < map->count; i++) {
		const struct netdump_e820 *e = &map->entry[i];

		if (e->type == ND_E820_RAM && e->phys <= end && e->phys + e->bytes > end)
			end = e->phys + e->bytes;
	}
	return end;
}
