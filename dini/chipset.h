/* SPDX-License-Identifier: GPL-2.0-or-later */
/* chipset.h - interrupt sources outside the CPU and the A20 gate, as the BIOS has them. */
#ifndef DINI_CHIPSET_H
#define DINI_CHIPSET_H

#include "netdump/handoff.h"

/* After it only the PIC's tick can interrupt. */
void nd_chipset_quiesce(const struct nd_handoff *handoff);

#endif
