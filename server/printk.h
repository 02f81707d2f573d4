/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * printk.h - the crashed kernel's log: the lockless ring of Linux 5.10 and later.
 *
 * Pure over struct nd_xlat.  Nothing in the ring is believed: counts are capped,
 * positions are reduced to the ring's size, and every length is held against what is
 * left of its block.
 */
#ifndef NETDUMP_SERVER_PRINTK_H
#define NETDUMP_SERVER_PRINTK_H

#include <stdio.h>

#include "server/xlat.h"

/*
 * Writes the log to `out` as dmesg does.  Nothing is written before everything is here
 * (ND_MEM_WAIT).  ND_MEM_BAD, ND_MEM_ABSENT: *why (never NULL) says what was wrong.
 */
enum nd_mem_status nd_printk_write(struct nd_xlat *x, const struct nd_vmcoreinfo *v, FILE *out,
				   const char **why);

#endif
