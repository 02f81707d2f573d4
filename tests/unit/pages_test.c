/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pages_test.c - sets of pages, each against a plain array of flags. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "server/pages.h"

#define PAGES 200

static void invariants(const struct nd_pages *set, const bool *flag)
{
	uint64_t total = 0;

	for (size_t i = 0; i < set->spans; i++) {
		assert_true(set->span[i].count > 0);
		if (i)
			assert_true(set->span[i].page >
				    set->span[i - 1].page + set->span[i - 1].count);
		total += set->span[i].count;
	}
	assert_int_equal(total, set->total);
	for (uint64_t p = 0; p < PAGES; p++)
		assert_int_equal(nd_pages_has(set, p), flag[p]);
}

static void as_an_array_of_flags(void **state)
{
	(void)state;
	for (unsigned int seed = 1; seed <= 20; seed++) {
		struct nd_pages set = {0};
		bool flag[PAGES] = {false};

		srandom(seed);
		for (int step = 0; step < 300; step++) {
			uint64_t page = (uint64_t)random() % PAGES;
			uint64_t count = (uint64_t)random() % (PAGES - page) % 20;
			long what = random() % 5;

			if (what < 2) {
				assert_true(nd_pages_add(&set, page, count));
				memset(flag + page, true, count);
			} else if (what < 4) {
				assert_true(nd_pages_remove(&set, page, count));
				memset(flag + page, false, count);
			} else {
				struct nd_span span = nd_pages_take(&set, count);

				for (uint64_t p = 0; span.count && p < span.page; p++)
					assert_false(flag[p]);
				memset(flag + span.page, false, span.count);
			}
			invariants(&set, flag);
		}
		nd_pages_free(&set);
	}
}

static void terabytes_are_one_span(void **state)
{
	struct nd_pages set = {0};

	(void)state;
	assert_true(nd_pages_add(&set, 0, 1ull << 40));
	assert_true(nd_pages_add(&set, 1ull << 40, 1ull << 40));
	assert_int_equal(set.spans, 1);
	assert_true(set.total == 1ull << 41);
	nd_pages_free(&set);
}

static void what_both_have_is_moved(void **state)
{
	struct nd_pages from = {0}, to = {0};

	(void)state;
	nd_pages_add(&from, 10, 10);
	nd_pages_add(&from, 30, 10);
	assert_true(nd_pages_move(&to, &from, 0, 5));
	assert_int_equal(to.total, 0);
	assert_true(nd_pages_move(&to, &from, 15, 20));
	assert_int_equal(to.total, 10);
	assert_int_equal(from.total, 10);
	assert_true(nd_pages_has(&to, 15) && nd_pages_has(&to, 19) && nd_pages_has(&to, 34));
	assert_true(nd_pages_has(&from, 14) && nd_pages_has(&from, 35));
	nd_pages_free(&from);
	nd_pages_free(&to);
}

static void short_spans_are_dropped(void **state)
{
	struct nd_pages set = {0};

	(void)state;
	assert_null(nd_pages_next(&set, 0));
	nd_pages_add(&set, 10, 1);
	nd_pages_add(&set, 20, 3);
	nd_pages_add(&set, 30, 2);
	nd_pages_add(&set, 40, 4);
	assert_int_equal(nd_pages_next(&set, 0)->page, 10);
	assert_int_equal(nd_pages_next(&set, 22)->page, 20);
	assert_int_equal(nd_pages_next(&set, 23)->page, 30);
	assert_null(nd_pages_next(&set, 44));
	nd_pages_prune(&set, 3);
	assert_int_equal(set.spans, 2);
	assert_int_equal(set.total, 7);
	assert_false(nd_pages_has(&set, 30));
	assert_true(nd_pages_has(&set, 20) && nd_pages_has(&set, 43));
	nd_pages_free(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_an_array_of_flags),
		cmocka_unit_test(terabytes_are_one_span),
		cmocka_unit_test(what_both_have_is_moved),
		cmocka_unit_test(short_spans_are_dropped),
	};

	return cmocka_run_group_tests_name("pages", tests, NULL, NULL);
}
