/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bucket.h - so many a second and no more, with a few at once.  Pure: no clock. */
#ifndef NETDUMP_SERVER_BUCKET_H
#define NETDUMP_SERVER_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

struct nd_bucket {
	uint32_t per_second, burst;
	uint64_t thousandths; /* in it now */
	uint64_t filled_ms;   /* when that was */
};

/* Begins full. */
void nd_bucket_init(struct nd_bucket *b, uint32_t per_second, uint32_t burst);

/* How many are in it.  now_ms never goes down. */
uint32_t nd_bucket_left(struct nd_bucket *b, uint64_t now_ms);
/* Takes one; false: it is empty. */
bool nd_bucket_take(struct nd_bucket *b, uint64_t now_ms);

#endif
