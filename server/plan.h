/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plan.h - how large a READ is, and how many are under way at a machine.
 *
 * Sizes, and why:
 *   ND_PLAN_READ_BYTES     32 KiB is 22 datagrams.  DINI looks for READs between batches of
 *                          16 frames and its ring has 12 receive slots, so READs must be
 *                          few; at 32 KiB one READ goes out for 22 datagrams that come in.
 *   ND_PACE_WINDOW_BYTES   8 READs of 32 KiB: 10 ms of a UNDI driver's 25 MB/s, which
 *                          covers a LAN's round trip many times over.
 *   ND_PLAN_READ_BYTES_MIN 8 KiB, where many machines share little: six datagrams.  A READ
 *                          costs netdumpd about as much as three of them, so half of
 *                          this is dear; with twice as much, and 200 machines at a large
 *                          buffer, some wait for seconds for their turn.
 *
 * Pure.
 */
#ifndef NETDUMP_SERVER_PLAN_H
#define NETDUMP_SERVER_PLAN_H

#include <stdint.h>

#define ND_PLAN_READ_BYTES     32768u
#define ND_PLAN_READ_BYTES_MIN 8192u
#define ND_PLAN_PAGES_MIN      16u

struct nd_plan {
	unsigned int reads; /* that may be open at once */
	uint32_t budget_bytes;
	uint32_t pages; /* that one READ names */
};

/* read_queue is what HELLO says, pages_per_read what a budget brought lately. */
struct nd_plan nd_plan_make(uint32_t window_bytes, unsigned int read_queue,
			    uint32_t pages_per_read);

#endif
