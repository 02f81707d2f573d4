/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plan.h - what to ask a machine next, how much of it, and when to ask again.
 *
 * Sizes, and why:
 *   ND_PLAN_READ_BYTES     32 KiB is 22 datagrams.  DINI looks for READs between batches of
 *                          16 frames and its ring has 12 receive slots, so READs must be
 *                          few; at 32 KiB one READ goes out for 22 datagrams that come in.
 *   ND_PLAN_WINDOW_BYTES   8 READs of 32 KiB: 10 ms of a UNDI driver's 25 MB/s, which
 *                          covers a LAN's round trip many times over.
 *   ND_PLAN_RTO_*          100 ms is ten times that; it doubles up to 2 s while nothing comes.
 */
#ifndef NETDUMP_SERVER_PLAN_H
#define NETDUMP_SERVER_PLAN_H

#include "server/machine.h"

#define ND_PLAN_READ_BYTES     32768u
#define ND_PLAN_READ_BYTES_MIN 4096u
#define ND_PLAN_WINDOW_BYTES   (ND_READ_QUEUE * ND_PLAN_READ_BYTES)
#define ND_PLAN_RTO_MIN_MS     100u
#define ND_PLAN_RTO_MAX_MS     2000u
#define ND_PLAN_PAGES_MIN      16u

struct nd_plan {
	unsigned int reads; /* that may be open at once */
	uint32_t budget_bytes;
	uint32_t pages; /* that one READ names */
};

/* Pure.  read_queue is what HELLO says, pages_per_read what a budget brought lately. */
struct nd_plan nd_plan_make(uint32_t window_bytes, unsigned int read_queue,
			    uint32_t pages_per_read);
uint32_t nd_plan_rto_ms(uint32_t rtt_ms, uint32_t backoff);

/* Opens and sends as many READs as the plan allows. */
void nd_plan_fill(struct nd_machine *m, const struct nd_env *env, uint64_t now_ms);

/* A READ of nothing: the server is there, and has no question now. */
void nd_plan_keepalive(struct nd_machine *m, const struct nd_env *env);

#endif
