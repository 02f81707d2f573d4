// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * dini_agent_test.c - dini/agent.c and pack.c against a small server in this file, in
 * virtual time, with seeded loss.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <lz4.h>

#include "dini/agent.h"
#include "wire/message.h"
#include "wire/steps.h"

#define PAGES     512u /* of the machine, the last 16 of them not readable */
#define READABLE  496u
#define BASE_PHYS 0x100000000ull

static uint8_t memory[READABLE][ND_PAGE_BYTES];
static uint8_t arrived[PAGES][ND_PAGE_BYTES];
static uint64_t grain_mask[PAGES]; /* of the page, which grains arrived */
static uint32_t raw_bytes[PAGES];  /* of the page, how many came as they are */
static uint32_t steps_bytes, steps_stored;
static struct nd_agent agent;
static uint64_t buffer[ND_WIRE_MESSAGE_MAX / 8];
static const struct nd_agent_peer server = {{10, 0, 2, 2}, ND_WIRE_PORT};
static const struct nd_agent_peer second = {{10, 0, 2, 3}, ND_WIRE_PORT};
static uint64_t server_seq;

static const void *page_lend(void *ctx, uint64_t phys)
{
	(void)ctx;
	if (phys < BASE_PHYS || phys - BASE_PHYS >= READABLE * ND_PAGE_BYTES)
		return NULL;
	return memory[(phys - BASE_PHYS) / ND_PAGE_BYTES];
}

/* Zero, text, noise, and pages that are half this and half that. */
static void memory_fill(void)
{
	srand(7);
	for (unsigned int i = 0; i < READABLE; i++)
		for (unsigned int k = 0; k < ND_PAGE_BYTES; k++) {
			uint8_t text = (uint8_t)((k * (i + 1)) >> 7);
			uint8_t noise = (uint8_t)(rand() >> 8);

			if (i / 8 % 5 == 0)
				memory[i][k] = 0;
			else if (i % 5 == 1)
				memory[i][k] = text;
			else if (i % 5 == 2)
				memory[i][k] = noise;
			else if (i % 5 == 3)
				memory[i][k] = k < 2048 ? noise : text;
			else
				memory[i][k] = k % 64 < 24 ? noise : 0;
		}
}

static int setup(void **state)
{
	struct nd_agent_config config = {
		.security = ND_AGENT_PLAIN,
		.server_count = 1,
		.server = {server, second},
		.host = "unit",
		.reason = "because",
		.range_count = 1,
		.range = {{BASE_PHYS, PAGES * ND_PAGE_BYTES, 1, 0}},
		.page = page_lend,
	};

	(void)state;
	memory_fill();
	memset(arrived, 0xEE, sizeof arrived);
	memset(grain_mask, 0, sizeof grain_mask);
	memset(raw_bytes, 0, sizeof raw_bytes);
	steps_bytes = 0;
	steps_stored = 0;
	server_seq = 0;
	nd_agent_init(&agent, &config, 1000);
	return 0;
}

/* An exact copy of what the agent sends, so that the sanitizers see its end. */
static size_t output(uint64_t now_ms, struct nd_agent_peer *to)
{
	void *exact = malloc(ND_WIRE_DATAGRAM_MAX);
	size_t bytes = nd_agent_output(&agent, exact, ND_WIRE_DATAGRAM_MAX, now_ms, to);

	assert_true(bytes <= ND_WIRE_MESSAGE_MAX);
	memcpy(buffer, exact, bytes);
	free(exact);
	if (bytes)
		assert_int_equal(nd_message_check(buffer, bytes), ND_MESSAGE_OK);
	return bytes;
}

static void input_from(const struct nd_agent_peer *from, const void *message, size_t bytes,
		       uint64_t now_ms)
{
	void *exact = malloc(bytes ? bytes : 1);

	memcpy(exact, message, bytes);
	nd_agent_input(&agent, from, exact, bytes, now_ms);
	free(exact);
}

