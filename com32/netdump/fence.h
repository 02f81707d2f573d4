/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fence.h - memory maps with the fence in them.  Pure: no I/O, no BIOS.
 *
 * A map is an array of E820 entries (ACPI 6.4 section 15), sorted by address once
 * nd_map_sort() has seen it.
 */
#ifndef NETDUMP_FENCE_H
#define NETDUMP_FENCE_H

#include <stdbool.h>
#include <stdint.h>

#include <netdump/handoff.h>
#include <syslinux/netdump.h>

#define ND_E820_RAM      1
#define ND_E820_RESERVED 2

struct nd_map {
	uint32_t count;
	bool overflow; /* an entry was lost: do not use */
	struct netdump_e820 entry[NETDUMP_E820_MAX];
};

struct nd_fence {
	uint32_t count;
	bool overflow;
	struct nd_range range[8]; /* kinds GATE, UNDI, DINI */
	uint32_t unsealed;        /* bit i: range[i] need not be RAM and may change */
	/* A hole that was too wide to fence all of it, and how much was; all 0: there is none. */
	uint64_t wide_phys, wide_bytes, wide_fenced_bytes;
};

void nd_map_add(struct nd_map *map, uint64_t phys, uint64_t bytes, uint32_t type);
void nd_map_sort(struct nd_map *map);

void nd_fence_add(struct nd_fence *fence, uint64_t phys, uint64_t bytes, uint32_t kind);

/*
 * Firmware that hides its memory shows as a hole right behind RAM between 1 MiB and 4 GiB.
 * Adds each such hole of a sorted map to the fence as UNDI's: a small one whole, of a wide one
 * its beginning.
 */
void nd_fence_find_hidden(struct nd_fence *fence, const struct nd_map *map);

/* Puts the fence's ranges into the map as reserved, for RAM and reserved memory there. */
void nd_fence_apply(struct nd_map *map, const struct nd_fence *fence);

/* Contiguous RAM from 1 MiB up, for INT 15h E801 and 88h. */
uint64_t nd_map_high_ram_end(const struct nd_map *map);

#endif
