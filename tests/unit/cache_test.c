/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cache_test.c - early pages in their file: what came is there, what the disk spoils is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "netdump/wire.h"
#include "server/cache.h"
#include "server/sums.h"

static uint8_t page[2 * ND_PAGE_BYTES];
static FILE *file;

static struct nd_cache setup(void)
{
	for (size_t i = 0; i < sizeof page; i++)
		page[i] = (uint8_t)(i * 7 + i / 256);
	file = tmpfile();
	assert_non_null(file);
	return (struct nd_cache){.fd = fileno(file)};
}

static void teardown(struct nd_cache *c)
{
	nd_cache_free(c);
	fclose(file);
}

static void page_put(struct nd_cache *c, uint64_t number, const uint8_t *data)
{
	uint64_t phys = number * ND_PAGE_BYTES;
	uint64_t sum = data ? nd_sums_grains(phys, data, ND_PAGE_BYTES) : 0;

	assert_true(nd_cache_whole(c, number, sum));
	assert_int_equal(nd_cache_put(c, phys, data, ND_PAGE_BYTES, false), 0);
}

static void keeps_pages_in_any_order(void **state)
{
	struct nd_cache c = setup();
	const uint8_t *data;

	(void)state;
	for (uint64_t i = 0; i < 200; i++)
		page_put(&c, i * 37 % 200, page + i);
	for (uint64_t i = 0; i < 200; i++) {
		assert_int_equal(nd_cache_get(&c, i * 37 % 200, &data), ND_MEM_OK);
		assert_memory_equal(data, page + i, ND_PAGE_BYTES);
	}
	assert_int_equal(nd_cache_get(&c, 200, &data), ND_MEM_WAIT);
	teardown(&c);
}

static void takes_pages_in_parts(void **state)
{
	struct nd_cache c = setup();
	const uint8_t *data;

	(void)state;
	assert_int_equal(nd_cache_put(&c, 8192 + 1024, page + 1024, 6144, false), 0);
	assert_int_equal(nd_cache_get(&c, 2, &data), ND_MEM_WAIT);
	assert_true(nd_cache_whole(&c, 2, nd_sums_grains(8192, page, ND_PAGE_BYTES)));
	assert_int_equal(nd_cache_put(&c, 8192, page, 1024, false), 0);
	assert_int_equal(nd_cache_get(&c, 2, &data), ND_MEM_OK);
	assert_memory_equal(data, page, ND_PAGE_BYTES);
	assert_int_equal(nd_cache_get(&c, 3, &data), ND_MEM_WAIT);
	teardown(&c);
}

static void tells_zeros_from_what_is_absent(void **state)
{
	struct nd_cache c = setup();
	const uint8_t *data;

	(void)state;
	page_put(&c, 5, NULL);
	assert_true(nd_cache_whole(&c, 6, 0));
	assert_int_equal(nd_cache_put(&c, 6 * ND_PAGE_BYTES, NULL, ND_PAGE_BYTES, true), 0);
	assert_int_equal(nd_cache_get(&c, 5, &data), ND_MEM_OK);
	for (size_t i = 0; i < ND_PAGE_BYTES; i++)
		assert_int_equal(data[i], 0);
	assert_int_equal(nd_cache_get(&c, 6, &data), ND_MEM_ABSENT);
	teardown(&c);
}

/* It is wanted again, and right once it has come again. */
static void does_not_give_what_the_disk_spoilt(void **state)
{
	struct nd_cache c = setup();
	const uint8_t *data;

	(void)state;
	page_put(&c, 9, page);
	assert_int_equal(pwrite(c.fd, "x", 1, 77), 1);
	assert_int_equal(nd_cache_get(&c, 9, &data), ND_MEM_WAIT);
	assert_int_equal(nd_cache_get(&c, 9, &data), ND_MEM_WAIT);
	assert_int_equal(c.spoilt, 1);
	page_put(&c, 9, page);
	assert_int_equal(nd_cache_get(&c, 9, &data), ND_MEM_OK);
	/* a look at the file, for every run of a parser */
	assert_int_equal(ftruncate(c.fd, 0), 0);
	assert_int_equal(nd_cache_get(&c, 9, &data), ND_MEM_OK);
	nd_cache_rest(&c);
	assert_int_equal(nd_cache_get(&c, 9, &data), ND_MEM_WAIT);
	teardown(&c);
}

