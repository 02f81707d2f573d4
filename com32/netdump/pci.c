/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pci.c - copies the configuration space of the NIC that UNDI drives, and of the
 * bridges above it (PCI 3.0 section 3.2.2.3.2, configuration mechanism 1).
 * 32-bit, PXELINUX running.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <syslinux/pxe.h>

#include "netdump.h"

#define NO_DEVICE 0xffffffffu

#define RTL8139       0x813910ecu
#define RTL8139C_PLUS 0x20 /* the first revision of it */
#define RTL_CPCR      0xe0 /* C+ command register: which kind of rings */

/* DP8390, as in an NE2000: "Register Descriptions" of its data sheet */
#define RTL8029    0x802910ecu
#define NE_COMMAND 0
#define NE_PSTART  1
#define NE_PSTOP   2
#define NE_RUNS    0x03 /* that it does, or that it does not */
#define NE_NO_DMA  0x20
#define NE_PAGE_2  0x80

static uint32_t config_read(uint16_t bdf, uint8_t at)
{
	outl(0x80000000u | (uint32_t)bdf << 8 | (at & 0xfc), 0xcf8);
	return inl(0xcfc);
}

/* The bridge whose secondary bus is `bus`. */
static bool bridge_above(uint8_t bus, uint16_t *bdf)
{
	for (uint32_t i = 0; i < 0x10000; i++) {
		uint16_t at = (uint16_t)i;

		if ((at & 7) && !(config_read(at & ~7, 0x0c) & 0x00800000))
			continue;
		if (config_read(at, 0) == NO_DEVICE)
			continue;
		if ((config_read(at, 0x0c) >> 16 & 0x7f) != 1)
			continue;
		if ((config_read(at, 0x18) >> 8 & 0xff) == bus) {
			*bdf = at;
			return true;
		}
	}
	return false;
}

/* Page 2 of its registers says where the ring of what is received begins and ends.  It may be
 * running or not, and stays so. */
static uint16_t ne_ring(uint16_t port)
{
	uint8_t runs = inb(port + NE_COMMAND) & NE_RUNS, start, stop;

	outb(runs | NE_NO_DMA | NE_PAGE_2, port + NE_COMMAND);
	start = inb(port + NE_PSTART);
	stop = inb(port + NE_PSTOP);
	outb(runs | NE_NO_DMA, port + NE_COMMAND);
	return start + 1 < stop ? (uint16_t)(stop << 8 | start) : 0;
}

/* What firmware sets when it finds its chip, relies on ever after, and a driver changes. */
static uint16_t chip_word(const struct nd_pci_copy *copy)
{
	uint32_t id, bar;
	uint16_t port;

	memcpy(&id, copy->config, 4);
	memcpy(&bar, copy->config + 0x10, 4);
	if (!(bar & 1) || !(copy->config[4] & 1))
		return 0;
	port = (uint16_t)(bar & ~3u);
	if (id == RTL8139 && copy->config[8] >= RTL8139C_PLUS)
		return inw(port + RTL_CPCR);
	if (id == RTL8029)
		return ne_ring(port);
	return 0;
}

/* Up to one more than there is room for. */
static unsigned bridges_above(uint16_t bdf)
{
	unsigned count = 0;

	while (count < ND_PCI_MAX && bdf >> 8 && bridge_above((uint8_t)(bdf >> 8), &bdf))
		count++;
	return count;
}

bool nd_pci_find(uint16_t *bdf)
{
	struct s_PXENV_UNDI_GET_NIC_TYPE *nic = lmalloc(sizeof *nic);
	bool ok;

	if (!nic)
		return false;
	memset(nic, 0, sizeof *nic);
	ok = !pxe_call(PXENV_UNDI_GET_NIC_TYPE, nic) && nic->Status == 0 && nic->NicType == 2;
	*bdf = nic->info.pci.BusDevFunc;
	lfree(nic);
	if (ok && bridges_above(*bdf) > ND_PCI_MAX - 1)
		printf("netdump: note: more than %d bridges above the NIC; those nearest to the "
		       "CPU stay as they are at a crash\n",
		       ND_PCI_MAX - 1);
	return ok;
}

uint32_t nd_pci_copy(uint16_t bdf, struct nd_pci_copy *copy, uint32_t max)
{
	uint32_t count = 0;

	while (count < max) {
		copy[count].bdf = bdf;
		for (unsigned at = 0; at < 256; at += 4) {
			uint32_t value = config_read(bdf, (uint8_t)at);

			memcpy(copy[count].config + at, &value, 4);
		}
		copy[count].chip = chip_word(&copy[count]);
		count++;
		if (!(bdf >> 8) || !bridge_above((uint8_t)(bdf >> 8), &bdf))
			break;
	}
	return count;
}