static void read_send(uint32_t id, uint32_t budget, uint64_t phys, uint32_t pages, uint64_t now_ms)
{
	struct nd_wire_read read;

	nd_read_init(&read, agent.session, ++server_seq, id, 0, budget);
	assert_true(nd_read_extent_add(&read, phys, pages, 0));
	input_from(&server, &read, read.header.length, now_ms);
}

static void expand(const struct nd_record *r, uint8_t *to)
{
	assert_int_equal(LZ4_decompress_safe((const char *)r->stored, (char *)to,
					     (int)r->stored_bytes, (int)r->raw_bytes),
			 r->raw_bytes);
	if (r->kind == ND_RECORD_STEPS) {
		nd_steps_undo(to, r->raw_bytes);
		steps_bytes += r->raw_bytes;
		steps_stored += r->stored_bytes;
	}
}

static void record_store(const struct nd_record *r)
{
	uint64_t at = r->phys - BASE_PHYS;
	uint8_t *to = (uint8_t *)arrived + at;

	assert_true(at < sizeof arrived && r->raw_bytes <= sizeof arrived - at);
	if (r->kind == ND_RECORD_RAW) {
		memcpy(to, r->stored, r->raw_bytes);
		raw_bytes[at / ND_PAGE_BYTES] += r->raw_bytes;
	} else if (r->kind == ND_RECORD_ZERO)
		memset(to, 0, r->raw_bytes);
	else if (r->kind == ND_RECORD_LZ4 || r->kind == ND_RECORD_STEPS)
		expand(r, to);
	else
		assert_true(at / ND_PAGE_BYTES >= READABLE);
	for (uint64_t g = at / ND_GRAIN_BYTES; g < (at + r->raw_bytes) / ND_GRAIN_BYTES; g++)
		grain_mask[g / 64] |= 1ull << g % 64;
}

/* The pieces of a page of which every grain arrived, as a READ's have. */
static uint32_t have_of(uint64_t grains)
{
	uint32_t have = 0;

	for (unsigned int i = 0; i < 32; i++)
		have |= (uint32_t)((grains >> 2 * i & 3) == 3) << i;
	return have;
}

static bool data_store(void)
{
	const struct nd_wire_data *data = (const void *)buffer;
	struct nd_record_reader reader;
	struct nd_record r;

	nd_record_first(&reader, data);
	while (nd_record_next(&reader, &r))
		record_store(&r);
	return data->flags & ND_DATA_LAST;
}

static void arrived_is_right(void)
{
	for (unsigned int i = 0; i < PAGES; i++)
		assert_true(grain_mask[i] == ~0ull);
	assert_memory_equal(arrived, memory, sizeof memory);
}

static void hellos_come_in_time(void **state)
{
	static const uint64_t due[] = {1000, 1250, 1500, 1750,  2250,
				       3250, 5250, 9250, 14250, 19250};
	const struct nd_wire_hello *hello = (const void *)buffer;
	struct nd_agent_peer to;
	unsigned int n = 0;

	(void)state;
	for (uint64_t now = 1000; now < 20000; now++) {
		if (!output(now, &to))
			continue;
		assert_true(n < 10);
		assert_int_equal(now, due[n++]);
		assert_int_equal(hello->header.seq, n);
		assert_int_equal(hello->state, ND_HELLO_NEW);
		assert_int_equal(hello->elapsed_ms, now - 1000);
		assert_string_equal(hello->host, "unit");
		assert_memory_equal(hello->token, agent.token, sizeof agent.token);
	}
	assert_int_equal(n, 10);
}

static void idle_hellos_back_off(void **state)
{
	static const uint64_t due[] = {500, 1500, 3500, 7500, 12500};
	const struct nd_wire_hello *hello = (const void *)buffer;
	struct nd_agent_peer to;
	unsigned int n = 0;

	(void)state;
	output(1000, &to);
	read_send(1, 5000, BASE_PHYS, 1, 2000);
	assert_true(output(2000, &to) > 0);
	assert_int_equal(hello->header.type, ND_DATA);
	for (uint64_t after = 0; after < 14000; after++) {
		if (!output(2000 + after, &to))
			continue;
		assert_true(n < 5);
		assert_int_equal(after, due[n++]);
		assert_int_equal(hello->header.type, ND_HELLO);
		assert_int_equal(hello->state, ND_HELLO_IDLE);
		assert_int_equal(hello->last_read_id, 1);
	}
	assert_int_equal(n, 5);
}

