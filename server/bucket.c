// SPDX-License-Identifier: GPL-2.0-or-later
/* bucket.c - so many a second and no more, with a few at once. */
#include "server/bucket.h"

#define WHOLE 1000u

void nd_bucket_init(struct nd_bucket *b, uint32_t per_second, uint32_t burst)
{
	*b = (struct nd_bucket){per_second, burst, (uint64_t)burst * WHOLE, 0};
}

uint32_t nd_bucket_left(struct nd_bucket *b, uint64_t now_ms)
{
	uint64_t full = (uint64_t)b->burst * WHOLE, passed_ms = now_ms - b->filled_ms;

	/* A millisecond brings per_second thousandths, but never more than fit. */
	if (passed_ms > full)
		passed_ms = full;
	b->thousandths += passed_ms * b->per_second;
	if (b->thousandths > full)
		b->thousandths = full;
	b->filled_ms = now_ms;
	return (uint32_t)(b->thousandths / WHOLE);
}

bool nd_bucket_take(struct nd_bucket *b, uint64_t now_ms)
{
	if (!nd_bucket_left(b, now_ms))
		return false;
	b->thousandths -= WHOLE;
	return true;
}
