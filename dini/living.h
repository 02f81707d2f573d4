/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * living.h - what of a living machine firmware is in the way of, or it of firmware: put aside
 * for a visit, and back.
 */
#ifndef DINI_LIVING_H
#define DINI_LIVING_H

#include "netdump/handoff.h"

/*
 * The first ND_LOW_COPY_BYTES of memory as firmware knows them, the PICs masked, the real-time
 * clock and its pin of the I/O APIC kept, which the HPET gives up meanwhile.  Fixed interrupts are
 * held back already (handoff.h).
 */
void nd_living_aside(const struct nd_handoff *handoff);
void nd_living_back(void);

#endif
