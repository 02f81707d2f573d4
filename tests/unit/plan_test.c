/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plan_test.c - how much is asked at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "server/plan.h"
#include "server/reads.h"

static void windows(void **state)
{
	static const struct {
		uint32_t window, queue, ratio, reads, budget, pages;
	} row[] = {
		/* 0 */ {1u << 30, 8, 64, 8, 32768, 128},
		/* 1 */ {1u << 30, 2, 64, 2, 32768, 128}, /* what HELLO says that it holds */
		/* 2 */ {1u << 30, 99, 64, 8, 32768, 128},
		/* 3 */ {1u << 30, 0, 64, 1, 32768, 128},
		/* 4 */ {65536, 8, 64, 2, 32768, 128},
		/* 5 */ {32768, 8, 64, 2, 16384, 128},
		/* 6 */ {16384, 8, 64, 2, 8192, 128},
		/* 7 */ {16383, 8, 64, 1, 16383, 128}, /* too small for two READs */
		/* 8 */ {0, 8, 64, 1, ND_PLAN_READ_BYTES_MIN, 128},
		/* 9 */ {65536, 8, 0, 2, 32768, ND_PLAN_PAGES_MIN},
		/* 10 */ {65536, 8, 3000, 2, 32768, ND_READ_PAGES_MAX},
		/* 11 */ {65536, 8, UINT32_MAX, 2, 32768, ND_READ_PAGES_MAX},
	};

	(void)state;
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct nd_plan p = nd_plan_make(row[i].window, row[i].queue, row[i].ratio);

		if (p.reads != row[i].reads || p.budget_bytes != row[i].budget ||
		    p.pages != row[i].pages)
			fail_msg("row %zu: %u reads, %u bytes, %u pages", i, p.reads,
				 p.budget_bytes, p.pages);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(windows),
	};

	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