static void whole_memory_in_one_read(void **state)
{
	struct nd_agent_peer to;
	uint64_t sent = 0;
	unsigned int count = 0;
	bool last = false;

	(void)state;
	read_send(1, 1u << 30, BASE_PHYS, PAGES, 1000);
	while (!last) {
		const struct nd_wire_data *data = (const void *)buffer;

		sent += output(1000, &to);
		assert_int_equal(data->header.type, ND_DATA);
		assert_int_equal(data->index, count++);
		last = data_store();
	}
	arrived_is_right();
	assert_int_equal(agent.queue_count, 0);
	assert_int_equal(agent.zero_pages + agent.pages_sent + agent.absent_pages, PAGES);
	assert_int_equal(agent.absent_pages, PAGES - READABLE);
	/* two in five pages are noise, or half of it, and datagrams are filled */
	assert_true(sent < READABLE * ND_PAGE_BYTES * 6 / 10);
	assert_true(sent / count > ND_WIRE_MESSAGE_MAX * 85 / 100);
}

/* Noise, with a page of text in it, then text: most noise is not tried, and text not for long. */
static void noise_is_seldom_tried(void **state)
{
	struct nd_agent_peer to;
	unsigned int text_raw = 0;

	(void)state;
	for (unsigned int i = 0; i < READABLE; i++)
		for (unsigned int k = 0; k < ND_PAGE_BYTES; k++)
			memory[i][k] = (uint8_t)(i < 200 && i != 5 ? (unsigned int)rand() >> 8
								   : k / 128 + 1);
	read_send(1, 1u << 30, BASE_PHYS, PAGES, 1000);
	do
		output(1000, &to);
	while (!data_store());
	arrived_is_right();
	assert_int_equal(raw_bytes[5], ND_PAGE_BYTES);
	for (unsigned int i = 200; i < READABLE; i++)
		text_raw += raw_bytes[i] > 0;
	assert_in_range(text_raw, 1, 15);
}

/* As Linux's page structures in memory that nobody has used yet. */
static void page_structs_go_as_steps(void **state)
{
	struct nd_agent_peer to;

	(void)state;
	for (unsigned int i = 0; i < READABLE * ND_PAGE_BYTES / 64; i++) {
		uint64_t self = 0xFFFFEA0000000008 + i * 64ull;
		uint64_t words[8] = {0x000FFFFFC0000000, self, self, 0, 0, 0, 0x00000001FFFFFFFF};

		memcpy((uint8_t *)memory + i * 64, words, sizeof words);
	}
	memory[3][1000] ^= 1; /* one is in use */
	read_send(1, 1u << 30, BASE_PHYS, PAGES, 1000);
	do
		output(1000, &to);
	while (!data_store());
	arrived_is_right();
	assert_true(steps_bytes > READABLE * ND_PAGE_BYTES / 10 * 9);
	assert_in_range(steps_stored, 1, steps_bytes / 20);
}

/* The server's way: ask for what is missing, with a budget, until nothing is. */
static void loss_is_made_good(void **state)
{
	(void)state;
	for (unsigned int seed = 1; seed <= 8; seed++) {
		uint64_t now = 1000;
		uint32_t id = 0;
		unsigned int rounds = 0;

		setup(state);
		srand(seed);
		for (bool missing = true; missing;) {
			struct nd_wire_read read;
			struct nd_agent_peer to;

			missing = false;
			nd_read_init(&read, agent.session, ++server_seq, ++id, 0, 40000);
			for (uint32_t i = 0; i < PAGES; i++)
				if (grain_mask[i] != ~0ull &&
				    nd_read_extent_add(&read,
						       BASE_PHYS + (uint64_t)i * ND_PAGE_BYTES, 1,
						       have_of(grain_mask[i])))
					missing = true;
			if (missing && rand() % 4)
				input_from(&server, &read, read.header.length, now);
			for (unsigned int k = 0; k < 60; k++, now++)
				if (output(now, &to) && rand() % 4 &&
				    ((const struct nd_wire_header *)buffer)->type == ND_DATA)
					data_store();
			assert_true(++rounds < 2000);
		}
		arrived_is_right();
	}
}

