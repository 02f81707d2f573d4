// SPDX-License-Identifier: GPL-2.0-or-later
/* rtt.c - how long one machine takes to answer, and the timers that follow from it. */
#include "server/rtt.h"

bool nd_rtt_take(struct nd_rtt *r, uint64_t sample_ms)
{
	uint32_t sample =
		sample_ms < ND_RTT_TIMEOUT_MAX_MS ? (uint32_t)sample_ms : ND_RTT_TIMEOUT_MAX_MS;
	uint32_t smooth = r->smooth_8ms / 8, error;

	if (!r->known) {
		*r = (struct nd_rtt){true, sample, sample * 8, sample * 2};
		return false;
	}
	error = sample > smooth ? sample - smooth : smooth - sample;
	r->var_4ms = r->var_4ms - r->var_4ms / 4 + error;
	r->smooth_8ms = r->smooth_8ms - r->smooth_8ms / 8 + sample;
	if (sample < r->min_ms)
		r->min_ms = sample;
	return sample > 2 * r->min_ms + ND_RTT_SLOW_MS;
}

static uint32_t wait_ms(const struct nd_rtt *r)
{
	return r->known ? r->smooth_8ms / 8 + r->var_4ms : ND_RTT_FIRST_MS;
}

uint32_t nd_rtt_late_ms(const struct nd_rtt *r)
{
	return wait_ms(r) > ND_RTT_LATE_MIN_MS ? wait_ms(r) : ND_RTT_LATE_MIN_MS;
}

uint32_t nd_rtt_timeout_ms(const struct nd_rtt *r, unsigned int backoff)
{
	uint64_t timeout = wait_ms(r);

	if (timeout < ND_RTT_TIMEOUT_MIN_MS)
		timeout = ND_RTT_TIMEOUT_MIN_MS;
	timeout <<= backoff < 32 ? backoff / 2 : 16;
	return timeout < ND_RTT_TIMEOUT_MAX_MS ? (uint32_t)timeout : ND_RTT_TIMEOUT_MAX_MS;
}

uint32_t nd_rtt_reorder_ms(const struct nd_rtt *r)
{
	uint32_t quarter = r->smooth_8ms / 32;

	return quarter > ND_RTT_REORDER_MIN_MS ? quarter : ND_RTT_REORDER_MIN_MS;
}
