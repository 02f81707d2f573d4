/* SPDX-License-Identifier: GPL-2.0-or-later */
/* entropy.h - the randomness that the machine has at the crash, mixed into one seed. */
#ifndef DINI_ENTROPY_H
#define DINI_ENTROPY_H

#include <stddef.h>
#include <stdint.h>

#include "netdump/handoff.h"

/*
 * SHA-256 over what boot left, RDRAND where there is one, the jitter of two clocks, and
 * `bytes` at `crash` that differ from crash to crash.  entropy.c says what each is worth.
 * Needs the PIT as nd_quiesce() leaves it; takes a few milliseconds at most.
 */
void nd_entropy_mix(uint8_t seed[ND_KEY_BYTES], const uint8_t boot_seed[ND_KEY_BYTES],
		    const void *crash, size_t bytes);

#endif
