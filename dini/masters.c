// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * masters.c - no device writes to memory while that is read, nor anywhere else once an
 * IOMMU no longer says where its addresses are.  Messages that interrupt are such writes, too.
 * And none whose driver is gone holds an interrupt line that the firmware's NIC may share.
 *
 * Every function that there can be is looked at, 65,536 of them: neither bus numbers in bridges
 * nor any list can be believed now.  About 1 us each.  The command register tells what is
 * there, for a virtual function (PCIe 4.0 section 9.3.4) has no vendor ID.
 */
#include "dini/masters.h"

#include <stdbool.h>

#include "dini/config.h"
#include "dini/console.h"
#include "dini/io.h"

#define CLASS_BRIDGE 0x06
#define CLASS_IOMMU  0x0806

#define ISA_DMA_MASKS_1 0x0F
#define ISA_DMA_MASKS_2 0xDE

/*
 * Bridges pass on what is behind them, the NIC's transfers among it, and start none of their
 * own; an IOMMU's own writes end when it is switched off itself.
 */
static bool must_stay(uint16_t bdf)
{
	uint32_t class = nd_config_read(bdf, PCI_CLASS) >> 16;

	return class >> 8 == CLASS_BRIDGE || class == CLASS_IOMMU;
}

/* The PC's own DMA controllers, for floppies and the like; not the line that joins the two. */
static void isa_off(void)
{
	nd_outb(ISA_DMA_MASKS_1, 0x0F);
	nd_outb(ISA_DMA_MASKS_2, 0x0E);
}

void nd_masters_off(void)
{
	unsigned int off = 0, stuck = 0;

	isa_off();
	for (uint32_t i = 0; i <= 0xFFFF; i++) {
		uint16_t bdf = (uint16_t)i;
		uint32_t command = nd_config_read(bdf, PCI_COMMAND);

		if (command == PCI_NO_DEVICE || must_stay(bdf))
			continue;
		nd_config_write(bdf, PCI_COMMAND, (command & 0xFFFF & ~PCI_MASTER) | PCI_LINE_OFF);
		if (!(command & PCI_MASTER))
			continue;
		/* What it wrote before is in memory when this read has been answered. */
		if (nd_config_read(bdf, PCI_COMMAND) & PCI_MASTER)
			stuck++;
		else
			off++;
	}
	nd_say("pci: bus mastering off on %u functions, on %u it stays", off, stuck);
}
