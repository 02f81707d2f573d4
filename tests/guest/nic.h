/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nic.h - a NIC behind a bridge: copied at boot, upset by the system, right again for UNDI.
 *
 * copy[0] is the NIC, QEMU's 82574L, copy[1] the bridge.  What is not as it should be ends in
 * fail().
 */
#ifndef GUEST_NIC_H
#define GUEST_NIC_H

#include <stdbool.h>

#include "netdump/handoff.h"

/* Finds both, opens them as firmware does, and copies their configuration space. */
void nic_copy(struct nd_pci_copy copy[2]);

/* Registers elsewhere, messages on, asleep, and the bridge leads to no bus at all. */
void nic_upset(const struct nd_pci_copy copy[2]);

/* Both are as copied; but a NIC that is deaf is no bus master. */
void nic_check(const struct nd_pci_copy copy[2], bool is_deaf);

/* Since it was upset; restoring it alone does not count. */
bool nic_was_reset(const struct nd_pci_copy *nic);

#endif
