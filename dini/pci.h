/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pci.h - the NIC's and its bridges' configuration space, back as boot left it.
 *
 * copy[0] is the NIC, then the bridges above it, nearest first.  The copies are sealed:
 * where a capability lies and what it can do is read there, never from the chip.
 */
#ifndef DINI_PCI_H
#define DINI_PCI_H

#include <stdbool.h>
#include <stdint.h>

#include "netdump/handoff.h"

/* The bridges as boot left them, ASPM apart; the NIC in D0, deaf and unable to reach memory. */
void nd_pci_reach(const struct nd_pci_copy *copy, unsigned int count);
/* All of them as boot left them, but the NIC cannot reach memory yet. */
void nd_pci_restore(const struct nd_pci_copy *copy, unsigned int count);
/* Now it can, if it could at boot. */
void nd_pci_master_on(const struct nd_pci_copy *copy, unsigned int count);

uint32_t nd_pci_copy_read(const struct nd_pci_copy *copy, unsigned int at);
/* Where the copy has capability `id` with so many bytes, 0: nowhere. */
unsigned int nd_pci_cap(const struct nd_pci_copy *copy, uint8_t id, unsigned int bytes);
bool nd_pci_is_bridge(const struct nd_pci_copy *copy);
/* Whether what answers there now is what boot found there; nothing else is written to. */
bool nd_pci_is_itself(const struct nd_pci_copy *copy);
/*
 * Whether what was just reset answers within a second, deaf.  The first access after a reset is a
 * write: from it a function learns its bus number (PCI Express 4.0 section 2.2.6.2).
 */
bool nd_pci_answers(const struct nd_pci_copy *copy);
/* Until the bits of a mask are as wanted: false if they are not within that time. */
bool nd_pci_await(uint16_t bdf, unsigned int at, uint32_t mask, bool set, uint32_t most_ms);
/* The command register, all of it; status bits clear by 1 and are left alone. */
void nd_pci_command(uint16_t bdf, uint32_t command);
/* Its interrupt line stays down, whatever it has to tell (PCI 3.0 section 6.2.2). */
void nd_pci_line_off(const struct nd_pci_copy *copy);
/* The NIC no longer reaches memory, nor answers, until it is restored. */
void nd_pci_silence(const struct nd_pci_copy *copy, unsigned int count);

#endif