static void budget_ends_a_read(void **state)
{
	static const uint32_t budgets[] = {0, 1, 1456, 1457, 5000, 20000};
	struct nd_agent_peer to;

	(void)state;
	for (unsigned int i = 0; i < 6; i++) {
		const struct nd_wire_data *data = (const void *)buffer;
		uint32_t sent = 0, before = 0;
		bool last = false;

		read_send(i + 1, budgets[i], BASE_PHYS + 8 * ND_PAGE_BYTES, 32, 1000);
		while (!last) {
			before = sent;
			sent += (uint32_t)output(1000, &to);
			last = data->flags & ND_DATA_LAST;
		}
		if (budgets[i])
			assert_true(before < budgets[i] && sent >= budgets[i]);
		else
			assert_int_equal(data->record_count, 0);
	}
}

static void queue_takes_eight_in_order(void **state)
{
	const struct nd_wire_data *data = (const void *)buffer;
	struct nd_agent_peer to;

	(void)state;
	for (uint32_t id = 1; id <= ND_READ_QUEUE + 1; id++)
		read_send(id * 10, 1000, BASE_PHYS, 1, 1000);
	assert_int_equal(agent.refused, 1);
	for (uint32_t id = 1; id <= ND_READ_QUEUE; id++) {
		assert_true(output(1000, &to) > 0);
		assert_int_equal(data->read_id, id * 10);
		assert_true(data->flags & ND_DATA_LAST);
	}
	assert_int_equal(output(1000, &to), 0);
}

static void late_reads_are_not_taken(void **state)
{
	struct nd_agent_peer to;

	(void)state;
	read_send(80, 1000, BASE_PHYS, 1, 1000);
	read_send(75, 1000, BASE_PHYS, 1, 1000);
	read_send(80, 1000, BASE_PHYS, 1, 1000);
	assert_int_equal(agent.refused, 2);
	assert_int_equal(agent.queue_count, 1);
	assert_true(output(1000, &to) > 0);
	assert_int_equal(output(1000, &to), 0);
}

/* READ 3 settles the one before it, and the one that is being answered. */
static void settled_reads_are_dropped(void **state)
{
	const struct nd_wire_data *data = (const void *)buffer;
	struct nd_wire_read read;
	struct nd_agent_peer to;

	(void)state;
	read_send(1, 1u << 20, BASE_PHYS, PAGES, 1000);
	read_send(2, 1u << 20, BASE_PHYS, PAGES, 1000);
	read_send(3, 1000, BASE_PHYS, 1, 1000);
	assert_true(output(1000, &to) > 0);
	assert_int_equal(data->read_id, 1);
	assert_false(data->flags & ND_DATA_LAST);
	nd_read_init(&read, agent.session, ++server_seq, 4, 2, 1000);
	nd_read_extent_add(&read, BASE_PHYS, 1, 0);
	input_from(&server, &read, read.header.length, 1000);
	for (uint32_t id = 3; id <= 4; id++) {
		assert_true(output(1000, &to) > 0);
		assert_int_equal(data->read_id, id);
		assert_int_equal(data->index, 0);
		assert_true(data->flags & ND_DATA_LAST);
	}
	assert_int_equal(output(1000, &to), 0);
	/* also by one that is itself too old to be taken */
	read_send(6, 1000, BASE_PHYS, 1, 1000);
	nd_read_init(&read, agent.session, ++server_seq, 7, 6, 1000);
	nd_read_extent_add(&read, BASE_PHYS, 1, 0);
	agent.last_read_id = 7;
	input_from(&server, &read, read.header.length, 1000);
	assert_int_equal(agent.queue_count, 0);
}

