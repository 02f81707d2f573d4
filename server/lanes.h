/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lanes.h - how many dumps are read back at once.
 *
 * Every dump has a thread, and all of them may have much to hash: without a limit a thousand
 * threads would want the processors that the event loop needs.  A lane is the right to
 * use one, for one step, with the memory for it.
 */
#ifndef NETDUMP_SERVER_LANES_H
#define NETDUMP_SERVER_LANES_H

#include <stdint.h>

#define ND_LANES      2
#define ND_LANE_BYTES (1u << 16)

struct nd_lane {
	struct nd_lane *next; /* that is free */
	uint8_t bytes[ND_LANE_BYTES];
};

/* Waits for one.  Who has one must not wait for another. */
struct nd_lane *nd_lane_enter(void);
void nd_lane_leave(struct nd_lane *lane);

#endif
