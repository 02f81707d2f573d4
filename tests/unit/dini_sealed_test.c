// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * dini_sealed_test.c - dini/agent.c and handshake.c on a sealed wire, against the responder's
 * side of wire/secure.h in this file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dini/agent.h"
#include "wire/message.h"
#include "wire/secure.h"

#define PAGES 16u

/* A datagram, with room for any form. */
struct datagram {
	uint64_t bytes[ND_WIRE_DATAGRAM_MAX / 8];
	size_t length;
};

/* A server, and what it remembers of its last handshake. */
struct server {
	struct nd_agent_peer peer;
	uint8_t private_key[ND_WIRE_KEY_BYTES], public_key[ND_WIRE_KEY_BYTES];
	struct nd_noise noise;
	struct nd_keys keys;
	uint64_t hello_seq;
};

static struct server first, second;
static struct nd_agent_config config;
static struct nd_agent agent;
static uint8_t memory[PAGES][ND_PAGE_BYTES];
static uint8_t answer_ephemeral;

static const void *page_lend(void *ctx, uint64_t phys)
{
	(void)ctx;
	return phys / ND_PAGE_BYTES < PAGES ? memory[phys / ND_PAGE_BYTES] : NULL;
}

static void server_make(struct server *s, uint8_t number)
{
	memset(s, 0, sizeof *s);
	s->peer = (struct nd_agent_peer){{10, 0, 2, number}, ND_WIRE_PORT};
	memset(s->private_key, number, sizeof s->private_key);
	nd_noise_public(s->public_key, s->private_key);
}

static int setup(void **state)
{
	(void)state;
	server_make(&first, 2);
	server_make(&second, 3);
	memset(&config, 0, sizeof config);
	config.security = ND_AGENT_NK;
	memset(config.seed, 0x5E, sizeof config.seed);
	config.server_count = 1;
	config.server[0] = first.peer;
	config.server[1] = second.peer;
	memcpy(config.server_key[0], first.public_key, ND_WIRE_KEY_BYTES);
	memcpy(config.server_key[1], second.public_key, ND_WIRE_KEY_BYTES);
	memcpy(config.host, "a host's name", 14);
	config.page = page_lend;
	for (size_t i = 0; i < sizeof memory; i++)
		((uint8_t *)memory)[i] = (uint8_t) "no page of it in the clear "[i % 27];
	nd_agent_init(&agent, &config, 1000);
	return 0;
}

static int setup_two(void **state)
{
	setup(state);
	config.server_count = 2;
	nd_agent_init(&agent, &config, 1000);
	return 0;
}

static size_t output(struct datagram *d, uint64_t now_ms, struct nd_agent_peer *to)
{
	void *exact = malloc(ND_WIRE_DATAGRAM_MAX);

	d->length = nd_agent_output(&agent, exact, ND_WIRE_DATAGRAM_MAX, now_ms, to);
	assert_true(d->length <= ND_WIRE_DATAGRAM_MAX);
	memcpy(d->bytes, exact, d->length);
	free(exact);
	return d->length;
}

/* What the agent made of it: true if it was not refused. */
static bool input(const struct server *from, const struct datagram *d, uint64_t now_ms)
{
	uint32_t refused = agent.refused;
	void *exact = malloc(d->length);

	memcpy(exact, d->bytes, d->length);
	nd_agent_input(&agent, &from->peer, exact, d->length, now_ms);
	free(exact);
	return agent.refused == refused;
}

/* The HELLO that is due now, opened by the server that it is for. */
static const struct nd_wire_hello *hello_take(struct server *s, struct datagram *d, uint64_t now_ms)
{
	const struct nd_wire_hello *hello =
		(const void *)((uint8_t *)d->bytes + ND_HANDSHAKE_OFFSET);
	struct nd_agent_peer to;

	assert_true(output(d, now_ms, &to) > 0);
	assert_memory_equal(&to, &s->peer, sizeof to);
	assert_int_equal(nd_hello_open(&s->noise, d->bytes, d->length, s->private_key,
				       s->public_key, config.has_psk ? config.psk : NULL),
			 ND_MESSAGE_OK);
	s->hello_seq = hello->header.seq;
	return hello;
}

