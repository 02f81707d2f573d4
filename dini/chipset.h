/* SPDX-License-Identifier: GPL-2.0-or-later */
/* chipset.h - interrupt sources outside the CPU and the A20 gate, as the BIOS has them. */
#ifndef DINI_CHIPSET_H
#define DINI_CHIPSET_H

#include "netdump/handoff.h"

/* After it only the PIC's tick can interrupt. */
void nd_chipset_quiesce(const struct nd_handoff *handoff);

/*
 * For a system that lives: with its legacy routing the HPET has the clock's line, so it gives that
 * up for a while, and its two timers of that kind with it.
 */
#define HPET_LEGACY_TIMERS 2

struct nd_hpet_kept {
	uint64_t phys; /* 0: nothing had to be put aside */
	uint32_t configuration, counter;
	uint32_t timer[HPET_LEGACY_TIMERS]; /* configurations */
};

void nd_chipset_hpet_aside(const struct nd_handoff *handoff, struct nd_hpet_kept *kept);
void nd_chipset_hpet_back(const struct nd_hpet_kept *kept);

/* Of the I/O APIC that the ISA lines go to, the clock's among them. */
uint32_t nd_chipset_ioapic_phys(const struct nd_handoff *handoff);

#endif
