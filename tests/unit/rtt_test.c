/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtt_test.c - timers that follow from how long a machine takes to answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "server/rtt.h"

static void timers(void **state)
{
	static const struct {
		uint32_t sample_ms; /* taken so many times */
		unsigned int times, backoff;
		uint32_t late_ms, timeout_ms, reorder_ms;
	} row[] = {
		/* 0 */ {0, 0, 0, 100, 100, 5}, /* nothing is known */
		/* 1 */ {0, 1, 0, 4, 20, 5},
		/* 2 */ {1, 99, 0, 4, 20, 5},
		/* 3 */ {10, 1, 0, 30, 30, 5},
		/* 4 */ {40, 99, 0, 43, 43, 10}, /* variance is gone, but for rounding */
		/* 5 */ {0, 0, 2, 100, 200, 5},
		/* 6 */ {1, 99, 1, 4, 20, 5}, /* it doubles every second time */
		/* 7 */ {1, 99, 8, 4, 320, 5},
		/* 8 */ {1, 99, 99, 4, 2000, 5},
		/* 9 */ {UINT32_MAX, 1, 0, 6000, 2000, 500},
	};

	(void)state;
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct nd_rtt r = {0};

		for (unsigned int k = 0; k < row[i].times; k++)
			nd_rtt_take(&r, row[i].sample_ms);
		if (nd_rtt_late_ms(&r) != row[i].late_ms ||
		    nd_rtt_timeout_ms(&r, row[i].backoff) != row[i].timeout_ms ||
		    nd_rtt_reorder_ms(&r) != row[i].reorder_ms)
			fail_msg("row %zu: late %u, timeout %u, reorder %u", i, nd_rtt_late_ms(&r),
				 nd_rtt_timeout_ms(&r, row[i].backoff), nd_rtt_reorder_ms(&r));
	}
}

/* Slow is what takes twice the shortest and ten milliseconds more. */
static void slowness(void **state)
{
	static const struct {
		uint32_t sample_ms;
		bool slow;
	} row[] = {
		/* 0 */ {500, false}, /* the first says nothing */
		/* 1 */ {5, false},
		/* 2 */ {20, false},
		/* 3 */ {21, true},
		/* 4 */ {0, false},
		/* 5 */ {11, true},
		/* 6 */ {10, false},
	};
	struct nd_rtt r = {0};

	(void)state;
	for (size_t i = 0; i < sizeof row / sizeof *row; i++)
		if (nd_rtt_take(&r, row[i].sample_ms) != row[i].slow)
			fail_msg("row %zu", i);
}

static void jitter_makes_patient(void **state)
{
	struct nd_rtt r = {0};

	(void)state;
	for (unsigned int i = 0; i < 100; i++)
		nd_rtt_take(&r, i % 2 ? 50 : 10);
	assert_in_range(nd_rtt_late_ms(&r), 90, 130);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timers),
		cmocka_unit_test(slowness),
		cmocka_unit_test(jitter_makes_patient),
	};

	return cmocka_run_group_tests_name("rtt", tests, NULL, NULL);
}