static void read_make(void *at, uint64_t seq, uint32_t id)
{
	nd_read_init(at, agent.session, seq, id, 0, 1u << 20);
	nd_read_extent_add(at, 0, PAGES, 0);
}

/* Seals READ `id` as the answer to the server's last HELLO; its keys are the ones that follow. */
static void answer_make(struct server *s, struct datagram *d, uint32_t id)
{
	uint8_t ephemeral[ND_WIRE_KEY_BYTES];

	memset(ephemeral, ++answer_ephemeral, sizeof ephemeral);
	read_make((uint8_t *)d->bytes + ND_HANDSHAKE_OFFSET, s->hello_seq, id);
	d->length = nd_answer_seal(&s->noise, d->bytes, ephemeral, &s->keys);
	assert_true(d->length > 0);
}

static void sealed_read_make(struct nd_keys *keys, struct datagram *d, uint32_t id)
{
	read_make(d->bytes, 0, id);
	d->length = nd_sealed_seal(keys, d->bytes);
}

/* Takes DATA until nothing more comes, all of it under these keys; its READ, 0: none came. */
static uint32_t data_take(struct nd_keys *keys, uint64_t now_ms)
{
	struct datagram d;
	struct nd_agent_peer to;
	const struct nd_wire_data *data = (const void *)d.bytes;
	uint32_t read_id = 0;

	while (agent.queue_count) {
		assert_true(output(&d, now_ms, &to) > 0);
		assert_int_equal(nd_sealed_open(keys, d.bytes, d.length), ND_MESSAGE_OK);
		assert_int_equal(data->header.type, ND_DATA);
		read_id = data->read_id;
	}
	return read_id;
}

static bool holds(const struct datagram *d, const void *what, size_t bytes)
{
	return memmem(d->bytes, d->length, what, bytes);
}

static void a_whole_session(void **state)
{
	struct datagram d;
	struct nd_agent_peer to;

	(void)state;
	for (uint32_t security = ND_AGENT_NK; security <= ND_AGENT_NKPSK0; security++) {
		setup(state);
		config.security = security;
		config.has_psk = security == ND_AGENT_NKPSK0;
		memset(config.psk, 0x77, sizeof config.psk);
		nd_agent_init(&agent, &config, 1000);
		assert_string_equal(hello_take(&first, &d, 1000)->host, config.host);
		answer_make(&first, &d, 1);
		assert_true(input(&first, &d, 1000));
		assert_true(agent.bound && agent.heard);
		assert_int_equal(data_take(&first.keys, 1000), 1);
		sealed_read_make(&first.keys, &d, 2);
		assert_true(input(&first, &d, 1000));
		assert_int_equal(data_take(&first.keys, 1000), 2);
		nd_done_init((void *)d.bytes, agent.session, 0, ND_DONE_COMPLETE, "on disk");
		d.length = nd_sealed_seal(&first.keys, d.bytes);
		assert_true(input(&first, &d, 1000));
		assert_true(nd_agent_done(&agent));
		assert_int_equal(output(&d, 99999, &to), 0);
	}
}

static void another_key_opens_no_hello(void **state)
{
	struct datagram d, copy;
	struct nd_agent_peer to;
	uint8_t psk[ND_WIRE_KEY_BYTES] = {1};

	(void)state;
	output(&d, 1000, &to);
	copy = d;
	assert_int_equal(nd_hello_open(&second.noise, copy.bytes, copy.length, second.private_key,
				       second.public_key, NULL),
			 ND_MESSAGE_SEAL);
	copy = d;
	assert_int_equal(nd_hello_open(&first.noise, copy.bytes, copy.length, first.private_key,
				       first.public_key, psk),
			 ND_MESSAGE_SEAL);
}

static void nothing_travels_in_the_clear(void **state)
{
	struct datagram d;
	struct nd_agent_peer to;

	(void)state;
	output(&d, 1000, &to);
	assert_false(holds(&d, config.host, 13));
	assert_false(holds(&d, agent.token, sizeof agent.token));
	assert_true(holds(&d, &agent.session, sizeof agent.session));
	hello_take(&first, &d, 1250);
	answer_make(&first, &d, 1);
	input(&first, &d, 1250);
	while (agent.queue_count) {
		output(&d, 1250, &to);
		assert_false(holds(&d, "in the clear", 12));
	}
}

