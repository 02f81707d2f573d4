/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * link.h - links of PCI Express: of the NIC, and of the ports above it.
 *
 * What has none is left alone.  Where a link's registers are is read in the sealed copy.
 */
#ifndef DINI_LINK_H
#define DINI_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "netdump/handoff.h"

/* Whether a link is below it. */
bool nd_link_is_port(const struct nd_pci_copy *copy);
/*
 * Link Control as boot had it, with `bits` in the place of what is in `mask`; neither off nor
 * trained anew, unless `bits` say so.
 */
void nd_link_control(const struct nd_pci_copy *copy, uint32_t mask, uint32_t bits);
/* As boot had it, but power management stays as it is; true if the link was off until now. */
bool nd_link_restore(const struct nd_pci_copy *bridge);

/* A port's: what is below is reset when it goes off, and waited for when it is on again. */
void nd_link_off(const struct nd_pci_copy *port);
void nd_link_on(const struct nd_pci_copy *port);
void nd_link_wait(const struct nd_pci_copy *port);

#endif