/* READs without extents keep a server from being forgotten, and HELLOs from being frequent. */
static void empty_reads_only_keep_alive(void **state)
{
	static const uint64_t due[] = {500, 1500, 4100, 8100, 13100, 18100};
	struct nd_agent_peer to;
	struct nd_wire_read read;
	unsigned int n = 0;

	(void)state;
	agent.config.server_count = 2;
	read_send(1, 1u << 20, BASE_PHYS, PAGES, 1000);
	output(1000, &to);
	nd_read_init(&read, agent.session, 1, 9, 1, 0);
	input_from(&server, &read, read.header.length, 1000);
	assert_int_equal(agent.queue_count, 0);
	assert_int_equal(agent.last_read_id, 1);
	assert_int_equal(agent.refused, 0);
	for (uint64_t after = 0; after < 20000; after++) {
		if (after == 2100)
			input_from(&server, &read, read.header.length, 1000 + after);
		if (!output(1000 + after, &to))
			continue;
		assert_true(n < 6);
		assert_int_equal(after, due[n++]);
		assert_int_equal(to.ip[3], after < 2100 + ND_AGENT_FORGET_MS ? 2 : 3);
		assert_int_equal(((const struct nd_wire_header *)buffer)->type, ND_HELLO);
	}
	assert_int_equal(n, 6);
	read_send(9, 1000, BASE_PHYS, 1, 21000); /* the id was not used up */
	assert_int_equal(agent.queue_count, 1);
}

/* Any mask, any content, at any place in a datagram: exactly what is missing comes, and is right.
 */
static void what_arrived_is_not_sent_again(void **state)
{
	(void)state;
	srand(11);
	for (unsigned int n = 0; n < 4 * READABLE; n++) {
		uint32_t page = n % READABLE;
		uint32_t have = (uint32_t)rand() | (uint32_t)rand() << 16;
		struct nd_wire_read read;
		struct nd_agent_peer to;

		if (n % 3 == 0) /* stretches, as datagrams that came or did not */
			have = (have >> 8 & ~0u << have % 32) | 1u << have % 31;
		have &= have == UINT32_MAX ? 1 : UINT32_MAX;
		memset(grain_mask, 0, sizeof grain_mask);
		memset(arrived[page], 0xEE, ND_PAGE_BYTES);
		nd_read_init(&read, agent.session, ++server_seq, n + 1, 0, 1u << 20);
		if (page)
			nd_read_extent_add(&read, BASE_PHYS, 1 + n % page, 0);
		nd_read_extent_add(&read, BASE_PHYS + (uint64_t)page * ND_PAGE_BYTES, 1, have);
		input_from(&server, &read, read.header.length, 1000);
		do
			assert_true(output(1000, &to) > 0);
		while (!data_store());
		assert_int_equal(have_of(~grain_mask[page]), have);
		assert_int_equal(have_of(grain_mask[page]), ~have);
		for (unsigned int i = 0; i < ND_PAGE_BYTES; i++)
			if (!(have >> i / ND_HAVE_BYTES & 1))
				assert_int_equal(arrived[page][i], memory[page][i]);
	}
}

/* Runs end where the memory does, and where one kind meets another. */
static void runs_do_not_jump(void **state)
{
	struct nd_record_reader reader;
	struct nd_record r;
	struct nd_wire_read read;
	struct nd_agent_peer to;
	static const struct {
		uint32_t page, pages, kind;
	} want[] = {{0, 8, ND_RECORD_ZERO},
		    {40, 8, ND_RECORD_ZERO},
		    {READABLE, 4, ND_RECORD_ABSENT},
		    {READABLE + 8, 4, ND_RECORD_ABSENT}};

	(void)state;
	nd_read_init(&read, agent.session, 1, 1, 0, 1u << 20);
	for (unsigned int i = 0; i < 4; i++)
		nd_read_extent_add(&read, BASE_PHYS + (uint64_t)want[i].page * ND_PAGE_BYTES,
				   want[i].pages, 0);
	input_from(&server, &read, read.header.length, 1000);
	assert_true(output(1000, &to) > 0);
	nd_record_first(&reader, (const void *)buffer);
	for (unsigned int i = 0; i < 4; i++) {
		assert_true(nd_record_next(&reader, &r));
		assert_int_equal(r.kind, want[i].kind);
		assert_int_equal(r.phys, BASE_PHYS + (uint64_t)want[i].page * ND_PAGE_BYTES);
		assert_int_equal(r.raw_bytes, want[i].pages * ND_PAGE_BYTES);
	}
	assert_false(nd_record_next(&reader, &r));
}

