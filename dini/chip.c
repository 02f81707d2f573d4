// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * chip.c - see chip.h.  Long mode, memory below 4 GiB mapped as it is.
 */
#include "dini/chip.h"

#include <stdbool.h>
#include <string.h>

#include "dini/clock.h"
#include "dini/config.h"
#include "dini/io.h"
#include "dini/pci.h"

#define BAR_IS_IO   1u
#define BAR_TYPE    6u
#define BAR_IS_64   4u
#define BAR_ADDRESS 0xFFFFFFF0u

#define RTL8139  0x813910ECu
#define RTL_CPCR 0xE0

/* DP8390, as in an NE2000: "Register Descriptions" of its data sheet. */
#define RTL8029        0x802910ECu
#define NE_COMMAND     0x0
#define NE_PSTART      0x1
#define NE_PSTOP       0x2
#define NE_BNRY        0x3
#define NE_PAR0        0x1 /* of page 1: the first byte of six */
#define NE_CURR        0x7 /* of page 1 */
#define NE_RBCR0       0xA
#define NE_RBCR1       0xB
#define NE_ISR         0x7
#define NE_RCR         0xC
#define NE_TCR         0xD
#define NE_IMR         0xF
#define NE_STOP        0x21 /* no remote DMA */
#define NE_START       0x22
#define NE_PAGE_1      0x40
#define NE_BROADCASTS  0x04 /* received, too */
#define NE_STOPPING_MS 2    /* 1.6, for a frame that is under way */

#define I82540EM  0x100E8086u
#define I82574L   0x10D38086u
#define CTRL      0x0000
#define CTRL_VME  0x40000000u
#define RCTL      0x0100
#define RCTL_VFE  0x00040000u
#define TARC0     0x3840
#define RFCTL     0x5008
#define ALL_OF_IT 0xFFFFFFFFu

/*
 * Bits of registers behind BAR 0 that a driver changes, firmware relies on, and the
 * chip's reset by register forgets to put back: QEMU's 82574L before 8.1, and its 82540EM.
 */
static const struct {
	uint32_t id, at, bits, value;
} mends[] = {
	/* descriptors of the extended kind stay on, */
	{I82574L, RFCTL, ALL_OF_IT, 0},
	/* and a transmit queue that was taken out of arbitration stays out */
	{I82574L, TARC0, ALL_OF_IT, 0x403},
	/* tags are taken from frames, and other VLANs dropped: firmware may tag by itself */
	{I82574L, CTRL, CTRL_VME, 0},
	{I82574L, RCTL, RCTL_VFE, 0},
	{I82540EM, CTRL, CTRL_VME, 0},
	{I82540EM, RCTL, RCTL_VFE, 0},
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
static void rtl_mend(uint16_t port, uint16_t rings)
{
	nd_outw(port + RTL_CPCR, rings);
}

static bool mac_is_known(const uint8_t mac[6])
{
	static const uint8_t zeros[6];

	return memcmp(mac, zeros, sizeof zeros) != 0;
}

/*
 * Firmware sets an NE2000 up once, when it finds it, and goes on with that ring; a driver has one
 * of its own, and leaves the chip in loopback, deaf but for its own address.  Now the ring is
 * the firmware's again, and empty: BNRY is the page before the next one to be read, CURR that one.
 */
static void ne_mend(uint16_t port, uint16_t ring, const uint8_t mac[6])
{
	uint8_t start = (uint8_t)ring, stop = (uint8_t)(ring >> 8);

	nd_outb(port + NE_COMMAND, NE_STOP);
	nd_outb(port + NE_RBCR0, 0); /* or it does not stop */
	nd_outb(port + NE_RBCR1, 0);
	nd_clock_wait_ms(NE_STOPPING_MS);
	nd_outb(port + NE_PSTART, start);
	nd_outb(port + NE_PSTOP, stop);
	nd_outb(port + NE_BNRY, start);
	nd_outb(port + NE_RCR, NE_BROADCASTS);
	nd_outb(port + NE_TCR, 0);
	nd_outb(port + NE_IMR, 0);
	nd_outb(port + NE_ISR, 0xFF);
	nd_outb(port + NE_COMMAND, NE_STOP | NE_PAGE_1);
	nd_outb(port + NE_CURR, start + 1);
	for (unsigned int i = 0; i < 6 && mac_is_known(mac); i++)
		nd_outb((uint16_t)(port + NE_PAR0 + i), mac[i]);
	nd_outb(port + NE_COMMAND, NE_START);
}

/* Chips that have their registers behind ports: BAR 0, where it is as it was at boot. */
static void port_mend(const struct nd_pci_copy *nic, const uint8_t mac[6])
{
	uint32_t id = nd_pci_copy_read(nic, PCI_ID), bar = nd_pci_copy_read(nic, PCI_BAR0);
	uint16_t port = (uint16_t)(bar & ~3u);

	if (!nic->chip || !(bar & BAR_IS_IO) || !is_kept(nic, PCI_BAR0))
		return;
	if (id == RTL8139)
		rtl_mend(port, nic->chip);
	else if (id == RTL8029)
		ne_mend(port, nic->chip, mac);
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

static void memory_mend(const struct nd_pci_copy *nic)
{
	uint32_t id = nd_pci_copy_read(nic, PCI_ID), phys = memory_phys(nic);

	for (unsigned int i = 0; phys && i < sizeof mends / sizeof mends[0]; i++) {
		volatile uint32_t *reg = nd_low(phys + mends[i].at);

		if (id == mends[i].id)
			*reg = (*reg & ~mends[i].bits) | mends[i].value;
	}
}

void nd_chip_mend(const struct nd_pci_copy *nic, const uint8_t mac[6])
{
	if (!nd_pci_is_itself(nic))
		return;
	port_mend(nic, mac);
	memory_mend(nic);
}
