/* SPDX-License-Identifier: GPL-2.0-or-later */
/* registers_test.c - addresses that the CPU does not have never get to the page table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dini/boot.h"
#include "dini/console.h"
#include "dini/memory.h"
#include "dini/registers.h"

#define MIB 0x100000ull

uint64_t nd_registers_directory[512];

static unsigned int bits;
static unsigned int lines; /* that were said */

uint64_t nd_memory_limit_phys(void)
{
	return 1ull << bits;
}

void nd_say(const char *format, ...)
{
	(void)format;
	lines++;
}

static void addresses_beyond_the_cpus_are_refused(void **state)
{
	(void)state;
	for (bits = 36; bits <= 52; bits++) {
		const uint64_t limit = 1ull << bits;
		const uint64_t beyond[] = {
			limit,           limit + 1,        limit << 1, limit - 1,  limit - 2 * MIB,
			limit - 4 * MIB, UINT64_MAX - MIB, UINT64_MAX, 1ull << 63,
		};

		for (unsigned int i = 0; i < sizeof beyond / sizeof beyond[0]; i++) {
			lines = 0;
			assert_null(nd_registers_map(beyond[i]));
			assert_int_equal(lines, 1);
			assert_int_equal(nd_registers_directory[0], 0);
			assert_int_equal(nd_registers_directory[1], 0);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_beyond_the_cpus_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
