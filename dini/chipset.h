/* SPDX-License-Identifier: GPL-2.0-or-later */
/* chipset.h - interrupt sources outside the CPU and the A20 gate, as the BIOS has them. */
#ifndef DINI_CHIPSET_H
#define DINI_CHIPSET_H

#include "netdump/handoff.h"

/* After it only the PIC's tick can interrupt. */
void nd_chipset_quiesce(const struct nd_handoff *handoff);

/* Of the I/O APIC that the ISA lines go to, the clock's among them. */
uint32_t nd_chipset_ioapic_phys(const struct nd_handoff *handoff);

#endif
