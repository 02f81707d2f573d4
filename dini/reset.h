/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reset.h - the NIC reset, by what it and the bridge above it can.
 *
 * The copies are those of pci.h.  nd_pci_reach() comes before, nd_pci_restore() after.
 */
#ifndef DINI_RESET_H
#define DINI_RESET_H

#include <stdbool.h>
#include <stdint.h>

#include "netdump/handoff.h"

/* Gentle first. */
enum nd_reset {
	ND_RESET_FLR,   /* PCI Express: the function alone */
	ND_RESET_AF,    /* the same, of conventional PCI's Advanced Features */
	ND_RESET_POWER, /* D3hot and back, where the function forgets its state on the way */
	ND_RESET_LINK,  /* the port above takes the link down and up */
	ND_RESET_BUS,   /* the bridge above pulls its secondary bus's reset */
	ND_RESETS
};

const char *nd_reset_name(enum nd_reset how);

/*
 * Whether the NIC can be reset so: the hardware has it, no quirk is known, and nothing else
 * would be reset too.  Reads configuration space of what is on the NIC's bus.
 */
bool nd_reset_can(const struct nd_pci_copy *copy, unsigned int count, enum nd_reset how);

/*
 * Resets the NIC, which nd_reset_can() has to allow.  True once it answers again, with
 * nothing but its bus numbers set; false if it does not within a second.  At most 5 s.
 */
bool nd_reset_run(const struct nd_pci_copy *copy, enum nd_reset how);

#endif
