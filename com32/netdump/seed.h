/* SPDX-License-Identifier: GPL-2.0-or-later */
/* seed.h - what boot leaves of randomness for a crash.  32-bit, PXELINUX running. */
#ifndef COM32_NETDUMP_SEED_H
#define COM32_NETDUMP_SEED_H

#include <stddef.h>
#include <stdint.h>

#include <netdump/handoff.h>

/* Mixed from all that differs from boot to boot, and `bytes` at `machine`; seed.c says its worth.
 */
void nd_seed_make(uint8_t seed[ND_KEY_BYTES], const void *machine, size_t bytes);

#endif
