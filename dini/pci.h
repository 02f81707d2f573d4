/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pci.h - the NIC's and its bridges' configuration space, back as boot left it. */
#ifndef DINI_PCI_H
#define DINI_PCI_H

#include <stdint.h>

#include "netdump/handoff.h"

/* copy[0] is the NIC, then the bridges above it, nearest first. */
void nd_pci_restore(const struct nd_pci_copy *copy, unsigned int count);

#endif
