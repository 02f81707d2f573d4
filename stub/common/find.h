/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * find.h - looking for netdump.c32's handoff block.  No I/O; any CPU mode, and hosted.
 *
 * `low` is where the caller can read physical memory from 0 to ND_HANDOFF_BELOW.
 * More than one block can look right: memory may still hold one from the boot before.
 */
#ifndef STUB_COMMON_FIND_H
#define STUB_COMMON_FIND_H

#include <stdbool.h>
#include <stdint.h>

#include "netdump/handoff.h"

/* Whether a whole block lies at phys that names a DINI which could be called. */
bool nd_find_at(const volatile uint8_t *low, uint64_t phys);

/* Whether what lies at phys was a block once: damaged or not, it still has room for last words.
 * Only for a place that boot named. */
bool nd_find_remains_at(const volatile uint8_t *low, uint64_t phys);

/* The first block of the first kind at or above from_phys; 0: none.  Adds to *damaged what has the
 * signature and is no such block. */
uint32_t nd_find_next(const volatile uint8_t *low, uint32_t from_phys, uint32_t *damaged);

/* The version of the first that has the signature and is no such block; 0: there is none. */
uint16_t nd_find_strange(const volatile uint8_t *low);

#endif
