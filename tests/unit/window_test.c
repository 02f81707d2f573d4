/* SPDX-License-Identifier: GPL-2.0-or-later */
/* window_test.c - which sequence numbers are new, which came before or cannot be told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "wire/secure.h"

static const struct window_step {
	uint64_t seq;
	bool taken;
} window_steps[] = {
	{0, false},
	{1, true},
	{1, false},
	{3, true}, /* out of order */
	{2, true},
	{2, false},
	{0, false},
	{64, true}, /* edges of words */
	{63, true},
	{65, true},
	{63, false},
	{64, false},
	{ND_WINDOW_BITS - 1, true}, /* the ring is full: 4 is in its oldest word */
	{4, true},
	{1, false},
	{ND_WINDOW_BITS, true}, /* the ring's first word is used again, by newer ones */
	{5, false},             /* too old to tell */
	{65, false},            /* still known */
	{66, true},
	{ND_WINDOW_BITS + 1, true},
	{ND_WINDOW_BITS + 1, false},
	{10 * ND_WINDOW_BITS + 70, true}, /* a jump over the whole ring */
	{10 * ND_WINDOW_BITS + 70, false},
	{10 * ND_WINDOW_BITS + 69, true},
	{9 * ND_WINDOW_BITS + 70 + 58, true}, /* the oldest that is told: its word's last bits */
	{9 * ND_WINDOW_BITS + 70 + 57, false},
	{9 * ND_WINDOW_BITS + 70, false}, /* far too old */
	{66, false},
	{UINT64_MAX, true}, /* only a peer with the keys can */
	{UINT64_MAX, false},
	{UINT64_MAX - 1, true},
	{UINT64_MAX - ND_WINDOW_BITS, false},
};

static void each_seq_is_taken_once(void **state)
{
	(void)state;
	struct nd_window w = {.highest = 0};

	for (size_t i = 0; i < sizeof window_steps / sizeof *window_steps; i++)
		if (nd_window_take(&w, window_steps[i].seq) != window_steps[i].taken)
			fail_msg("step %zu: seq %llu", i, (unsigned long long)window_steps[i].seq);
}

/* Against a plain list of everything taken so far. */
static void the_window_forgets_nothing(void **state)
{
	(void)state;
	enum { SEQS = 20000 };
	static bool taken[SEQS];
	struct nd_window w = {.highest = 0};
	uint64_t random = 1;

	for (unsigned int i = 0; i < 5 * SEQS; i++) {
		uint64_t seq, highest = w.highest;
		bool told;

		random = random * 6364136223846793005u + 1442695040888963407u;
		seq = i / 6 + (random >> 33) % 3000;
		if (seq >= SEQS)
			break;
		told = nd_window_take(&w, seq);
		if (told)
			assert_false(taken[seq]);
		else if (seq && highest < seq + ND_WINDOW_BITS - 64)
			assert_true(taken[seq]);
		taken[seq] |= told;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_seq_is_taken_once),
		cmocka_unit_test(the_window_forgets_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
