// SPDX-License-Identifier: GPL-2.0-or-later
/* lanes_test.c - no more threads than lanes, and no two in one. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "server/lanes.h"

#define THREADS 16
#define STEPS   200

static atomic_uint inside, most, shared;

static void *steps_take(void *mark)
{
	uint8_t *byte = mark;

	for (unsigned int i = 0; i < STEPS; i++) {
		struct nd_lane *lane = nd_lane_enter();
		unsigned int now = ++inside, seen = most;

		while (now > seen && !atomic_compare_exchange_weak(&most, &seen, now))
			;
		sched_yield(); /* whoever may come in as well does */
		memset(lane->bytes, *byte, sizeof lane->bytes);
		for (size_t at = 0; at < sizeof lane->bytes; at += 4096)
			shared += lane->bytes[at] != *byte;
		inside--;
		nd_lane_leave(lane);
	}
	return NULL;
}

static void many_threads_share_few_lanes(void **state)
{
	pthread_t thread[THREADS];
	uint8_t mark[THREADS];

	(void)state;
	for (uint8_t i = 0; i < THREADS; i++) {
		mark[i] = i;
		assert_int_equal(pthread_create(&thread[i], NULL, steps_take, &mark[i]), 0);
	}
	for (unsigned int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	assert_in_range(most, 1, ND_LANES);
	assert_int_equal(shared, 0);
}

static void all_lanes_can_be_had(void **state)
{
	struct nd_lane *lane[ND_LANES];

	(void)state;
	for (unsigned int round = 0; round < 3; round++) {
		for (unsigned int i = 0; i < ND_LANES; i++) {
			lane[i] = nd_lane_enter();
			for (unsigned int k = 0; k < i; k++)
				assert_ptr_not_equal(lane[i], lane[k]);
		}
		for (unsigned int i = 0; i < ND_LANES; i++)
			nd_lane_leave(lane[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_threads_share_few_lanes),
		cmocka_unit_test(all_lanes_can_be_had),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