static void every_hello_is_a_fresh_handshake(void **state)
{
	struct datagram d;
	uint8_t seen[6][ND_WIRE_KEY_BYTES];
	uint64_t now = 1000;

	(void)state;
	for (unsigned int i = 0; i < 6; now = agent.hello_ms, i++) {
		const struct nd_wire_hello *hello = hello_take(&first, &d, now);

		assert_int_equal(hello->header.seq, i + 1);
		assert_int_equal(hello->header.session, agent.session);
		assert_memory_equal(hello->token, agent.token, sizeof agent.token);
		memcpy(seen[i], nd_datagram_handshake(d.bytes)->ephemeral, sizeof seen[i]);
		for (unsigned int k = 0; k < i; k++)
			assert_memory_not_equal(seen[i], seen[k], sizeof seen[i]);
	}
}

/* Another seed, another session, token and key; and none of them shows the seed. */
static void the_seed_is_all_that_differs(void **state)
{
	struct datagram one, other;
	struct nd_agent_peer to;
	uint64_t session = agent.session;

	(void)state;
	output(&one, 1000, &to);
	nd_agent_init(&agent, &config, 1000);
	output(&other, 1000, &to);
	assert_memory_equal(one.bytes, other.bytes, one.length);
	config.seed[31] ^= 1;
	nd_agent_init(&agent, &config, 1000);
	output(&other, 1000, &to);
	assert_true(agent.session && agent.session != session);
	assert_memory_not_equal(nd_datagram_handshake(one.bytes)->ephemeral,
				nd_datagram_handshake(other.bytes)->ephemeral, ND_WIRE_KEY_BYTES);
}

static void answers_to_the_last_four_count(void **state)
{
	(void)state;
	for (unsigned int answered = 1; answered <= 6; answered++) {
		struct datagram d;
		struct server kept = {0};
		uint64_t now = 1000;

		setup(state);
		for (unsigned int i = 1; i <= 6; now = agent.hello_ms, i++) {
			hello_take(&first, &d, now);
			if (i == answered)
				kept = first;
		}
		answer_make(&kept, &d, 1);
		assert_int_equal(input(&first, &d, now), answered > 2);
		assert_int_equal(agent.bound, answered > 2);
	}
}

/* Its keys are what the server has given up for those of the newer one. */
static void an_older_answer_is_late(void **state)
{
	struct datagram d, older, newer;
	struct server kept;

	(void)state;
	hello_take(&first, &d, 1000);
	kept = first;
	hello_take(&first, &d, 1250);
	answer_make(&kept, &older, 1);
	answer_make(&first, &newer, 2);
	assert_true(input(&first, &newer, 1300));
	assert_false(input(&first, &older, 1300));
	assert_false(input(&first, &newer, 1300)); /* and it was that one's turn once */
	assert_int_equal(data_take(&first.keys, 1300), 2);
}

