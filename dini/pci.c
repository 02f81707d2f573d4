// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pci.c - what the system changed in configuration space is put back.  Long mode,
 * paging irrelevant.
 */
#include "dini/pci.h"

#include <string.h>

#include "dini/clock.h"
#include "dini/config.h"
#include "dini/console.h"
#include "dini/link.h"

#define CAPS_FIRST  0x40
#define CAPS_MAX    48
#define D3_TO_D0_MS 10
#define ANSWER_MS   1000
#define POLL_MS     5

uint32_t nd_pci_copy_read(const struct nd_pci_copy *copy, unsigned int at)
{
	uint32_t value;

	memcpy(&value, copy->config + (at & 0xFC), sizeof value);
	return value;
}

unsigned int nd_pci_cap(const struct nd_pci_copy *copy, uint8_t id, unsigned int bytes)
{
	unsigned int at = copy->config[PCI_CAP_POINTER] & 0xFC;

	if (!(nd_pci_copy_read(copy, PCI_COMMAND) & PCI_STATUS_CAPS))
		return 0;
	for (unsigned int i = 0; i < CAPS_MAX && at >= CAPS_FIRST; i++) {
		if (copy->config[at] == id)
			return at + bytes <= sizeof copy->config ? at : 0;
		at = copy->config[at + 1] & 0xFC;
	}
	return 0;
}

bool nd_pci_is_bridge(const struct nd_pci_copy *copy)
{
	return (copy->config[PCI_HEADER_TYPE] & 0x7F) == 1;
}

bool nd_pci_is_itself(const struct nd_pci_copy *copy)
{
	return nd_config_read(copy->bdf, PCI_ID) == nd_pci_copy_read(copy, PCI_ID);
}

bool nd_pci_await(uint16_t bdf, unsigned int at, uint32_t mask, bool set, uint32_t most_ms)
{
	uint64_t begin_ms = nd_clock_ms();

	while (!(nd_config_read(bdf, at) & mask) == set) {
		if (nd_clock_ms() - begin_ms >= most_ms)
			return false;
		nd_clock_wait_ms(POLL_MS);
	}
	return true;
}

void nd_pci_command(uint16_t bdf, uint32_t command)
{
	nd_config_write(bdf, PCI_COMMAND, command & 0xFFFF);
}

/* What is not ready yet swallows the write, so each question comes with one. */
bool nd_pci_answers(const struct nd_pci_copy *copy)
{
	uint64_t begin_ms = nd_clock_ms();

	for (;;) {
		nd_pci_command(copy->bdf, 0);
		if (nd_pci_is_itself(copy))
			return true;
		if (nd_clock_ms() - begin_ms >= ANSWER_MS)
			return false;
		nd_clock_wait_ms(POLL_MS);
	}
}

/*
 * On the way to D0 many functions reset themselves: deaf before, and a write first after it,
 * as with any reset.
 */
static void power_up(const struct nd_pci_copy *copy)
{
	unsigned int at = nd_pci_cap(copy, CAP_PM, 8);
	uint32_t control;

	nd_pci_command(copy->bdf, 0); /* nothing decodes while its addresses change */
	if (!at)
		return;
	control = nd_config_read(copy->bdf, at + PM_CONTROL);
	if (!(control & PM_STATE))
		return;
	nd_config_write(copy->bdf, at + PM_CONTROL, control & ~(PM_STATE | PM_CLEARS_BY_ONE));
	nd_clock_wait_ms(D3_TO_D0_MS);
	nd_pci_answers(copy);
}

/* The firmware polls, and knows nothing of messages that a driver switched on. */
static void messages_off(const struct nd_pci_copy *copy)
{
	unsigned int msi = nd_pci_cap(copy, CAP_MSI, 4);
	unsigned int msix = nd_pci_cap(copy, CAP_MSIX, 4);

	if (msi)
		nd_config_write(copy->bdf, msi, nd_config_read(copy->bdf, msi) & ~0x00010000u);
	if (msix)
		nd_config_write(copy->bdf, msix, nd_config_read(copy->bdf, msix) & ~0x80000000u);
}

/* Payload sizes have to agree on both ends of a link; device status clears by 1. */
static void express_restore(const struct nd_pci_copy *copy)
{
	unsigned int at = nd_pci_cap(copy, CAP_EXPRESS, EXPRESS_DEVICE_BYTES);
	unsigned int at_2 = nd_pci_cap(copy, CAP_EXPRESS, EXPRESS_2_BYTES);

	if (at)
		nd_config_write(copy->bdf, at + EXPRESS_DEVICE_CONTROL,
				nd_pci_copy_read(copy, at + EXPRESS_DEVICE_CONTROL) & 0x7FFF);
	if (at_2 && (nd_pci_copy_read(copy, at_2 + EXPRESS_TYPE) >> 16 & 15) >= 2)
		nd_config_write(copy->bdf, at_2 + EXPRESS_2_CONTROL,
				nd_pci_copy_read(copy, at_2 + EXPRESS_2_CONTROL) & 0xFFFF);
}

