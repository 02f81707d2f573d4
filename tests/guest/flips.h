/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flips.h - one bit of what boot left for the crash is another.  32-bit flat, paging off. */
#ifndef GUEST_FLIPS_H
#define GUEST_FLIPS_H

#include <stdint.h>

#include "netdump/handoff.h"

/*
 * Flips bits of every sealed range and of the block, which is at handoff_phys, one at a time: a
 * stub must see each, and DINI, entered all the same, must come back; but not with its own
 * image damaged.
 */
void flips_check(uint32_t entry, uint32_t handoff_phys);

#endif