static void forged_answers_keep_nobody_out(void **state)
{
	struct datagram d, genuine;

	(void)state;
	hello_take(&first, &d, 1000);
	answer_make(&first, &genuine, 1);
	for (size_t bit = 0; bit < genuine.length * 8; bit += bit < 1100 ? 1 : 37) {
		d = genuine;
		((uint8_t *)d.bytes)[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(input(&first, &d, 1000));
		assert_false(agent.heard);
	}
	assert_false(input(&second, &genuine, 1000)); /* not configured */
	assert_true(input(&first, &genuine, 1000));
	assert_int_equal(data_take(&first.keys, 1000), 1);
}

static void session_begin(struct server *s, uint64_t now_ms)
{
	struct datagram d;

	hello_take(s, &d, now_ms);
	answer_make(s, &d, 1);
	assert_true(input(s, &d, now_ms));
	data_take(&s->keys, now_ms);
}

static void damaged_and_repeated_datagrams_are_refused(void **state)
{
	struct datagram d, genuine, late;

	(void)state;
	session_begin(&first, 1000);
	sealed_read_make(&first.keys, &late, 2);
	sealed_read_make(&first.keys, &genuine, 3);
	for (size_t bit = 0; bit < genuine.length * 8; bit++) {
		d = genuine;
		((uint8_t *)d.bytes)[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(input(&first, &d, 1000));
	}
	for (d = genuine; d.length--;)
		assert_false(input(&first, &d, 1000));
	assert_int_equal(agent.queue_count, 0);
	assert_true(input(&first, &genuine, 1000));
	assert_false(input(&first, &genuine, 1000));
	/* genuine and new, if late: its settled_id counts, what it asks for does not */
	agent.heard_ms = 0;
	assert_false(input(&first, &late, 1000));
	assert_int_equal(agent.heard_ms, 1000);
	assert_int_equal(agent.queue_count, 1);
}

/* A keyed agent takes no plain datagram, a plain one no sealed one. */
static void forms_do_not_mix(void **state)
{
	struct datagram d, sealed, answer;
	uint64_t session;

	(void)state;
	hello_take(&first, &d, 1000);
	answer_make(&first, &answer, 1);
	d.length = 0;
	read_make(d.bytes, 1, 1);
	d.length = ((struct nd_wire_header *)d.bytes)->length;
	assert_false(input(&first, &d, 1000));
	assert_true(input(&first, &answer, 1000));
	assert_false(input(&first, &d, 1000));
	sealed_read_make(&first.keys, &sealed, 2);

	session = agent.session;
	config.security = ND_AGENT_PLAIN;
	nd_agent_init(&agent, &config, 1000);
	assert_int_equal(agent.session, session);
	assert_false(input(&first, &answer, 1000));
	assert_false(input(&first, &sealed, 1000));
	assert_false(agent.heard);
	assert_true(input(&first, &d, 1000));
}

/* The server uses its old keys until it has seen the new ones in use; older ones are over. */
static void what_is_on_its_way_survives_new_keys(void **state)
{
	struct datagram d, old, older;
	struct nd_keys before, oldest;

	(void)state;
	session_begin(&first, 1000);
	oldest = first.keys;
	for (unsigned int i = 0; i < 2; i++) {
		before = first.keys;
		hello_take(&first, &d, 5000 + 5000 * i);
		answer_make(&first, &d, 2 + i);
		assert_true(input(&first, &d, 5000 + 5000 * i));
		assert_int_equal(data_take(&first.keys, 5000 + 5000 * i), 2 + i);
		assert_int_equal(first.keys.window.highest, agent.handshake.keys.sent_seq);
	}
	sealed_read_make(&before, &old, 10);
	sealed_read_make(&oldest, &older, 11);
	assert_true(input(&first, &old, 10000));
	assert_false(input(&first, &old, 10000));
	assert_false(input(&first, &older, 10000));
	assert_int_equal(data_take(&first.keys, 10000), 10);
}

static void budget_counts_tags(void **state)
{
	struct datagram d;
	struct nd_agent_peer to;
	const struct nd_wire_data *data = (const void *)d.bytes;

	(void)state;
	srand(5);
	for (size_t i = 0; i < sizeof memory; i++)
		((uint8_t *)memory)[i] = (uint8_t)(rand() >> 8);
	session_begin(&first, 1000);
	for (uint32_t budget = 1400, id = 2; budget < 10000; budget += 8, id++) {
		uint32_t sent = 0, before;

		nd_read_init((void *)d.bytes, agent.session, 0, id, id - 1, budget);
		nd_read_extent_add((void *)d.bytes, 0, PAGES, 0);
		d.length = nd_sealed_seal(&first.keys, d.bytes);
		assert_true(input(&first, &d, 1000));
		do {
			before = sent;
			sent += (uint32_t)output(&d, 1000, &to);
			assert_int_equal(nd_sealed_open(&first.keys, d.bytes, d.length),
					 ND_MESSAGE_OK);
		} while (!(data->flags & ND_DATA_LAST));
		assert_true(before < budget && sent >= budget);
	}
}

/* What one server says counts only from where that server is. */
static void an_address_goes_with_a_key(void **state)
{
	struct datagram d;

	(void)state;
	hello_take(&first, &d, 1000);
	answer_make(&first, &d, 1);
	assert_false(input(&second, &d, 1000));
	assert_true(input(&first, &d, 1000));
	data_take(&first.keys, 1000);
	sealed_read_make(&first.keys, &d, 2);
	assert_false(input(&second, &d, 1000 + ND_AGENT_FORGET_MS));
	assert_true(input(&first, &d, 1000 + ND_AGENT_FORGET_MS));
}

static void a_second_server_answers_for_a_mute_first(void **state)
{
	struct datagram d, late;

	(void)state;
	hello_take(&first, &d, 1000);
	hello_take(&second, &d, 1250);
	answer_make(&second, &d, 1);
	assert_true(input(&second, &d, 1300));
	assert_int_equal(data_take(&second.keys, 1300), 1);
	answer_make(&first, &late, 1);
	assert_false(input(&first, &late, 1300));
	hello_take(&second, &d, 5000);
	hello_take(&second, &d, 9000);
}

static void of_two_answers_the_first_counts(void **state)
{
	struct datagram d, other;

	(void)state;
	hello_take(&first, &d, 1000);
	hello_take(&second, &d, 1250);
	answer_make(&first, &d, 1);
	answer_make(&second, &other, 2);
	assert_true(input(&first, &d, 1300));
	assert_false(input(&second, &other, 1300));
	assert_int_equal(data_take(&first.keys, 1300), 1);
}

static void a_second_server_takes_over_from_a_dead_first(void **state)
{
	struct datagram d, stale;
	uint64_t now;

	(void)state;
	session_begin(&first, 1000);
	sealed_read_make(&first.keys, &stale, 30); /* its id is no reason to refuse it */
	for (now = agent.hello_ms; now < 1000 + ND_AGENT_FORGET_MS; now = agent.hello_ms)
		hello_take(&first, &d, now);
	hello_take(&second, &d, now);
	answer_make(&second, &d, 20);
	assert_true(input(&second, &d, now));
	assert_int_equal(data_take(&second.keys, now), 20);
	assert_false(input(&first, &stale, now));
	assert_false(input(&second, &stale, now));
	/* and back */
	for (now = agent.hello_ms; now < 40000; now = agent.hello_ms) {
		struct nd_agent_peer to;

		output(&d, now, &to);
		if (to.ip[3] == 2)
			break;
	}
	assert_true(now < 40000);
}

/* A key that is none must not end in a plain HELLO, nor keep the other server from being asked. */
static void a_server_without_a_key_is_passed_over(void **state)
{
	struct datagram d;
	struct nd_agent_peer to;

	(void)state;
	memset(config.server_key[0], 0, ND_WIRE_KEY_BYTES);
	nd_agent_init(&agent, &config, 1000);
	assert_int_equal(output(&d, 1000, &to), 0);
	hello_take(&second, &d, 1250);
	assert_int_equal(output(&d, 1500, &to), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_whole_session, setup),
		cmocka_unit_test_setup(another_key_opens_no_hello, setup),
		cmocka_unit_test_setup(nothing_travels_in_the_clear, setup),
		cmocka_unit_test_setup(every_hello_is_a_fresh_handshake, setup),
		cmocka_unit_test_setup(the_seed_is_all_that_differs, setup),
		cmocka_unit_test_setup(answers_to_the_last_four_count, setup),
		cmocka_unit_test_setup(an_older_answer_is_late, setup),
		cmocka_unit_test_setup(forged_answers_keep_nobody_out, setup),
		cmocka_unit_test_setup(damaged_and_repeated_datagrams_are_refused, setup),
		cmocka_unit_test_setup(forms_do_not_mix, setup),
		cmocka_unit_test_setup(what_is_on_its_way_survives_new_keys, setup),
		cmocka_unit_test_setup(budget_counts_tags, setup),
		cmocka_unit_test_setup(an_address_goes_with_a_key, setup_two),
		cmocka_unit_test_setup(a_second_server_answers_for_a_mute_first, setup_two),
		cmocka_unit_test_setup(of_two_answers_the_first_counts, setup_two),
		cmocka_unit_test_setup(a_second_server_takes_over_from_a_dead_first, setup_two),
		cmocka_unit_test_setup(a_server_without_a_key_is_passed_over, setup_two),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
