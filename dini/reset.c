// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * reset.c - the NIC's resets: PCI Express 4.0 sections 6.6 and 7.5, Advanced Capabilities
 * for Conventional PCI, PCI Power Management 1.2 section 5.4, PCI-to-PCI Bridge 1.2
 * section 3.2.5.18.  Long mode, or hosted: no I/O of its own.
 *
 * Any wait that ends by what hardware says is bounded, for hardware may be what crashed.
 */
#include "dini/reset.h"

#include "dini/clock.h"
#include "dini/config.h"
#include "dini/link.h"
#include "dini/pci.h"

#define PENDING_MS   500  /* for transactions under way; then it is reset all the same */
#define FLR_MS       100  /* no access before that */
#define POWER_MS     10   /* into D3hot, and out of it */
#define LINK_OFF_MS  2    /* twice what is asked for */
#define BUS_RESET_MS 2    /* the same */
#define BUS_READY_MS 1000 /* behind a conventional bus: 2^25 of its clocks */

#define BIT(how) (1u << (how))

/*
 * What NICs promise and do not do.  The list is that of Linux's quirk_no_flr, without the devices
 * that no machine boots from.
 */
static const struct {
	uint16_t vendor, device;
	uint32_t broken;
} quirks[] = {
	{0x8086, 0x1502, BIT(ND_RESET_FLR) | BIT(ND_RESET_AF)}, /* 82579LM */
	{0x8086, 0x1503, BIT(ND_RESET_FLR) | BIT(ND_RESET_AF)}, /* 82579V */
};

const char *nd_reset_name(enum nd_reset how)
{
	static const char *const name[ND_RESETS] = {
		"function level reset", "function level reset of conventional PCI",
		"power off and on", "link off and on", "secondary bus reset"};

	return name[how];
}

static bool is_broken(const struct nd_pci_copy *nic, enum nd_reset how)
{
	uint32_t id = nd_pci_copy_read(nic, PCI_ID);

	for (unsigned int i = 0; i < sizeof quirks / sizeof quirks[0]; i++)
		if (id == ((uint32_t)quirks[i].device << 16 | quirks[i].vendor))
			return quirks[i].broken & BIT(how);
	return false;
}

static unsigned int device_at(const struct nd_pci_copy *copy)
{
	return nd_pci_cap(copy, CAP_EXPRESS, EXPRESS_DEVICE_BYTES);
}

static bool has_flr(const struct nd_pci_copy *nic)
{
	unsigned int at = device_at(nic);

	return at && (nd_pci_copy_read(nic, at + EXPRESS_DEVICE_CAPS) & DEVICE_HAS_FLR);
}

static bool has_af(const struct nd_pci_copy *nic)
{
	unsigned int at = nd_pci_cap(nic, CAP_AF, 8);
	uint32_t both = AF_HAS_FLR | AF_HAS_PENDING;

	return at && (nd_pci_copy_read(nic, at + AF_CAPS) & both) == both;
}

static bool has_power(const struct nd_pci_copy *nic)
{
	unsigned int at = nd_pci_cap(nic, CAP_PM, 8);

	return at && !(nd_pci_copy_read(nic, at + PM_CONTROL) & PM_NO_SOFT_RESET);
}

/* As it was at boot, or by an earlier reset not yet. */
static bool is_nic(const struct nd_pci_copy *nic, uint16_t bdf, uint32_t id)
{
	return bdf == nic->bdf &&
	       (id == nd_pci_copy_read(nic, PCI_ID) || (id & 0xFFFF) == PCI_NOT_READY);
}

/* Below a port there is one device only, and some answer for all 32. */
static bool is_alone(const struct nd_pci_copy *nic, const struct nd_pci_copy *bridge)
{
	unsigned int functions = nd_link_is_port(bridge) ? 8 : 256;

	for (unsigned int i = 0; i < functions; i++) {
		uint16_t bdf = (uint16_t)((nic->bdf & 0xFF00) | i);
		uint32_t id = nd_config_read(bdf, PCI_ID);

		if (id != PCI_NO_DEVICE && !is_nic(nic, bdf, id))
			return false;
	}
	return true;
}