static void scanning_is_bounded(void **state)
{
	struct nd_agent_peer to;
	const struct nd_wire_data *data = (const void *)buffer;

	(void)state;
	read_send(1, 1u << 30, 0x7000000000000000ull, UINT32_MAX, 1000);
	for (unsigned int i = 0; i < 100; i++) {
		assert_true(output(1000, &to) > 0);
		assert_int_equal(data->record_count, 1);
		assert_false(data->flags & ND_DATA_LAST);
	}
	assert_int_equal(agent.absent_pages, 100 * ND_AGENT_SCAN_PAGES);
}

static void done_ends_it(void **state)
{
	struct nd_wire_done done;
	struct nd_agent_peer to;

	(void)state;
	nd_done_init(&done, agent.session + 1, 1, ND_DONE_COMPLETE, "not ours");
	input_from(&server, &done, sizeof done, 1000);
	assert_false(nd_agent_done(&agent));
	nd_done_init(&done, agent.session, 1, ND_DONE_COMPLETE, "on disk");
	input_from(&second, &done, sizeof done, 1000); /* not configured here */
	assert_false(nd_agent_done(&agent));
	assert_int_equal(agent.refused, 2);
	input_from(&server, &done, sizeof done, 1000);
	assert_true(nd_agent_done(&agent));
	assert_string_equal(agent.done_text, "on disk");
	assert_int_equal(output(99999, &to), 0);
}

static void servers_take_turns_until_one_answers(void **state)
{
	struct nd_agent_peer to;
	struct nd_wire_done done;
	uint64_t now = 1000;

	(void)state;
	agent.config.server_count = 2;
	for (unsigned int i = 0; i < 4; now += 250, i++) {
		assert_true(output(now, &to) > 0);
		assert_int_equal(to.ip[3], i % 2 ? 3 : 2);
	}
	read_send(1, 100, BASE_PHYS, 1, now);
	output(now, &to);
	for (unsigned int i = 0; i < 10000; i++, now++)
		if (output(now, &to))
			assert_int_equal(to.ip[3], 2);
	/* it will not have the dump: the other is asked, then there is nobody left */
	nd_done_init(&done, agent.session, 1, ND_DONE_REFUSED, "full");
	input_from(&server, &done, sizeof done, now);
	assert_false(nd_agent_done(&agent));
	/* late, or it changed its mind: it is not listened to any more */
	read_send(2, 100, BASE_PHYS, 1, now);
	assert_int_equal(agent.queue_count, 0);
	for (unsigned int i = 0; i < 10000; i++, now++)
		if (output(now, &to))
			assert_int_equal(to.ip[3], 3);
	input_from(&second, &done, sizeof done, now);
	assert_true(nd_agent_done(&agent));
}

static void another_server_takes_over_after_silence(void **state)
{
	struct nd_wire_read read;
	struct nd_agent_peer to;
	const struct nd_wire_data *data = (const void *)buffer;

	(void)state;
	agent.config.server_count = 2;
	read_send(1, 1u << 30, BASE_PHYS, PAGES, 1000);
	nd_read_init(&read, agent.session, 1, 9, 0, 5000);
	nd_read_extent_add(&read, BASE_PHYS, 1, 0);
	input_from(&second, &read, read.header.length, 2000);
	assert_int_equal(agent.refused, 1);
	input_from(&second, &read, read.header.length, 1000 + ND_AGENT_FORGET_MS);
	assert_true(output(1000 + ND_AGENT_FORGET_MS, &to) > 0);
	assert_int_equal(to.ip[3], 3);
	assert_int_equal(data->read_id, 9);
	assert_int_equal(data->index, 0);
}

