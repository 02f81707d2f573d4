/* SPDX-License-Identifier: GPL-2.0-or-later */
/* map_test.c - what a map says comes back as it was, and nothing else does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "server/map.h"

#define SESSION 0x1122334455667788u

static const uint8_t token[ND_HELLO_TOKEN_BYTES] = "fifteen letters";

/* A dump of pages 16..(16 + pages) in a file of two extents, with the odd ones missing. */
struct fixture {
	struct nd_core core;
	struct nd_vmcore v;
	struct nd_sums sums;
	struct nd_pages missing, absent;
};

static void setup(struct fixture *x, uint64_t pages, uint64_t holes)
{
	const char *why;

	memset(x, 0, sizeof *x);
	x->core.loads = 2;
	x->core.load[0] = (struct nd_core_load){.phys = 16 * 4096, .file_size = pages * 4096};
	x->core.load[1] = (struct nd_core_load){.phys = 1ull << 40, .file_size = 4096};
	assert_true(nd_vmcore_plan(&x->v, &x->core, 0, &why));
	assert_true(nd_sums_init(&x->sums, x->v.bytes));
	for (size_t i = 0; i < x->sums.chunks; i++)
		x->sums.chunk[i].sum = UINT64_MAX - i;
	for (uint64_t i = 0; i < holes; i++)
		assert_true(nd_pages_add(&x->missing, 17 + 2 * i, 1));
	assert_true(nd_pages_add(&x->absent, 20, 3));
	x->v.head_sum = 0xfedcba9876543210;
}

static void teardown(struct fixture *x)
{
	nd_vmcore_free(&x->v);
	nd_sums_free(&x->sums);
	nd_pages_free(&x->missing);
	nd_pages_free(&x->absent);
}

static struct nd_map *make(const struct fixture *x)
{
	return nd_map_make(SESSION, token, &x->v, &x->sums, &x->missing, &x->absent,
			   json_pack("{s:i}", "datagrams", 17));
}

static void a_map_comes_back(void **state)
{
	struct fixture x;
	struct nd_map *map, *back;
	const char *why;
	char *text;

	(void)state;
	setup(&x, 5000, 100);
	map = make(&x);
	text = nd_map_text(map);
	assert_non_null(text);
	back = nd_map_parse(text, strlen(text), SESSION, token, &why);
	assert_non_null(back);
	assert_int_equal(back->missing.total, 100);
	assert_int_equal(back->missing.spans, 100);
	assert_int_equal(back->missing.span[99].page, 17 + 2 * 99);
	assert_int_equal(back->absent.total, 3);
	assert_memory_equal(back->sum, map->sum, x.sums.chunks * sizeof *map->sum);
	assert_int_equal(back->layout.head_sum, x.v.head_sum);
	assert_true(nd_map_fits(back, &x.v, x.v.bytes));
	assert_false(nd_map_fits(back, &x.v, x.v.bytes + 4096));
	x.v.extent[1].page++;
	assert_false(nd_map_fits(back, &x.v, x.v.bytes));
	assert_int_equal(json_integer_value(json_object_get(back->past, "datagrams")), 17);
	nd_map_free(back);
	assert_null(nd_map_parse(text, strlen(text), SESSION + 1, token, &why));
	free(text);
	nd_map_free(map);
	teardown(&x);
}

/* Whatever byte turns, the map is refused; without the token only its form is looked at. */
static void every_byte_is_sealed(void **state)
{
	struct fixture x;
	struct nd_map *map;
	const char *why;
	char *text;
	size_t bytes;

	(void)state;
	setup(&x, 100, 3);
	map = make(&x);
	text = nd_map_text(map);
	bytes = strlen(text);
	for (size_t i = 0; i < bytes; i++) {
		text[i] ^= 1;
		assert_null(nd_map_parse(text, bytes, SESSION, token, &why));
		assert_non_null(why);
		nd_map_free(nd_map_parse(text, bytes, SESSION, NULL, &why));
		text[i] ^= 1;
		assert_null(nd_map_parse(text, i, SESSION, token, &why));
	}
	free(text);
	nd_map_free(map);
	teardown(&x);
}

/* Far too many holes: chunks with holes are missing altogether, the others stay. */
static void many_holes_are_rounded_to_chunks(void **state)
{
	struct fixture x;
	struct nd_map *map;
	uint64_t whole = 0, holed_pages = 2 * (ND_MAP_SPANS_MAX + 1);

	(void)state;
	setup(&x, 2 * holed_pages, ND_MAP_SPANS_MAX + 1);
	map = make(&x);
	assert_non_null(map);
	assert_true(map->missing.spans <= 2);
	assert_true(map->missing.total >= holed_pages - 2);
	assert_true(map->missing.total < holed_pages + 2 * ND_CHUNK_BYTES_MIN / ND_PAGE_BYTES);
	for (size_t i = 0; i < x.sums.chunks; i++) {
		struct nd_pages pages = {0};

		assert_true(nd_vmcore_pages_at(&x.v, i * x.sums.chunk_bytes,
					       (i + 1) * x.sums.chunk_bytes, &pages));
		assert_int_equal(!map->sum[i], nd_pages_has(&map->missing, pages.span[0].page));
		whole += map->sum[i] != 0;
		nd_pages_free(&pages);
	}
	assert_true(whole >= x.sums.chunks / 2 - 1);
	nd_map_free(map);
	teardown(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_map_comes_back),
		cmocka_unit_test(every_byte_is_sealed),
		cmocka_unit_test(many_holes_are_rounded_to_chunks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