/* L1 goes off from the NIC upwards, and on from the root downwards (PCI Express 4.0, 5.4.1.3). */
static void aspm_restore(const struct nd_pci_copy *copy, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		if (nd_pci_is_itself(&copy[i]))
			nd_link_control(&copy[i], LINK_ASPM, 0);
	for (unsigned int i = count; i-- > 0;)
		if (nd_pci_is_itself(&copy[i]))
			nd_link_control(&copy[i], 0, 0);
}

static void bridge_restore(const struct nd_pci_copy *copy)
{
	nd_config_write(copy->bdf, BRIDGE_BUSES, nd_pci_copy_read(copy, BRIDGE_BUSES));
	nd_config_write(copy->bdf, BRIDGE_WINDOWS, nd_pci_copy_read(copy, BRIDGE_WINDOWS) & 0xFFFF);
	for (unsigned int at = 0x20; at <= 0x30; at += 4)
		nd_config_write(copy->bdf, at, nd_pci_copy_read(copy, at));
	nd_config_write(copy->bdf, BRIDGE_CONTROL,
			nd_pci_copy_read(copy, BRIDGE_CONTROL) & ~BRIDGE_CLEARS_BY_ONE);
}

static void function_restore(const struct nd_pci_copy *copy)
{
	bool is_bridge = nd_pci_is_bridge(copy);
	unsigned int last_bar = is_bridge ? 0x14 : 0x24;

	power_up(copy);
	messages_off(copy);
	nd_config_write(copy->bdf, PCI_CACHE_LINE, nd_pci_copy_read(copy, PCI_CACHE_LINE) & 0xFFFF);
	for (unsigned int at = PCI_BAR0; at <= last_bar; at += 4)
		nd_config_write(copy->bdf, at, nd_pci_copy_read(copy, at));
	express_restore(copy);
	if (is_bridge) {
		bridge_restore(copy);
	} else {
		nd_config_write(copy->bdf, 0x30, nd_pci_copy_read(copy, 0x30)); /* expansion ROM */
		nd_config_write(copy->bdf, PCI_INTERRUPT, nd_pci_copy_read(copy, PCI_INTERRUPT));
	}
	nd_pci_command(copy->bdf,
		       nd_pci_copy_read(copy, PCI_COMMAND) & ~(is_bridge ? 0 : PCI_MASTER));
}

static bool found(const struct nd_pci_copy *copy)
{
	if (nd_pci_is_itself(copy))
		return true;
	nd_say("pci %x: is %x, was %x, left alone", copy->bdf, nd_config_read(copy->bdf, PCI_ID),
	       nd_pci_copy_read(copy, PCI_ID));
	return false;
}

void nd_pci_silence(const struct nd_pci_copy *copy, unsigned int count)
{
	if (count && found(&copy[0]))
		nd_pci_command(copy->bdf, PCI_LINE_OFF);
}

void nd_pci_line_off(const struct nd_pci_copy *copy)
{
	if (found(copy))
		nd_pci_command(copy->bdf, nd_config_read(copy->bdf, PCI_COMMAND) | PCI_LINE_OFF);
}

/*
 * A bridge must pass configuration cycles before what is behind it can be reached,
 * so the far bridge comes first.
 */
static void bridges_restore(const struct nd_pci_copy *copy, unsigned int count)
{
	for (unsigned int i = count; i-- > 1;) {
		if (!found(&copy[i]))
			continue;
		function_restore(&copy[i]);
		if (nd_link_restore(&copy[i]))
			nd_pci_answers(&copy[i - 1]); /* which that has reset */
	}
}

void nd_pci_reach(const struct nd_pci_copy *copy, unsigned int count)
{
	bridges_restore(copy, count);
	if (!count || !found(&copy[0]))
		return;
	power_up(&copy[0]);
	nd_link_control(&copy[0], LINK_ASPM, 0);
}

void nd_pci_restore(const struct nd_pci_copy *copy, unsigned int count)
{
	bridges_restore(copy, count);
	if (count && found(&copy[0]))
		function_restore(&copy[0]);
	aspm_restore(copy, count);
}

void nd_pci_master_on(const struct nd_pci_copy *copy, unsigned int count)
{
	if (count && found(&copy[0]))
		nd_pci_command(copy[0].bdf, nd_pci_copy_read(&copy[0], PCI_COMMAND));
}
