// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * memory.c - the crashed system's memory, page by page.  Long mode.
 *
 * Below 4 GiB the identity map has it.  Above, 1 GiB is shown at a time through a
 * window of 2 MiB pages: one page directory serves any amount of memory, on CPUs
 * with and without 1 GiB pages.
 */
#include "dini/memory.h"

#include <stdbool.h>
#include <stddef.h>

#include "dini/boot.h"
#include "dini/io.h"
#include "dini/quiesce.h"
#include "netdump/wire.h"

#define LARGE_PAGE_BYTES 0x200000ull
#define LARGE_PRESENT    0x81ull /* read-only: the dump writes to nothing */
#define FOUR_GIB         0x100000000ull

static const struct nd_range *ranges;
static unsigned int range_count;
static uint64_t phys_limit;
static uint64_t window_phys; /* what it shows; 0: nothing, below 4 GiB it is not used */

void nd_memory_init(const struct nd_range *map, unsigned int count)
{
	uint32_t bits = 36;

	if (nd_cpuid(0x80000000).eax >= 0x80000008)
		bits = nd_cpuid(0x80000008).eax & 0xFF;
	if (bits > 52)
		bits = 52;
	phys_limit = 1ull << bits;
	ranges = map;
	range_count = count;
}

uint64_t nd_memory_limit_phys(void)
{
	return phys_limit;
}

static bool range_holds(const struct nd_range *r, uint64_t phys)
{
	return phys >= r->phys && r->bytes >= ND_PAGE_BYTES &&
	       phys - r->phys <= r->bytes - ND_PAGE_BYTES;
}

static bool range_touches(const struct nd_range *r, uint64_t phys)
{
	return phys >= r->phys ? phys - r->phys < r->bytes
			       : r->phys - phys < ND_PAGE_BYTES && r->bytes;
}

/* Fenced memory wins over RAM: nothing of it leaves the machine. */
static bool is_readable(uint64_t phys)
{
	const struct nd_range *ram = NULL;

	if (phys > phys_limit - ND_PAGE_BYTES)
		return false;
	for (unsigned int i = 0; i < range_count; i++) {
		if (ranges[i].kind != ND_RANGE_RAM) {
			if (range_touches(&ranges[i], phys))
				return false;
		} else if (!ram && range_holds(&ranges[i], phys)) {
			ram = &ranges[i];
		}
	}
	return ram;
}

static const void *window_page(uint64_t phys)
{
	uint64_t base = phys & ~(ND_WINDOW_BYTES - 1);

	if (base != window_phys) {
		uint64_t cr3;

		for (unsigned int i = 0; i < 512; i++)
			nd_window_directory[i] = (base + i * LARGE_PAGE_BYTES) | LARGE_PRESENT;
		__asm__ volatile("mov %%cr3, %0; mov %0, %%cr3" : "=r"(cr3) : : "memory");
		window_phys = base;
	}
	return (const void *)(uintptr_t)(ND_WINDOW_LINEAR + (phys - base));
}

const void *nd_memory_page(void *unused, uint64_t phys)
{
	(void)unused;
	if (!is_readable(phys))
		return NULL;
	if (phys == 0 && nd_quiesce_page0())
		return nd_quiesce_page0();
	if (phys < FOUR_GIB)
		return nd_low((uint32_t)phys);
	return window_page(phys);
}
