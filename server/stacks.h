/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stacks.h - the stacks on which the CPUs were at the crash. */
#ifndef NETDUMP_SERVER_STACKS_H
#define NETDUMP_SERVER_STACKS_H

#include <stdint.h>

#include "server/xlat.h"

/*
 * Wants the kernel stacks that the notes' stack pointers point into: so that backtraces work
 * even in a dump that is cut soon after.  ND_MEM_WAIT, or ND_MEM_OK: all that can be had are there.
 */
enum nd_mem_status nd_stacks_want(struct nd_xlat *x, const uint8_t *notes, size_t bytes);

#endif
