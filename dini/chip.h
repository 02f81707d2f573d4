/* SPDX-License-Identifier: GPL-2.0-or-later */
/* chip.h - registers of certain NICs that neither a reset nor their firmware puts right. */
#ifndef DINI_CHIP_H
#define DINI_CHIP_H

#include "netdump/handoff.h"

/* The NIC decodes its addresses and is closed; most are left alone.  A MAC of zeros is not known.
 */
void nd_chip_mend(const struct nd_pci_copy *nic, const uint8_t mac[6]);

#endif
