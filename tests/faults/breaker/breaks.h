/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * breaks.h - what a driver gone mad does, right before a crash.  Ring 0, or a process of Linux
 * with iopl(3): the hardware is reached through ports and physical memory alone.
 *
 * A word names one break; each reads back what it changed.  Lines are said by the stubs'
 * nd_serial_print(), or what the system that runs it has by that name.
 */
#ifndef BREAKER_BREAKS_H
#define BREAKER_BREAKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netdump/handoff.h"

/* What a break came to; *why is set for all but the first. */
enum nd_broken {
	ND_BROKEN,
	ND_BROKEN_NOT,   /* it was tried, and reading back says otherwise */
	ND_BROKEN_NEVER, /* there is nothing of the kind in this machine */
};

/* Does all of WORD[,WORD...] to the machine that the block describes, and says what it came to. */
void nd_break(const char *words, size_t bytes, const struct nd_handoff *handoff);

/* Of the system that runs it: physical memory as memory, uncached; NULL: it cannot be had. */
volatile void *nd_breaker_map(uint64_t phys, size_t bytes);
/* And the system's own way to take its driver off the NIC. */
enum nd_broken nd_breaker_unbind(uint16_t bdf, const char **why);
/* What only ring 0 can do to its CPU: the local APIC in x2APIC mode; address spaces with names. */
struct nd_nic;
enum nd_broken nd_breaker_x2apic(const struct nd_nic *unused, const struct nd_handoff *none,
				 const char **why);
enum nd_broken nd_breaker_pcid(const struct nd_nic *unused, const struct nd_handoff *none,
			       const char **why);

#endif
