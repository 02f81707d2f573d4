// SPDX-License-Identifier: GPL-2.0-or-later
/* bucket.c - so many a second and no more, with a few at once. */
#include "server/bucket.h"

#define WHOLE 1000u

void nd_bucket_init(struct nd_bucket *b, uint32_t per_second, uint32_t burst)
{
	*b = (struct nd_bucket){per_second, burst, (uint64_t)burst * WHOLE, 0};
}

bool nd_bucket_take(struct nd_bucket *b, uint64_t now_ms)
{
	uint64_t full = (uint64_t)b->burst * WHOLE, passed_ms = now_ms - b->filled_ms;

	/* A millisecond brings per_second thousandths; after a second or so it is full anyway. */
	if (passed_ms > full / (b->per_second ? b->per_second : 1))
		b->thousandths = b->per_second ? full : b->thousandths;
	else
		b->thousandths += passed_ms * b->per_second;
	if (b->thousandths > full)
		b->thousandths = full;
	b->filled_ms = now_ms;
	if (b->thousandths < WHOLE)
		return false;
	b->thousandths -= WHOLE;
	return true;
}
