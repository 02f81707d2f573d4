// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * nic.c - the NIC that boot used: who has it, and whether firmware can have it while the system
 * lives.
 */
#include <linux/device.h>
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/pci.h>
#include <linux/pm_runtime.h>

#include "netdump.h"

#define BARS_FIRST    0x10
#define BARS_LAST     0x24
#define BRIDGE_BUSES  0x18
#define BUSES_MASK    0x00ffffff /* the latency timer is nobody's business */
#define BRIDGE_IO     0x1c
#define IO_MASK       0x0000ffff /* status bits are above */
#define BRIDGE_MEMORY 0x20
#define BRIDGE_LAST   0x30

static const struct nd_pci_copy *copies(void)
{
	return __va(nd_block()->pci_copy_phys);
}

static struct pci_dev *device_get(const struct nd_pci_copy *copy)
{
	return pci_get_domain_bus_and_slot(0, copy->bdf >> 8, copy->bdf & 0xff);
}

struct pci_dev *nd_nic_get(void)
{
	return nd_block()->pci_copy_count ? device_get(copies()) : NULL;
}

bool nd_nic_reaches_fence(struct pci_dev *nic)
{
	struct iommu_domain *domain = iommu_get_domain_for_dev(&nic->dev);
	u64 phys = nd_block()->dini_phys;

	return !domain || iommu_iova_to_phys(domain, phys) == phys;
}

static bool is_as_at_boot(struct pci_dev *device, const struct nd_pci_copy *copy, int at, u32 mask)
{
	u32 now, then;

	memcpy(&then, copy->config + at, sizeof then);
	pci_read_config_dword(device, at, &now);
	return (now & mask) == (then & mask);
}

static bool span_is_as_at_boot(struct pci_dev *device, const struct nd_pci_copy *copy, int first,
			       int last)
{
	for (int at = first; at <= last; at += 4)
		if (!is_as_at_boot(device, copy, at, ~0u))
			return false;
	return true;
}

/* How much a transfer carries has to be the same all the way (PCI Express 4.0, 7.5.3.4). */
static bool payload_is_as_at_boot(struct pci_dev *device, const struct nd_pci_copy *copy)
{
	int at = pci_pcie_cap(device);

	return !at || is_as_at_boot(device, copy, at + PCI_EXP_DEVCTL, PCI_EXP_DEVCTL_PAYLOAD);
}

static bool bridge_is_as_at_boot(const struct nd_pci_copy *copy)
{
	struct pci_dev *bridge = device_get(copy);
	bool is = bridge && is_as_at_boot(bridge, copy, BRIDGE_BUSES, BUSES_MASK) &&
		  is_as_at_boot(bridge, copy, BRIDGE_IO, IO_MASK) &&
		  span_is_as_at_boot(bridge, copy, BRIDGE_MEMORY, BRIDGE_LAST) &&
		  payload_is_as_at_boot(bridge, copy);

	pci_dev_put(bridge);
	return is;
}

/* Firmware knows the places where boot found them, and other devices may be there now. */
static const char *moved(struct pci_dev *nic)
{
	const struct nd_pci_copy *copy = copies();

	if (!is_as_at_boot(nic, copy, 0, ~0u))
		return "another card is where boot found the NIC";
	if (!span_is_as_at_boot(nic, copy, BARS_FIRST, BARS_LAST))
		return "the system has moved the NIC's registers; try without pci=realloc";
	if (!payload_is_as_at_boot(nic, copy))
		return "the system has changed the NIC's payload size; try without pci=pcie_bus_*";
	for (u32 i = 1; i < nd_block()->pci_copy_count; i++)
		if (!bridge_is_as_at_boot(&copy[i]))
			return "the system has changed a bridge above the NIC; try without "
			       "pci=realloc";
	return NULL;
}

static const char *power_on(struct nd_nic *nic)
{
	pm_runtime_get_sync(&nic->device->dev);
	nic->is_on = true;
	return pci_set_power_state(nic->device, PCI_D0) ? "the NIC cannot be powered on" : NULL;
}

static const char *take(struct nd_nic *nic, bool from_driver)
{
	if (!nic->device)
		return "boot did not find the NIC among the PCI devices";
	nic->had_driver = nic->device->dev.driver;
	if (nic->had_driver && !from_driver)
		return "the NIC belongs to a driver; ask for take-nic to unbind it for a while";
	if (!nd_nic_reaches_fence(nic->device))
		return "an IOMMU keeps the NIC from the firmware's memory; boot with iommu=pt";
	if (nic->had_driver)
		device_release_driver(&nic->device->dev);
	device_lock(&nic->device->dev); /* whoever would bind one waits */
	nic->is_locked = true;
	if (nic->device->dev.driver)
		return "a driver has just taken the NIC";
	return power_on(nic);
}

/* As a NIC that no driver has; drivers enable both. */
static void quiet(struct pci_dev *nic)
{
	pci_clear_master(nic);
	pci_intx(nic, 0);
}

const char *nd_nic_take(struct nd_nic *nic, bool from_driver)
{
	const char *why;

	nic->device = nd_nic_get();
	nic->had_driver = false;
	nic->is_on = false;
	nic->is_changed = false;
	nic->is_locked = false;
	why = take(nic, from_driver);
	if (!why)
		why = moved(nic->device);
	/* it has to stay down between visits: nobody listens, or others do (PCI 3.0, 6.2.2) */
	if (!why && !pci_intx_mask_supported(nic->device))
		why = "the NIC's interrupt line cannot be held down";
	if (!why)
		quiet(nic->device);
	if (!why && pci_save_state(nic->device))
		why = "the NIC's configuration cannot be kept";
	if (!why)
		nic->is_changed = true;
	else
		nd_nic_give_back(nic, false);
	return why;
}

void nd_nic_give_back(struct nd_nic *nic, bool receives)
{
	if (!nic->device)
		return;
	if (receives && __pci_reset_function_locked(nic->device))
		pr_warn("netdump: %s: firmware cannot close it, and it has no reset: a driver that "
			"takes it may break the seal\n",
			pci_name(nic->device));
	if (nic->is_changed)
		pci_restore_state(nic->device);
	if (nic->is_on)
		pm_runtime_put_noidle(&nic->device->dev);
	if (nic->is_locked)
		device_unlock(&nic->device->dev);
	if (nic->had_driver && device_attach(&nic->device->dev) != 1)
		pr_err("netdump: %s: its driver does not take it back\n", pci_name(nic->device));
	pci_dev_put(nic->device);
}
