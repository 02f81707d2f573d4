/* SPDX-License-Identifier: GPL-2.0-or-later */
/* chips.h - breaks by a chip's own registers: one way for each of QEMU's NICs. */
#ifndef BREAKER_CHIPS_H
#define BREAKER_CHIPS_H

#include "netdump/handoff.h"
#include "tests/faults/breaker/breaks.h"
#include "tests/faults/breaker/nic.h"

/* Its rings, or what stands for them, lie where there is no memory. */
enum nd_broken nd_chip_rings_corrupt(const struct nd_nic *nic, const struct nd_handoff *unused,
				     const char **why);
/* It was told to send, and its transmitter stopped in the middle of it. */
enum nd_broken nd_chip_tx_wedged(const struct nd_nic *nic, const struct nd_handoff *unused,
				 const char **why);

#endif