static bool has_bridge(const struct nd_pci_copy *copy, unsigned int count)
{
	return count > 1 && nd_pci_is_bridge(&copy[1]) && nd_pci_is_itself(&copy[1]) &&
	       (nd_pci_copy_read(&copy[1], BRIDGE_BUSES) >> 8 & 0xFF) == copy[0].bdf >> 8 &&
	       is_alone(&copy[0], &copy[1]);
}

bool nd_reset_can(const struct nd_pci_copy *copy, unsigned int count, enum nd_reset how)
{
	if (!count || is_broken(&copy[0], how))
		return false;
	switch (how) {
	case ND_RESET_FLR:
		return has_flr(&copy[0]) && nd_pci_is_itself(&copy[0]);
	case ND_RESET_AF:
		return has_af(&copy[0]) && nd_pci_is_itself(&copy[0]);
	case ND_RESET_POWER:
		return has_power(&copy[0]) && nd_pci_is_itself(&copy[0]);
	case ND_RESET_LINK:
		return has_bridge(copy, count) && nd_link_is_port(&copy[1]);
	case ND_RESET_BUS:
		return has_bridge(copy, count);
	default:
		return false;
	}
}

/* Lets what the NIC has begun come to its end, and nothing new begin. */
static void settle(const struct nd_pci_copy *nic)
{
	unsigned int express = device_at(nic);
	unsigned int af = nd_pci_cap(nic, CAP_AF, 8);

	nd_pci_command(nic->bdf, 0);
	if (express)
		nd_pci_await(nic->bdf, express + EXPRESS_DEVICE_CONTROL, DEVICE_PENDING, false,
			     PENDING_MS);
	else if (af)
		nd_pci_await(nic->bdf, af + AF_CONTROL, AF_PENDING, false, PENDING_MS);
}

static void run_flr(const struct nd_pci_copy *nic)
{
	unsigned int at = device_at(nic) + EXPRESS_DEVICE_CONTROL;

	nd_config_write(nic->bdf, at, (nd_pci_copy_read(nic, at) & 0xFFFF) | DEVICE_FLR);
	nd_clock_wait_ms(FLR_MS);
}

static void run_af(const struct nd_pci_copy *nic)
{
	nd_config_write(nic->bdf, nd_pci_cap(nic, CAP_AF, 8) + AF_CONTROL, AF_FLR);
	nd_clock_wait_ms(FLR_MS);
}

static void run_power(const struct nd_pci_copy *nic)
{
	unsigned int at = nd_pci_cap(nic, CAP_PM, 8) + PM_CONTROL;
	uint32_t on = nd_pci_copy_read(nic, at) & ~(PM_STATE | PM_EVENT_ON | PM_CLEARS_BY_ONE);

	nd_config_write(nic->bdf, at, on | PM_D3HOT);
	nd_clock_wait_ms(POWER_MS);
	nd_config_write(nic->bdf, at, on);
	nd_clock_wait_ms(POWER_MS);
}

static void run_link(const struct nd_pci_copy *port)
{
	nd_link_off(port);
	nd_clock_wait_ms(LINK_OFF_MS);
	nd_link_on(port);
}

static void run_bus(const struct nd_pci_copy *bridge)
{
	uint32_t off =
		nd_pci_copy_read(bridge, BRIDGE_CONTROL) & ~(BRIDGE_RESET | BRIDGE_CLEARS_BY_ONE);

	nd_config_write(bridge->bdf, BRIDGE_CONTROL, off | BRIDGE_RESET);
	nd_clock_wait_ms(BUS_RESET_MS);
	nd_config_write(bridge->bdf, BRIDGE_CONTROL, off);
	if (nd_link_is_port(bridge))
		nd_link_wait(bridge);
	else
		nd_clock_wait_ms(BUS_READY_MS);
}

bool nd_reset_run(const struct nd_pci_copy *copy, enum nd_reset how)
{
	if (nd_pci_is_itself(&copy[0]))
		settle(&copy[0]);
	switch (how) {
	case ND_RESET_FLR:
		run_flr(&copy[0]);
		break;
	case ND_RESET_AF:
		run_af(&copy[0]);
		break;
	case ND_RESET_POWER:
		run_power(&copy[0]);
		break;
	case ND_RESET_LINK:
		run_link(&copy[1]);
		break;
	case ND_RESET_BUS:
		run_bus(&copy[1]);
		break;
	default:
		return false;
	}
	return nd_pci_answers(&copy[0]);
}
