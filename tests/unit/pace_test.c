/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pace_test.c - the pool of bytes in flight: who may ask, and how large it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "server/pace.h"

#define KIB 1024u

static void the_pool_goes_round(void **state)
{
	struct nd_turn turn[4] = {0};
	struct nd_pace p;

	(void)state;
	nd_pace_init_fixed(&p, 100);
	for (int i = 0; i < 4; i++)
		nd_pace_join(&p, &turn[i]);
	assert_true(nd_pace_may(&p, &turn[0]));
	nd_pace_take(&p, &turn[0], 60);
	assert_true(nd_pace_may(&p, &turn[1])); /* the last may go a little over */
	nd_pace_take(&p, &turn[1], 60);
	for (int i = 2; i < 4; i++)
		assert_false(nd_pace_may(&p, &turn[i]));
	assert_false(nd_pace_may(&p, &turn[0]));
	assert_null(nd_pace_next(&p));

	nd_pace_give(&p, &turn[0], 60);
	/* There is room, but not for one who would jump the queue. */
	assert_false(nd_pace_may(&p, &turn[1]));
	assert_ptr_equal(nd_pace_next(&p), &turn[2]);
	assert_true(nd_pace_may(&p, &turn[2]));
	nd_pace_take(&p, &turn[2], 10);
	assert_false(nd_pace_may(&p, &turn[2])); /* one READ a turn */
	assert_ptr_equal(nd_pace_next(&p), &turn[3]);
	nd_pace_leave(&p, &turn[0]);                  /* from the middle of the queue */
	assert_ptr_equal(nd_pace_next(&p), &turn[1]); /* 3 had nothing to ask */
	assert_ptr_equal(nd_pace_next(&p), &turn[2]);
	assert_null(nd_pace_next(&p));
	nd_pace_leave(&p, &turn[1]);
	nd_pace_leave(&p, &turn[2]);
	assert_int_equal(p.out_bytes, 0);
	assert_int_equal(p.sharing, 1);
}

static void shares(void **state)
{
	static const struct {
		uint32_t size;
		unsigned int machines;
		uint32_t share;
	} row[] = {
		/* 0 */ {1024 * KIB, 0, 256 * KIB},
		/* 1 */ {1024 * KIB, 1, 256 * KIB},
		/* 2 */ {1024 * KIB, 8, 128 * KIB},
		/* 3 */ {1024 * KIB, 1024, 1 * KIB},
	};

	(void)state;
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct nd_turn turn[1024] = {0};
		struct nd_pace p;

		nd_pace_init_fixed(&p, row[i].size);
		for (unsigned int k = 0; k < row[i].machines; k++) {
			nd_pace_join(&p, &turn[k]);
			nd_pace_join(&p, &turn[k]); /* twice is once */
		}
		if (nd_pace_share(&p) != row[i].share)
			fail_msg("row %zu: %u", i, nd_pace_share(&p));
	}
}

/* Rounds of 1,000 datagrams each, in which ten machines could use more than they have. */
struct rounds {
	unsigned int count, lost, slow; /* the latter of 1,000 */
};

static void rounds_run(struct nd_pace *p, struct nd_turn *turn, const struct rounds *r)
{
	for (unsigned int i = 0; i < r->count; i++) {
		unsigned int left = p->size_bytes / 1000 + 1000;

		nd_pace_take(p, turn, p->size_bytes);
		nd_pace_share(p);
		for (unsigned int k = 0; k < 1000; k++)
			nd_pace_sample(p, k < r->slow);
		nd_pace_tally(p, p->era, left, left * r->lost / 1000);
		nd_pace_give(p, turn, turn->out_bytes);
	}
}

