// SPDX-License-Identifier: GPL-2.0-or-later
/* flight_test.c - dini/flight.c: rings are not overrun, and no firmware is waited for forever. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dini/flight.h"

#define RING 15 /* the smallest that is known */

static void no_more_than_a_ring_holds(void **state)
{
	struct nd_flight flight;
	unsigned int held = 0;

	(void)state;
	nd_flight_begin(&flight);
	for (unsigned int i = 0; i < 1000; i++) {
		unsigned int room = nd_flight_room(&flight), sent = i % 3;

		assert_true(held + room < RING);
		held += room;
		sent = sent < held ? sent : held;
		held -= sent;
		nd_flight_note(&flight, room, sent, i);
	}
	assert_false(flight.blind);
}

/* Completions that come with receptions only: the server asks again within 2 s. */
static void late_words_are_waited_for(void **state)
{
	struct nd_flight flight;

	(void)state;
	nd_flight_begin(&flight);
	nd_flight_note(&flight, 1, 1, 0);
	nd_flight_note(&flight, nd_flight_room(&flight), 0, 10);
	for (uint64_t ms = 11; ms < 2500; ms++) {
		assert_int_equal(nd_flight_room(&flight), 0);
		nd_flight_note(&flight, 0, 0, ms);
	}
	nd_flight_note(&flight, 0, 5, 2500);
	assert_int_equal(nd_flight_room(&flight), 5);
}

static void mute_firmware_gets_a_few_at_a_time(void **state)
{
	struct nd_flight flight;

	(void)state;
	nd_flight_begin(&flight);
	nd_flight_note(&flight, nd_flight_room(&flight), 0, 1000);
	nd_flight_note(&flight, 0, 0, 1299);
	assert_int_equal(nd_flight_room(&flight), 0);
	nd_flight_note(&flight, 0, 0, 1300);
	assert_in_range(nd_flight_room(&flight), 1, 4);
	nd_flight_note(&flight, nd_flight_room(&flight), 0, 1301);
	assert_in_range(nd_flight_room(&flight), 1, 4);
	nd_flight_begin(&flight);
	assert_false(flight.blind);
}

/* One that tells of some only is given up to trust, too. */
static void forgetful_firmware_has_no_limit(void **state)
{
	struct nd_flight flight;
	uint64_t ms = 0;

	(void)state;
	nd_flight_begin(&flight);
	for (; ms < 20000 && !flight.blind; ms++)
		nd_flight_note(&flight, nd_flight_room(&flight), nd_flight_room(&flight) > 1, ms);
	assert_true(flight.blind && ms > 3000 && ms < 3100);
}

static void words_of_frames_never_taken_do_no_harm(void **state)
{
	struct nd_flight flight;
	unsigned int room;

	(void)state;
	nd_flight_begin(&flight);
	room = nd_flight_room(&flight);
	nd_flight_note(&flight, 2, 60000, 0);
	assert_int_equal(nd_flight_room(&flight), room);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_more_than_a_ring_holds),
		cmocka_unit_test(late_words_are_waited_for),
		cmocka_unit_test(mute_firmware_gets_a_few_at_a_time),
		cmocka_unit_test(forgetful_firmware_has_no_limit),
		cmocka_unit_test(words_of_frames_never_taken_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
