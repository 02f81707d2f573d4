// SPDX-License-Identifier: GPL-2.0-or-later
/* ram.c - sorted ranges of usable memory.  Any CPU mode. */
#include "stub/multiboot/ram.h"

static void range_remove(struct nd_ram *ram, uint32_t at)
{
	ram->count--;
	for (; at < ram->count; at++)
		ram->range[at] = ram->range[at + 1];
}

static void range_insert(struct nd_ram *ram, uint32_t at, uint64_t from, uint64_t to)
{
	for (uint32_t i = ram->count++; i > at; i--)
		ram->range[i] = ram->range[i - 1];
	ram->range[at] = (struct nd_ram_range){from, to};
}

bool nd_ram_cut(struct nd_ram *ram, uint64_t from_phys, uint64_t to_phys)
{
	uint32_t i = 0;

	if (from_phys >= to_phys)
		return true;
	while (i < ram->count) {
		struct nd_ram_range *r = &ram->range[i];

		if (r->to_phys <= from_phys || r->from_phys >= to_phys) {
			i++;
		} else if (r->from_phys >= from_phys && r->to_phys <= to_phys) {
			range_remove(ram, i);
		} else if (r->from_phys < from_phys && r->to_phys > to_phys) {
			if (ram->count == ND_RAM_MAX)
				return false;
			range_insert(ram, i + 1, to_phys, r->to_phys);
			r->to_phys = from_phys;
			return true;
		} else if (r->from_phys < from_phys) {
			r->to_phys = from_phys;
			i++;
		} else {
			r->from_phys = to_phys;
			i++;
		}
	}
	return true;
}

bool nd_ram_add(struct nd_ram *ram, uint64_t from_phys, uint64_t to_phys)
{
	uint32_t at = 0;

	if (from_phys >= to_phys)
		return true;
	if (ram->count >= ND_RAM_MAX - 1) /* the cut below may need one, the insertion another */
		return false;
	/* What is there already goes, so that nothing is listed twice.  It may lie across. */
	for (uint32_t i = 0; i < ram->count; i++) {
		if (ram->range[i].from_phys <= from_phys && ram->range[i].to_phys >= to_phys)
			return true;
	}
	nd_ram_cut(ram, from_phys, to_phys);
	while (at < ram->count && ram->range[at].from_phys < from_phys)
		at++;
	range_insert(ram, at, from_phys, to_phys);
	return true;
}

void nd_ram_whole_pages(struct nd_ram *ram)
{
	const uint64_t mask = ND_PAGE_BYTES - 1;
	uint32_t i = 0;

	while (i < ram->count) {
		struct nd_ram_range *r = &ram->range[i];
		uint64_t from = r->from_phys > UINT64_MAX - mask ? UINT64_MAX & ~mask
								 : (r->from_phys + mask) & ~mask;
		uint64_t to = r->to_phys & ~mask;

		if (from >= to) {
			range_remove(ram, i);
			continue;
		}
		*r = (struct nd_ram_range){from, to};
		i++;
	}
}

uint64_t nd_ram_bytes(const struct nd_ram *ram)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < ram->count; i++)
		bytes += ram->range[i].to_phys - ram->range[i].from_phys;
	return bytes;
}
