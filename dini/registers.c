// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * registers.c - two large pages that show a device's registers.  Long mode.
 *
 * Uncached by the page table itself: PWT and PCD together mean that in every page attribute
 * table that is in use, the CPU's own at reset and Linux's among them, whatever the MTRRs say.
 */
#include "dini/registers.h"

#include <stddef.h>

#include "dini/boot.h"
#include "dini/console.h"
#include "dini/memory.h"

#define LARGE_PAGE_BYTES 0x200000ull
#define LARGE_UNCACHED   0x9Bull /* present, writable, PWT, PCD, large */

volatile void *nd_registers_map(uint64_t phys)
{
	uint64_t base = phys & ~(LARGE_PAGE_BYTES - 1);
	uint64_t cr3;

	if (phys >= nd_memory_limit_phys() - 2 * LARGE_PAGE_BYTES) {
		nd_say("registers %lx: this CPU has no such address", phys);
		return NULL;
	}
	nd_registers_directory[0] = base | LARGE_UNCACHED;
	nd_registers_directory[1] = (base + LARGE_PAGE_BYTES) | LARGE_UNCACHED;
	__asm__ volatile("mov %%cr3, %0; mov %0, %%cr3" : "=r"(cr3) : : "memory");
	return (volatile void *)(uintptr_t)(ND_REGISTERS_LINEAR + (phys - base));
}

uint32_t nd_reg32(const volatile void *base, uint32_t at)
{
	return *(const volatile uint32_t *)((const volatile char *)base + at);
}

void nd_reg32_set(volatile void *base, uint32_t at, uint32_t value)
{
	*(volatile uint32_t *)((volatile char *)base + at) = value;
}

uint64_t nd_reg64(const volatile void *base, uint32_t at)
{
	return *(const volatile uint64_t *)((const volatile char *)base + at);
}

void nd_reg64_set(volatile void *base, uint32_t at, uint64_t value)
{
	*(volatile uint64_t *)((volatile char *)base + at) = value;
}
