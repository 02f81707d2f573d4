// SPDX-License-Identifier: GPL-2.0-or-later
/* dini_take_test.c - dini/agent.c takes a server's answer, in virtual time, with seeded loss. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dini/agent.h"
#include "wire/message.h"

#define ROOM_BYTES   100000u
#define ANSWER_BYTES (64u * ND_GIVE_BYTES + 100)
#define PIECES       65u

static const struct nd_agent_peer server = {{10, 0, 2, 2}, ND_WIRE_PORT};
static uint8_t answer[ANSWER_BYTES], taken[ROOM_BYTES];
static unsigned int put; /* pieces */
static struct nd_agent agent;
static uint64_t buffer[ND_WIRE_DATAGRAM_MAX / 8];
static const struct nd_wire_take *const take = (const void *)buffer;

static const void *page_lend(void *ctx, uint64_t phys)
{
	(void)ctx;
	(void)phys;
	return NULL;
}

static void piece_put(void *ctx, uint64_t at, const void *piece, size_t bytes)
{
	assert_ptr_equal(ctx, taken);
	assert_true(at <= ROOM_BYTES && bytes <= ROOM_BYTES - at);
	memcpy(taken + at, piece, bytes);
	put++;
}

static struct nd_agent_config config_make(void)
{
	return (struct nd_agent_config){
		.security = ND_AGENT_PLAIN,
		.kind = ND_HELLO_DRIVERS,
		.server_count = 1,
		.server = {server},
		.page = page_lend,
		.take = piece_put,
		.take_ctx = taken,
		.take_room_bytes = ROOM_BYTES,
	};
}

static int setup(void **state)
{
	struct nd_agent_config config = config_make();

	(void)state;
	srand(5);
	for (size_t i = 0; i < sizeof answer; i++)
		answer[i] = (uint8_t)(rand() >> 8);
	memset(taken, 0, sizeof taken);
	put = 0;
	nd_agent_init(&agent, &config, 1000);
	return 0;
}

static void input(const void *message, size_t bytes, uint64_t now_ms)
{
	void *exact = malloc(bytes);

	memcpy(exact, message, bytes);
	nd_agent_input(&agent, &server, exact, bytes, now_ms);
	free(exact);
}

static void give(uint32_t index, uint64_t total_bytes, uint64_t now_ms)
{
	struct nd_wire_give g;
	size_t piece = nd_give_init(&g, agent.session, 1, total_bytes, index);

	memcpy(g.piece, answer + (size_t)index * ND_GIVE_BYTES, piece);
	input(&g, g.header.length, now_ms);
}

/* What the agent says; a TAKE, or nothing. */
static bool asks(uint64_t now_ms)
{
	struct nd_agent_peer to;
	size_t bytes = nd_agent_output(&agent, buffer, sizeof buffer, now_ms, &to);

	if (!bytes)
		return false;
	assert_int_equal(nd_message_check(buffer, bytes), ND_MESSAGE_OK);
	return take->header.type == ND_TAKE;
}

static void hello_says_what_it_is(void **state)
{
	const struct nd_wire_hello *hello = (const void *)buffer;

	(void)state;
	assert_false(asks(1000));
	assert_int_equal(hello->header.type, ND_HELLO);
	assert_int_equal(hello->kind, ND_HELLO_DRIVERS);
}

/* Each piece is lost three times in ten, and some come twice. */
static void an_answer_is_taken_in_spite_of_loss(void **state)
{
	uint64_t now_ms = 1000;
	unsigned int last = 0;

	(void)state;
	give(0, ANSWER_BYTES, now_ms);
	for (unsigned int i = 0; i < 10000 && last < 2; i++, now_ms += 10) {
		if (!asks(now_ms))
			continue;
		assert_true(take->first + take->count <= PIECES);
		assert_true(take->count || nd_agent_taken_bytes(&agent));
		last += !take->count;
		for (uint32_t k = 0; k < take->count; k++)
			for (int twice = rand() % 4 == 0; twice >= 0; twice--)
				if (rand() % 10 >= 3)
					give(take->first + k, ANSWER_BYTES, now_ms);
	}
	assert_int_equal(last, 2); /* it says so until the server does */
	assert_int_equal(nd_agent_taken_bytes(&agent), ANSWER_BYTES);
	assert_memory_equal(taken, answer, ANSWER_BYTES);
	assert_int_equal(put, PIECES);
}

static void pieces_are_asked_for_again_only_when_due(void **state)
{
	(void)state;
	give(0, ANSWER_BYTES, 1000);
	assert_true(asks(1000));
	assert_int_equal(take->first, 1);
	assert_false(asks(1000 + ND_AGENT_TAKE_MS - 1));
	assert_true(asks(1000 + ND_AGENT_TAKE_MS));
	give(2, ANSWER_BYTES, 1300);
	assert_false(asks(1300 + ND_AGENT_TAKE_MS - 1));
	assert_true(asks(1300 + ND_AGENT_TAKE_MS));
	assert_int_equal(take->first, 1);
}

static void what_does_not_belong_is_not_taken(void **state)
{
	(void)state;
	give(0, ROOM_BYTES + 1, 1000); /* too long */
	assert_false(agent.take.total_bytes);
	give(0, ANSWER_BYTES, 1000);
	give(1, ANSWER_BYTES - 1, 1000);           /* of another answer */
	give(0, ANSWER_BYTES, 1000);               /* again */
	give(ND_TAKE_MAX + 1, ANSWER_BYTES, 1000); /* not asked for */
	assert_int_equal(put, 1);
	assert_int_equal(agent.refused, 4);
	assert_int_equal(nd_agent_taken_bytes(&agent), 0);
}

static void another_answer_is_taken_from_its_beginning(void **state)
{
	(void)state;
	give(0, ANSWER_BYTES, 1000);
	assert_true(asks(1000));
	give(1, ANSWER_BYTES, 1000);
	give(0, ND_GIVE_BYTES + 7, 1000);
	assert_true(asks(1000));
	assert_int_equal(take->first, 1);
	assert_int_equal(take->count, 1);
	give(1, ND_GIVE_BYTES + 7, 1000);
	assert_int_equal(nd_agent_taken_bytes(&agent), ND_GIVE_BYTES + 7);
	assert_memory_equal(taken, answer, ND_GIVE_BYTES + 7);
}

static void who_takes_no_answer_gets_none(void **state)
{
	struct nd_agent_config config = config_make();

	(void)state;
	config.take = NULL;
	nd_agent_init(&agent, &config, 1000);
	give(0, ANSWER_BYTES, 1000);
	assert_int_equal(put, 0);
	assert_false(asks(1000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(hello_says_what_it_is, setup),
		cmocka_unit_test_setup(an_answer_is_taken_in_spite_of_loss, setup),
		cmocka_unit_test_setup(pieces_are_asked_for_again_only_when_due, setup),
		cmocka_unit_test_setup(what_does_not_belong_is_not_taken, setup),
		cmocka_unit_test_setup(another_answer_is_taken_from_its_beginning, setup),
		cmocka_unit_test_setup(who_takes_no_answer_gets_none, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
