// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pci.c - configuration space by ports CF8h and CFCh; what the system changed in it
 * is put back.  Long mode, paging irrelevant.
 */
#include "dini/pci.h"

#include <stdbool.h>
#include <string.h>

#include "dini/clock.h"
#include "dini/console.h"
#include "dini/io.h"

#define CONFIG_ADDRESS 0xCF8
#define CONFIG_DATA    0xCFC
#define CONFIG_ENABLE  0x80000000u

#define PCI_COMMAND     0x04
#define PCI_CACHE_LINE  0x0C
#define PCI_HEADER_TYPE 0x0E
#define PCI_BAR0        0x10
#define PCI_CAP_POINTER 0x34
#define PCI_INTERRUPT   0x3C
#define BRIDGE_BUSES    0x18
#define BRIDGE_WINDOWS  0x1C
#define BRIDGE_CONTROL  0x3C
#define STATUS_CAPS     0x00100000u /* in the dword of PCI_COMMAND */
#define CAP_PM          0x01
#define CAP_MSI         0x05
#define CAP_EXPRESS     0x10
#define CAP_MSIX        0x11
#define CAPS_MAX        48
#define D3_TO_D0_MS     10

static uint32_t config_read(uint16_t bdf, unsigned int at)
{
	nd_outl(CONFIG_ADDRESS, CONFIG_ENABLE | (uint32_t)bdf << 8 | (at & 0xFC));
	return nd_inl(CONFIG_DATA);
}

static void config_write(uint16_t bdf, unsigned int at, uint32_t value)
{
	nd_outl(CONFIG_ADDRESS, CONFIG_ENABLE | (uint32_t)bdf << 8 | (at & 0xFC));
	nd_outl(CONFIG_DATA, value);
}

static uint32_t copy_read(const struct nd_pci_copy *copy, unsigned int at)
{
	uint32_t value;

	memcpy(&value, copy->config + (at & 0xFC), sizeof value);
	return value;
}

/* Where the copy has capability `id`, 0: nowhere.  The copy is sealed, the chip is not. */
static unsigned int cap_find(const struct nd_pci_copy *copy, uint8_t id)
{
	unsigned int at = copy->config[PCI_CAP_POINTER] & 0xFC;

	if (!(copy_read(copy, PCI_COMMAND) & STATUS_CAPS))
		return 0;
	for (unsigned int i = 0; i < CAPS_MAX && at >= 0x40; i++) {
		if (copy->config[at] == id)
			return at;
		at = copy->config[at + 1] & 0xFC;
	}
	return 0;
}

/* Status bits of the dword are write-one-to-clear: never write any back. */
static void command_write(uint16_t bdf, uint32_t command)
{
	config_write(bdf, PCI_COMMAND, command & 0xFFFF);
}

static void power_up(const struct nd_pci_copy *copy)
{
	unsigned int at = cap_find(copy, CAP_PM);
	uint32_t control;

	if (!at)
		return;
	control = config_read(copy->bdf, at + 4);
	if (!(control & 3))
		return;
	config_write(copy->bdf, at + 4, control & ~0x8003u); /* bit 15 clears by 1 */
	nd_clock_wait_ms(D3_TO_D0_MS);
}

/* The firmware polls, and knows nothing of messages that a driver switched on. */
static void messages_off(const struct nd_pci_copy *copy)
{
	unsigned int msi = cap_find(copy, CAP_MSI);
	unsigned int msix = cap_find(copy, CAP_MSIX);

	if (msi)
		config_write(copy->bdf, msi, config_read(copy->bdf, msi) & ~0x00010000u);
	if (msix)
		config_write(copy->bdf, msix, config_read(copy->bdf, msix) & ~0x80000000u);
}

/* Payload sizes have to agree on both ends of a link; device status clears by 1. */
static void express_restore(const struct nd_pci_copy *copy)
{
	unsigned int at = cap_find(copy, CAP_EXPRESS);

	if (at && at <= 0xF4)
		config_write(copy->bdf, at + 8, copy_read(copy, at + 8) & 0x00007FFF);
}

static void bridge_restore(const struct nd_pci_copy *copy)
{
	config_write(copy->bdf, BRIDGE_BUSES, copy_read(copy, BRIDGE_BUSES));
	config_write(copy->bdf, BRIDGE_WINDOWS, copy_read(copy, BRIDGE_WINDOWS) & 0xFFFF);
	for (unsigned int at = 0x20; at <= 0x30; at += 4)
		config_write(copy->bdf, at, copy_read(copy, at));
	config_write(copy->bdf, BRIDGE_CONTROL, copy_read(copy, BRIDGE_CONTROL));
}

static void function_restore(const struct nd_pci_copy *copy, bool is_bridge)
{
	unsigned int last_bar = is_bridge ? 0x14 : 0x24;

	power_up(copy);
	messages_off(copy);
	command_write(copy->bdf, 0); /* nothing decodes while its addresses change */
	config_write(copy->bdf, PCI_CACHE_LINE, copy_read(copy, PCI_CACHE_LINE) & 0xFFFF);
	for (unsigned int at = PCI_BAR0; at <= last_bar; at += 4)
		config_write(copy->bdf, at, copy_read(copy, at));
	express_restore(copy);
	if (is_bridge) {
		bridge_restore(copy);
	} else {
		config_write(copy->bdf, 0x30, copy_read(copy, 0x30)); /* expansion ROM */
		config_write(copy->bdf, PCI_INTERRUPT, copy_read(copy, PCI_INTERRUPT));
	}
	command_write(copy->bdf, copy_read(copy, PCI_COMMAND));
}

/*
 * A bridge must pass configuration cycles before what is behind it can be reached,
 * so the far bridge comes first and the NIC last.  A reset of the function would
 * stand between the bridges and the NIC.
 */
void nd_pci_restore(const struct nd_pci_copy *copy, unsigned int count)
{
	for (unsigned int i = count; i-- > 0;) {
		bool is_bridge = (copy[i].config[PCI_HEADER_TYPE] & 0x7F) == 1;
		uint32_t id;

		id = config_read(copy[i].bdf, 0);
		if (id != copy_read(&copy[i], 0)) {
			nd_say("pci %x: is %x, was %x, left alone", copy[i].bdf, id,
			       copy_read(&copy[i], 0));
			continue;
		}
		function_restore(&copy[i], is_bridge);
	}
}
