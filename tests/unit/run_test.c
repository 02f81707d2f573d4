// SPDX-License-Identifier: GPL-2.0-or-later
/* run_test.c - what follows on what waits to be written, and what does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "server/run.h"

static const uint8_t data[ND_RUN_BYTES] = {1, 2, 3};

static void grows_by_what_follows(void **state)
{
	struct nd_run run = {0};

	(void)state;
	assert_true(nd_run_fits(&run, 4096, 1408));
	assert_true(nd_run_add(&run, 4096, data, 1408));
	assert_true(nd_run_fits(&run, 4096 + 1408, 64));
	assert_true(nd_run_add(&run, 4096 + 1408, data, 64));
	assert_int_equal(run.phys, 4096);
	assert_int_equal(run.bytes, 1408 + 64);
	assert_memory_equal(run.data, data, 1408);
	assert_memory_equal(run.data + 1408, data, 64);
	nd_run_clear(&run);
	assert_int_equal(run.bytes, 0);
	assert_null(run.data);
	assert_true(nd_run_fits(&run, 0, 64));
}

/* A gap, what is there already, and what lies before it. */
static void takes_nothing_else(void **state)
{
	struct nd_run run = {0};

	(void)state;
	assert_true(nd_run_add(&run, 8192, data, 128));
	assert_false(nd_run_fits(&run, 8192 + 192, 64));
	assert_false(nd_run_fits(&run, 8192 + 64, 128));
	assert_false(nd_run_fits(&run, 8192 - 64, 64));
	nd_run_clear(&run);
}

static void has_an_end(void **state)
{
	struct nd_run run = {0};

	(void)state;
	assert_false(nd_run_fits(&run, 0, ND_RUN_BYTES + 64));
	assert_true(nd_run_fits(&run, 0, ND_RUN_BYTES));
	assert_true(nd_run_add(&run, 0, data, ND_RUN_BYTES - 64));
	assert_false(nd_run_fits(&run, ND_RUN_BYTES - 64, 128));
	assert_true(nd_run_fits(&run, ND_RUN_BYTES - 64, 64));
	nd_run_clear(&run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_by_what_follows),
		cmocka_unit_test(takes_nothing_else),
		cmocka_unit_test(has_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
