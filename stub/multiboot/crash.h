/* SPDX-License-Identifier: GPL-2.0-or-later */
/* crash.h - the in-kernel stub: what is prepared while healthy, and the way out. */
#ifndef STUB_MULTIBOOT_CRASH_H
#define STUB_MULTIBOOT_CRASH_H

#include <stdint.h>

#include "netdump/handoff.h"

/* handoff_phys 0: this machine has no netdump.  h: the block as it was at boot. */
void nd_crash_open(uint32_t handoff_phys, const struct nd_handoff *h);

void nd_panic(const char *reason) __attribute__((noreturn));

#endif
