// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * iommu.c - legacy-mode VT-d translation, as a system sets it up.  Long mode.
 *
 * Intel VT-d 4.1 sections 9.1 (root entry), 9.3 (context entry), 9.8 (second-stage tables:
 * present is read and write, the large page's bit is a CPU's), 11.4 (registers).
 */
#include "stub/multiboot/iommu.h"

#include <stddef.h>

#include "stub/common/phys.h"
#include "stub/common/serial.h"
#include "stub/multiboot/paging.h"

#define REGISTERS_BYTES 0x1000
#define CAP             0x08
#define CAP_48_BITS     (1u << 10) /* tables of four levels; else of three, 39 bits */
#define CAP_LARGE_PAGES (1ull << 34)
#define ECAP            0x10
#define COMMAND         0x18
#define STATUS          0x1C
#define STATUS_TE       (1u << 31)
#define STATUS_ROOT     (1u << 30)
#define ROOT            0x20
#define CONTEXT_COMMAND 0x28
#define CONTEXT_ALL     (1ull << 63 | 1ull << 61)
#define IOTLB_ALL       (1ull << 63 | 1ull << 60)
#define INVALIDATES     (1ull << 63)
#define FAULT_RECORDED  (1ull << 63)
#define PRESENT         1ull
#define DOMAIN          (1ull << 8)
#define POLLS_MAX       1000000u
#define FUNCTIONS       256

static volatile uint8_t *unit; /* NULL: not switched on */

static volatile uint64_t *reg64(uint32_t at)
{
	return (volatile uint64_t *)(unit + at);
}

static volatile uint32_t *reg32(uint32_t at)
{
	return (volatile uint32_t *)(unit + at);
}

static void command(uint32_t bit)
{
	*reg32(COMMAND) = (*reg32(STATUS) & STATUS_TE) | bit;
	for (uint32_t i = 0; i < POLLS_MAX && !(*reg32(STATUS) & bit); i++)
		;
}

static void invalidate(uint32_t at, uint64_t what)
{
	*reg64(at) = what;
	for (uint32_t i = 0; i < POLLS_MAX && (*reg64(at) & INVALIDATES); i++)
		;
}

/* The tables of all devices; NULL: no pages left. */
static uint64_t *domain_make(unsigned int levels, const struct nd_ram *ram)
{
	uint64_t *root = nd_paging_table();

	for (uint32_t i = 0; root && i < ram->count; i++) {
		uint64_t phys = ram->range[i].from_phys;

		if (!nd_paging_map_below(root, levels, phys, phys, ram->range[i].to_phys - phys))
			return NULL;
	}
	return root;
}

void nd_iommu_on(uint64_t phys, const struct nd_ram *ram)
{
	uint64_t *buses, *functions, *domain;
	unsigned int levels;

	if (!phys || !nd_paging_map(phys, phys, REGISTERS_BYTES)) {
		nd_serial_print("ref: no iommu\n");
		return;
	}
	unit = nd_at_phys(phys);
	levels = *reg64(CAP) & CAP_48_BITS ? 4 : 3;
	buses = nd_paging_table();
	functions = nd_paging_table();
	domain = domain_make(levels, ram);
	if (!buses || !functions || !domain || !(*reg64(CAP) & CAP_LARGE_PAGES)) {
		nd_serial_print("ref: iommu not usable\n");
		unit = NULL;
		return;
	}
	buses[0] = (uint64_t)(uintptr_t)functions | PRESENT;
	for (uint32_t i = 0; i < FUNCTIONS; i++) {
		functions[2 * i] = (uint64_t)(uintptr_t)domain | PRESENT;
		functions[2 * i + 1] = DOMAIN | (levels - 2);
	}
	*reg64(ROOT) = (uint64_t)(uintptr_t)buses;
	command(STATUS_ROOT);
	invalidate(CONTEXT_COMMAND, CONTEXT_ALL);
	invalidate((uint32_t)(*reg64(ECAP) >> 8 & 0x3FF) * 16 + 8, IOTLB_ALL);
	command(STATUS_TE);
	nd_serial_print("ref: iommu %X on, status %x\n", phys, *reg32(STATUS));
}

void nd_iommu_print_fault(void)
{
	uint32_t at;

	if (!unit)
		return;
	at = (uint32_t)(*reg64(CAP) >> 24 & 0x3FF) * 16;
	if (*reg64(at + 8) & FAULT_RECORDED)
		nd_serial_print("ref: iommu refused %X to device %x\n", *reg64(at),
				(uint32_t)(*reg64(at + 8) & 0xFFFF));
}
