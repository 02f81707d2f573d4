// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * edu.c - DMA by QEMU's edu device (docs/specs/edu.txt there).  Long mode.
 *
 * What it wrote to fenced memory the kernel cannot see: the seal tells at the crash.
 */
#include "stub/multiboot/edu.h"

#include <stddef.h>

#include "stub/common/phys.h"
#include "stub/common/port.h"
#include "stub/common/serial.h"
#include "stub/multiboot/iommu.h"
#include "stub/multiboot/paging.h"
#include "stub/multiboot/ram.h"

#define EDU_ID         0x11E81234u
#define CONFIG_ADDRESS 0xCF8
#define CONFIG_DATA    0xCFC
#define PCI_COMMAND    0x04
#define PCI_BAR0       0x10
#define MEMORY_MASTER  0x06
#define DMA_FROM       0x80
#define DMA_TO         0x88
#define DMA_BYTES      0x90
#define DMA_COMMAND    0x98
#define DMA_RUN        1u
#define DMA_TO_MEMORY  2u
#define BUFFER         0x40000 /* the device's own, as it sees it itself */
#define POLLS_MAX      100000000u
#define PATTERN        0x5EED0EDAu
#define PATTERN_BYTES  64

static uint32_t page[2][ND_PAGE_BYTES / 4] __attribute__((aligned(4096)));
static volatile uint8_t *edu;

static uint32_t config_read(uint32_t bdf, uint32_t at)
{
	nd_outl(CONFIG_ADDRESS, 0x80000000u | bdf << 8 | at);
	return nd_inl(CONFIG_DATA);
}

static bool edu_open(void)
{
	for (uint32_t bdf = 0; bdf < 256; bdf++) {
		uint32_t bar;

		if (config_read(bdf, 0) != EDU_ID)
			continue;
		bar = config_read(bdf, PCI_BAR0) & ~15u;
		nd_outl(CONFIG_ADDRESS, 0x80000000u | bdf << 8 | PCI_COMMAND);
		nd_outl(CONFIG_DATA, MEMORY_MASTER);
		edu = nd_at_phys(bar);
		return nd_paging_map(bar, bar, ND_PAGE_BYTES);
	}
	return false;
}

static void transfer(uint64_t from, uint64_t to, uint64_t direction)
{
	*(volatile uint64_t *)(edu + DMA_FROM) = from;
	*(volatile uint64_t *)(edu + DMA_TO) = to;
	*(volatile uint64_t *)(edu + DMA_BYTES) = PATTERN_BYTES;
	*(volatile uint64_t *)(edu + DMA_COMMAND) = DMA_RUN | direction;
	for (uint32_t i = 0; i < POLLS_MAX; i++)
		if (!(*(volatile uint64_t *)(edu + DMA_COMMAND) & DMA_RUN))
			return;
	nd_serial_print("ref: edu does not come to an end\n");
}

void nd_edu_check(uint32_t fenced_phys)
{
	volatile uint32_t *came = page[1];

	if (!edu_open()) {
		nd_serial_print("ref: no edu\n");
		return;
	}
	page[0][0] = PATTERN;
	transfer((uintptr_t)page[0], BUFFER, 0);
	transfer(BUFFER, (uintptr_t)page[1], DMA_TO_MEMORY);
	nd_serial_print("ref: dma to own memory %s\n", *came == PATTERN ? "done" : "failed");
	nd_iommu_print_fault();
	if (!fenced_phys)
		return;
	transfer(BUFFER, fenced_phys, DMA_TO_MEMORY);
	nd_serial_print("ref: dma to fenced memory tried\n");
	nd_iommu_print_fault();
}