static void is_bounded(void **state)
{
	struct nd_cache c = setup();
	const uint8_t *data;

	(void)state;
	for (uint64_t i = 0; i < ND_CACHE_PAGES_MAX; i++)
		page_put(&c, i, page);
	assert_false(nd_cache_whole(&c, ND_CACHE_PAGES_MAX, 0));
	assert_int_not_equal(nd_cache_put(&c, ND_CACHE_PAGES_MAX * (uint64_t)ND_PAGE_BYTES, page,
					  ND_PAGE_BYTES, false),
			     0);
	page_put(&c, 0, page + ND_GRAIN_BYTES); /* those that are there go on */
	assert_int_equal(nd_cache_get(&c, 0, &data), ND_MEM_OK);
	assert_memory_equal(data, page + ND_GRAIN_BYTES, ND_PAGE_BYTES);
	teardown(&c);
}

/* It is still there to be moved, and makes room. */
static void pages_are_put_away(void **state)
{
	struct nd_cache c = setup();
	struct nd_pages some = {0};
	uint8_t data[ND_PAGE_BYTES];
	enum nd_mem_status status;
	const uint8_t *there;
	uint64_t number, sum;

	(void)state;
	page_put(&c, 3, page);
	page_put(&c, 4, page + ND_GRAIN_BYTES);
	page_put(&c, 5, page);
	assert_int_equal(nd_cache_get(&c, 4, &there), ND_MEM_OK);
	nd_pages_add(&some, 4, 10);
	assert_true(nd_cache_put_away(&c, &some));
	assert_int_equal(nd_cache_get(&c, 4, &there), ND_MEM_WAIT);
	assert_int_equal(nd_cache_get(&c, 3, &there), ND_MEM_OK);
	assert_int_equal(c.used, 1);
	page_put(&c, 9, page); /* over nothing that is there */
	assert_true(nd_cache_whole(&c, 8, 0));
	assert_int_equal(nd_cache_put(&c, 8 * ND_PAGE_BYTES, NULL, ND_PAGE_BYTES, true), 0);
	assert_int_equal(nd_cache_put(&c, 7 * ND_PAGE_BYTES, page, 64, false), 0); /* not whole */
	assert_true(nd_cache_put_away(&c, NULL));
	for (unsigned int seen = 0; nd_cache_take(&c, &number, &sum, data, &status); seen++) {
		const uint8_t *was = number == 4 ? page + ND_GRAIN_BYTES : page;

		assert_true(seen < 6 && number >= 3 && number <= 9);
		assert_int_equal(status, number == 8   ? ND_MEM_ABSENT
					 : number == 7 ? ND_MEM_WAIT
						       : ND_MEM_OK);
		if (status == ND_MEM_OK) {
			assert_memory_equal(data, was, ND_PAGE_BYTES);
			assert_true(sum ==
				    nd_sums_grains(number * ND_PAGE_BYTES, was, ND_PAGE_BYTES));
		}
	}
	assert_int_equal(c.away_used, 0);
	page_put(&c, 3, page);
	assert_true(nd_cache_put_away(&c, NULL));
	assert_int_equal(ftruncate(c.fd, 0), 0);
	assert_true(nd_cache_take(&c, &number, &sum, data, &status));
	assert_int_equal(status, ND_MEM_WAIT);
	nd_pages_free(&some);
	teardown(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_pages_in_any_order),
		cmocka_unit_test(takes_pages_in_parts),
		cmocka_unit_test(tells_zeros_from_what_is_absent),
		cmocka_unit_test(does_not_give_what_the_disk_spoilt),
		cmocka_unit_test(is_bounded),
		cmocka_unit_test(pages_are_put_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
