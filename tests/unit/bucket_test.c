/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bucket_test.c - so many a second and no more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "server/bucket.h"

static unsigned int take_all(struct nd_bucket *b, uint64_t now_ms)
{
	unsigned int taken = 0;

	while (taken < 1000 && nd_bucket_take(b, now_ms))
		taken++;
	return taken;
}

static void so_many_and_no_more(void **state)
{
	static const struct {
		uint64_t now_ms;
		unsigned int taken;
	} row[] = {
		/* 0 */ {5000, 16}, /* it begins full */
		/* 1 */ {5000, 0},
		/* 2 */ {5003, 0}, /* 256 a second: one in 4 ms */
		/* 3 */ {5004, 1},
		/* 4 */ {5024, 5},
		/* 5 */ {5999, 16}, /* never more than that at once */
		/* 6 */ {UINT64_MAX, 16},
	};
	struct nd_bucket b;

	(void)state;
	nd_bucket_init(&b, 256, 16);
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		unsigned int taken = take_all(&b, row[i].now_ms);

		if (taken != row[i].taken)
			fail_msg("row %zu: %u", i, taken);
	}
}

static void over_long_it_is_the_rate(void **state)
{
	struct nd_bucket b;
	unsigned int taken = 0;

	(void)state;
	nd_bucket_init(&b, 256, 16);
	for (uint64_t ms = 0; ms < 10000; ms++)
		for (int i = 0; i < 10; i++)
			taken += nd_bucket_take(&b, ms);
	assert_in_range(taken, 2560, 2560 + 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(so_many_and_no_more),
		cmocka_unit_test(over_long_it_is_the_rate),
	};

	return cmocka_run_group_tests_name("bucket", tests, NULL, NULL);
}