/* With neither a key nor insecure the agent is mute and deaf, as it is when it was wiped. */
static void without_security_nothing_is_sent(void **state)
{
	static const struct nd_agent zero;
	struct nd_wire_done done;
	struct nd_agent_peer to;

	(void)state;
	for (uint32_t security = 0; security <= 5; security += 5) {
		struct nd_agent_config config = {
			.security = security,
			.server_count = 1,
			.server = {server},
			.server_key = {{9}},
			.page = page_lend,
		};

		nd_agent_init(&agent, &config, 1000);
		nd_done_init(&done, agent.session, 1, ND_DONE_COMPLETE, "on disk");
		input_from(&server, &done, sizeof done, 1000);
		read_send(1, 1000, BASE_PHYS, 1, 1000);
		assert_false(agent.heard || nd_agent_done(&agent));
		assert_int_equal(agent.refused, 2);
		assert_int_equal(output(99999, &to), 0);
	}
	setup(state);
	nd_agent_wipe(&agent);
	assert_memory_equal(&agent, &zero, sizeof agent);
	assert_int_equal(output(99999, &to), 0);
	input_from(&server, &done, sizeof done, 1000);
	assert_false(nd_agent_done(&agent));
}

static void mangled_datagrams_are_counted(void **state)
{
	struct nd_agent_peer to;
	unsigned int sent = 0;

	(void)state;
	srand(3);
	for (unsigned int i = 0; i < 20000; i++) {
		struct nd_wire_read read;
		size_t bytes;

		nd_read_init(&read, agent.session, i, i + 1, 0, (uint32_t)rand());
		nd_read_extent_add(&read, BASE_PHYS, 1 + (unsigned int)rand() % 600, 0);
		nd_read_extent_add(&read, (uint64_t)rand() << 12, 3, 0);
		bytes = read.header.length;
		for (unsigned int k = 0; k < (unsigned int)rand() % 6; k++)
			((uint8_t *)&read)[(unsigned int)rand() % bytes] = (uint8_t)rand();
		if (rand() % 4 == 0)
			bytes = (size_t)rand() % sizeof read;
		input_from(&server, &read, bytes, 1000);
		sent++;
		output(1000, &to);
	}
	assert_true(agent.refused > 0 && agent.refused < sent);
	assert_false(nd_agent_done(&agent));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(hellos_come_in_time, setup),
		cmocka_unit_test_setup(idle_hellos_back_off, setup),
		cmocka_unit_test_setup(whole_memory_in_one_read, setup),
		cmocka_unit_test_setup(noise_is_seldom_tried, setup),
		cmocka_unit_test_setup(page_structs_go_as_steps, setup),
		cmocka_unit_test_setup(loss_is_made_good, setup),
		cmocka_unit_test_setup(budget_ends_a_read, setup),
		cmocka_unit_test_setup(queue_takes_eight_in_order, setup),
		cmocka_unit_test_setup(late_reads_are_not_taken, setup),
		cmocka_unit_test_setup(settled_reads_are_dropped, setup),
		cmocka_unit_test_setup(empty_reads_only_keep_alive, setup),
		cmocka_unit_test_setup(what_arrived_is_not_sent_again, setup),
		cmocka_unit_test_setup(runs_do_not_jump, setup),
		cmocka_unit_test_setup(scanning_is_bounded, setup),
		cmocka_unit_test_setup(done_ends_it, setup),
		cmocka_unit_test_setup(servers_take_turns_until_one_answers, setup),
		cmocka_unit_test_setup(another_server_takes_over_after_silence, setup),
		cmocka_unit_test_setup(without_security_nothing_is_sent, setup),
		cmocka_unit_test_setup(mangled_datagrams_are_counted, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
