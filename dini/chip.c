// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * chip.c - see chip.h.  Long mode, memory below 4 GiB mapped as it is.
 */
#include "dini/chip.h"

#include <stdbool.h>

#include "dini/config.h"
#include "dini/io.h"
#include "dini/pci.h"

#define BAR_IS_IO   1u
#define BAR_TYPE    6u
#define BAR_IS_64   4u
#define BAR_ADDRESS 0xFFFFFFF0u

#define RTL8139  0x813910ECu
#define RTL_CPCR 0xE0

/*
 * Registers of 32 bits behind BAR 0 that a driver changes, firmware relies on, and
 * the chip's reset by register forgets to put back.
 */
static const struct {
	uint32_t id, at, value;
} mends[] = {
	/* 82574L in QEMU before 8.1: descriptors of the extended kind stay on (RFCTL) */
	{0x10D38086, 0x5008, 0},
	/* and a transmit queue that was taken out of arbitration stays out (TARC0) */
	{0x10D38086, 0x3840, 0x403},
};

static bool is_kept(const struct nd_pci_copy *nic, unsigned int at)
{
	return nd_config_read(nic->bdf, at) == nd_pci_copy_read(nic, at);
}

/*
 * An 8139C+ has two kinds of rings.  Firmware chooses once, when it finds the chip; a driver that
 * leaves goes back to the old kind, whose one ring lies at 0 then: what is received ends in the
 * interrupt vectors.
 */
static void rtl_mend(const struct nd_pci_copy *nic)
{
	uint32_t bar = nd_pci_copy_read(nic, PCI_BAR0);

	if (nd_pci_copy_read(nic, PCI_ID) == RTL8139 && nic->chip && (bar & BAR_IS_IO) &&
	    is_kept(nic, PCI_BAR0))
		nd_outw((uint16_t)((bar & ~3u) + RTL_CPCR), nic->chip);
}

/* Where BAR 0 has memory below 4 GiB, as at boot and now; 0: it has none. */
static uint32_t memory_phys(const struct nd_pci_copy *nic)
{
	uint32_t bar = nd_pci_copy_read(nic, PCI_BAR0);
	bool is_wide = (bar & BAR_TYPE) == BAR_IS_64;

	if ((bar & BAR_IS_IO) || (is_wide && nd_pci_copy_read(nic, PCI_BAR0 + 4)))
		return 0;
	if (!is_kept(nic, PCI_BAR0) || (is_wide && !is_kept(nic, PCI_BAR0 + 4)) ||
	    !(nd_config_read(nic->bdf, PCI_COMMAND) & PCI_MEMORY))
		return 0;
	return bar & BAR_ADDRESS;
}

void nd_chip_mend(const struct nd_pci_copy *nic)
{
	uint32_t phys;

	if (!nd_pci_is_itself(nic))
		return;
	rtl_mend(nic);
	phys = memory_phys(nic);
	for (unsigned int i = 0; phys && i < sizeof mends / sizeof mends[0]; i++)
		if (nd_pci_copy_read(nic, PCI_ID) == mends[i].id)
			*(volatile uint32_t *)nd_low(phys + mends[i].at) = mends[i].value;
}
