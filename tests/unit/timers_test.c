/* SPDX-License-Identifier: GPL-2.0-or-later */
/* timers_test.c - the heap of timers, against a plain search through all of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "server/timers.h"

#define COUNT 100

static uint64_t first_due(const struct nd_timer *timer)
{
	uint64_t due = UINT64_MAX;

	for (size_t i = 0; i < COUNT; i++)
		if (timer[i].at && timer[i].due_ms < due)
			due = timer[i].due_ms;
	return due;
}

static void the_first_comes_first(void **state)
{
	struct nd_timer timer[COUNT] = {0};
	struct nd_timers t;

	(void)state;
	srand(1);
	assert_true(nd_timers_init(&t, COUNT));
	assert_int_equal(nd_timers_due(&t), UINT64_MAX);
	for (unsigned int i = 0; i < 20000; i++) {
		struct nd_timer *one = &timer[rand() % COUNT], *expired;
		uint64_t due = first_due(timer);

		assert_int_equal(nd_timers_due(&t), due);
		switch (rand() % 4) {
		case 0:
			nd_timers_drop(&t, one);
			assert_int_equal(one->at, 0);
			break;
		case 1:
			assert_null(due ? nd_timers_expired(&t, due - 1) : NULL);
			expired = nd_timers_expired(&t, due);
			assert_true(expired ? expired->due_ms == due && !expired->at
					    : due == UINT64_MAX);
			break;
		default:
			nd_timers_set(&t, one, (uint64_t)rand() % 1000);
		}
	}
	nd_timers_free(&t);
}

static void putting_off_is_lazy(void **state)
{
	struct nd_timer timer = {0};
	struct nd_timers t;

	(void)state;
	assert_true(nd_timers_init(&t, 1));
	nd_timers_set(&t, &timer, UINT64_MAX); /* never */
	assert_int_equal(t.count, 0);
	nd_timers_set(&t, &timer, 10);
	nd_timers_set(&t, &timer, 20);
	assert_int_equal(nd_timers_due(&t), 10);
	nd_timers_set(&t, &timer, 5);
	assert_int_equal(nd_timers_due(&t), 5);
	assert_ptr_equal(nd_timers_expired(&t, 5), &timer);
	nd_timers_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_comes_first),
		cmocka_unit_test(putting_off_is_lazy),
	};

	return cmocka_run_group_tests_name("timers", tests, NULL, NULL);
}