static void the_size_follows_the_network(void **state)
{
	static const struct {
		struct rounds rounds[4];
		uint32_t least, most; /* KiB, at the end; it begins with 256 */
	} row[] = {
		/*  0 */ {{{1, 0, 0}}, 384, 384},
		/*  1 */ {{{50, 0, 0}}, 2560, 2560},   /* ten windows */
		/*  2 */ {{{50, 10, 0}}, 2560, 2560},  /* 1 % by chance */
		/*  3 */ {{{1, 50, 0}}, 200, 230},     /* 5 % come as a surprise, */
		/*  4 */ {{{200, 50, 0}}, 2560, 2560}, /* but prove to be chance */
		/*  5 */ {{{200, 200, 0}}, 64, 70},    /* 20 % do not */
		/*  6 */ {{{1, 800, 0}}, 120, 135},    /* never more than halved at once */
		/*  7 */ {{{200, 1000, 0}}, 64, 70},   /* never below the floor */
		/*  8 */ {{{200, 1000, 0}, {40, 0, 0}}, 2560, 2560}, /* and it recovers */
		/*  9 */ {{{50, 0, 0}, {1, 0, 501}}, 2240, 2240},    /* most are slow */
		/* 10 */ {{{50, 0, 0}, {1, 0, 500}}, 2560, 2560},
		/* 11 */ {{{50, 0, 0}, {99, 0, 1000}}, 256, 256}, /* not below one window */
		/* 12 */ {{{1, 130, 0}, {3, 0, 0}}, 200, 220},    /* first it grows slowly */
	};

	(void)state;
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct nd_turn turn[10] = {0};
		struct nd_pace p;

		nd_pace_init(&p, 1u << 30);
		for (int k = 0; k < 10; k++)
			nd_pace_join(&p, &turn[k]);
		for (int k = 0; k < 4; k++)
			rounds_run(&p, &turn[0], &row[i].rounds[k]);
		if (p.size_bytes < row[i].least * KIB || p.size_bytes > row[i].most * KIB)
			fail_msg("row %zu: %u KiB", i, p.size_bytes / KIB);
	}
}

static void it_grows_only_where_it_is_used(void **state)
{
	struct nd_turn turn[10] = {0};
	struct nd_pace p;

	(void)state;
	nd_pace_init(&p, 1u << 30);
	for (int k = 0; k < 10; k++)
		nd_pace_join(&p, &turn[k]);
	nd_pace_take(&p, &turn[0], p.size_bytes / 2);
	nd_pace_share(&p);
	nd_pace_tally(&p, 0, 1000, 0);
	assert_int_equal(p.size_bytes, ND_PACE_WINDOW_BYTES);

	/* Nor does it keep what ten machines needed when there is one. */
	for (int k = 0; k < 9; k++)
		nd_pace_leave(&p, &turn[k]);
	p.size_bytes = 10 * ND_PACE_WINDOW_BYTES;
	nd_pace_tally(&p, 0, 100000, 0);
	assert_int_equal(p.size_bytes, ND_PACE_WINDOW_BYTES);
}

static void the_ceiling_holds(void **state)
{
	static const struct {
		uint32_t ceiling, begin;
	} row[] = {
		/* 0 */ {0, ND_PACE_FLOOR_BYTES},
		/* 1 */ {100 * KIB, 100 * KIB},
		/* 2 */ {UINT32_MAX, ND_PACE_WINDOW_BYTES},
	};
	static const struct rounds well = {100, 0, 0};

	(void)state;
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct nd_turn turn = {0};
		struct nd_pace p;

		nd_pace_init(&p, row[i].ceiling);
		nd_pace_join(&p, &turn);
		assert_int_equal(p.size_bytes, row[i].begin);
		rounds_run(&p, &turn, &well);
		assert_int_equal(p.size_bytes, row[i].begin);
	}
}

/* Answers to what was asked before the pool shrank do not shrink it again. */
static void one_flood_shrinks_once(void **state)
{
	struct nd_pace p;
	uint32_t size;

	(void)state;
	nd_pace_init(&p, 1u << 30);
	nd_pace_tally(&p, 0, 1000, 500);
	size = p.size_bytes;
	assert_true(size < ND_PACE_WINDOW_BYTES);
	for (int i = 0; i < 10; i++)
		nd_pace_tally(&p, 0, 1000, 500);
	assert_int_equal(p.size_bytes, size);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_pool_goes_round),
		cmocka_unit_test(shares),
		cmocka_unit_test(the_size_follows_the_network),
		cmocka_unit_test(it_grows_only_where_it_is_used),
		cmocka_unit_test(the_ceiling_holds),
		cmocka_unit_test(one_flood_shrinks_once),
	};

	return cmocka_run_group_tests_name("pace", tests, NULL, NULL);
}
