/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rtt.h - how long one machine takes to answer, and the timers that follow from it.
 *
 * A sample is the time from a READ to the first DATA that names it.  read_id says which READ
 * is answered, so no sample is ever taken of the wrong one (Karn's rule).  Smoothing is that
 * of RFC 6298.  Pure: no clock.
 *
 *   late     what was asked for is not counted as on its way any more; another READ may go out
 *            to find out
 *   timeout  all is asked for again; doubles while nothing comes
 *   reorder  what was overtaken this long ago was lost
 */
#ifndef NETDUMP_SERVER_RTT_H
#define NETDUMP_SERVER_RTT_H

#include <stdbool.h>
#include <stdint.h>

#define ND_RTT_FIRST_MS       100u /* timeout before there is a sample */
#define ND_RTT_LATE_MIN_MS    4u   /* the clock ticks in milliseconds */
#define ND_RTT_TIMEOUT_MIN_MS 20u  /* above what scheduling and a stack's polling cost */
#define ND_RTT_TIMEOUT_MAX_MS 2000u
#define ND_RTT_REORDER_MIN_MS 5u
/* A round trip above twice the shortest and this counts as slow: something queues. */
#define ND_RTT_SLOW_MS 10u

struct nd_rtt {
	bool known;
	uint32_t min_ms;
	uint32_t smooth_8ms, var_4ms; /* in eighths and quarters of a millisecond */
};

/* Whether it was slow, by what was seen before. */
bool nd_rtt_take(struct nd_rtt *r, uint64_t sample_ms);

uint32_t nd_rtt_late_ms(const struct nd_rtt *r);
uint32_t nd_rtt_timeout_ms(const struct nd_rtt *r, unsigned int backoff);
uint32_t nd_rtt_reorder_ms(const struct nd_rtt *r);

#endif
