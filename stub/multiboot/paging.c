// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * paging.c - the reference kernel's own page tables.  Long mode.
 *
 * The tables come from a pool in the kernel's image, which is mapped one to one, so a
 * table's address is its physical address before and after the switch.
 */
#include "stub/multiboot/paging.h"

#include <stddef.h>

#include "stub/multiboot/ram.h"

#define POOL_TABLES 160 /* one per GiB of RAM and some: about 140 GiB */
#define ENTRIES     512
#define P_USED      0x03ull /* present, writable */
#define P_LARGE     0x80ull
#define P_ADDRESS   0x000FFFFFFFFFF000ull
#define LARGE_BYTES 0x200000ull

typedef uint64_t nd_table[ENTRIES];

static nd_table pool[POOL_TABLES] __attribute__((aligned(4096)));
static uint32_t pool_used = 1; /* the first is the root */

uint64_t *nd_paging_table(void)
{
	return pool_used < POOL_TABLES ? pool[pool_used++] : NULL;
}

static uint64_t *table_below(uint64_t *entry)
{
	if (*entry & P_LARGE)
		return NULL;
	if (!(*entry & 1)) {
		uint64_t *table = nd_paging_table();

		if (!table)
			return NULL;
		*entry = (uint64_t)(uintptr_t)table | P_USED;
	}
	return (uint64_t *)(uintptr_t)(*entry & P_ADDRESS);
}

/* The entry for lin at level 1 (4 KiB) or 2 (2 MiB); NULL: no tables left. */
static uint64_t *entry_at(uint64_t *table, unsigned int levels, uint64_t lin, unsigned int level)
{
	for (unsigned int at = levels; at > level; at--) {
		table = table_below(&table[(lin >> (12 + 9 * (at - 1))) % ENTRIES]);
		if (!table)
			return NULL;
	}
	return &table[(lin >> (12 + 9 * (level - 1))) % ENTRIES];
}

bool nd_paging_map_below(uint64_t *root, unsigned int levels, uint64_t lin, uint64_t phys,
			 uint64_t bytes)
{
	while (bytes) {
		bool large = (lin | phys) % LARGE_BYTES == 0 && bytes >= LARGE_BYTES;
		uint64_t step = large ? LARGE_BYTES : ND_PAGE_BYTES;
		uint64_t *entry = entry_at(root, levels, lin, large ? 2 : 1);

		if (!entry)
			return false;
		*entry = phys | P_USED | (large ? P_LARGE : 0);
		lin += step;
		phys += step;
		bytes -= step;
	}
	return true;
}

bool nd_paging_map(uint64_t lin, uint64_t phys, uint64_t bytes)
{
	return nd_paging_map_below(pool[0], 4, lin, phys, bytes);
}

uint64_t nd_paging_cr3(void)
{
	return (uint64_t)(uintptr_t)pool[0];
}

void nd_paging_use(void)
{
	__asm__ volatile("mov %0, %%cr3" : : "r"(nd_paging_cr3()) : "memory");
}
