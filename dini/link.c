// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * link.c - see link.h.  Registers: PCI Express 4.0 section 7.5.3.  Long mode, or hosted.
 */
#include "dini/link.h"

#include "dini/clock.h"
#include "dini/config.h"
#include "dini/pci.h"

#define UP_MS    1000 /* for a link to come up */
#define READY_MS 100  /* behind a link that is up */

static uint32_t type_of(const struct nd_pci_copy *copy, unsigned int at)
{
	return nd_pci_copy_read(copy, at + EXPRESS_TYPE) >> 20 & 15;
}

/* Where its link's registers are, 0: it has none. */
static unsigned int link_at(const struct nd_pci_copy *copy)
{
	unsigned int at = nd_pci_cap(copy, CAP_EXPRESS, EXPRESS_LINK_BYTES);
	uint32_t type = at ? type_of(copy, at) : EXPRESS_IN_ROOT;

	return type == EXPRESS_IN_ROOT || type == EXPRESS_ROOT_EVENTS ? 0 : at;
}

bool nd_link_is_port(const struct nd_pci_copy *copy)
{
	unsigned int at = link_at(copy);
	uint32_t type = at ? type_of(copy, at) : EXPRESS_IN_ROOT;

	return type == EXPRESS_ROOT_PORT || type == EXPRESS_DOWN_PORT;
}

/* Status bits, in the upper half, clear by 1. */
void nd_link_control(const struct nd_pci_copy *copy, uint32_t mask, uint32_t bits)
{
	unsigned int at = link_at(copy);
	uint32_t boot = at ? nd_pci_copy_read(copy, at + EXPRESS_LINK_CONTROL) & 0xFFFF : 0;

	mask |= LINK_OFF | LINK_RETRAIN;
	if (at)
		nd_config_write(copy->bdf, at + EXPRESS_LINK_CONTROL, (boot & ~mask) | bits);
}

void nd_link_off(const struct nd_pci_copy *port)
{
	nd_link_control(port, 0, LINK_OFF);
}

void nd_link_on(const struct nd_pci_copy *port)
{
	nd_link_control(port, 0, 0);
	nd_link_control(port, 0, LINK_RETRAIN);
	nd_link_wait(port);
}

/* A port that cannot tell when its link is up is slow enough for the fixed time. */
void nd_link_wait(const struct nd_pci_copy *port)
{
	unsigned int at = link_at(port);

	if (nd_pci_copy_read(port, at + EXPRESS_LINK_CAPS) & LINK_TELLS_ACTIVE)
		nd_pci_await(port->bdf, at + EXPRESS_LINK_CONTROL, LINK_ACTIVE, true, UP_MS);
	nd_clock_wait_ms(READY_MS);
}

bool nd_link_restore(const struct nd_pci_copy *bridge)
{
	unsigned int at = link_at(bridge);
	uint32_t now = at ? nd_config_read(bridge->bdf, at + EXPRESS_LINK_CONTROL) : 0;

	if ((now & LINK_OFF) && nd_link_is_port(bridge)) {
		nd_link_on(bridge);
		return true;
	}
	nd_link_control(bridge, LINK_ASPM, now & LINK_ASPM);
	return false;
}
