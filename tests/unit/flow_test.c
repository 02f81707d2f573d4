/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * flow_test.c - the READs of many machines through one switch port, in virtual time.
 *
 *   machines, each a queue of READs   ---+
 *   answered at its own rate          ---+--> port: rate, buffer, drops --> server
 *                                     <------ READs, after the same delay
 *
 * What a machine sends are pages that do not compress, so goodput is a matter of timing alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dini/agent.h"
#include "server/flow.h"

#define MACHINES_MAX 200
#define EVENTS_MAX   65536
#define FRAME_BYTES  (14 + 20 + 8 + 24) /* around a datagram on an Ethernet */
#define BEGIN_US     1000000u
#define HELLO_US     500000
#define RECORD_BYTES (22 * ND_GRAIN_BYTES)

struct scene {
	const char *name;
	unsigned int machines;
	double machine_mbs, port_mbs; /* million bytes a second */
	uint32_t buffer_bytes;        /* of the port */
	uint32_t delay_us;            /* one way */
	double loss;                  /* by chance, each way */
	double seconds;
	uint64_t pages; /* each machine's */
};

enum kind { READ_ARRIVES, DATA_LEAVES, DATA_ARRIVES, TICK };

struct event {
	uint64_t us;
	uint64_t order;
	enum kind kind;
	unsigned int machine;
	struct nd_wire_data data;
	uint64_t phys;
	uint32_t bytes;
	struct nd_wire_read *read;
};

struct crashed {
	struct nd_machine *m;
	struct nd_wire_read *queue[ND_READ_QUEUE];
	unsigned int count, extent, piece;
	uint32_t page, sent, index, last_read_id;
	bool busy;
	uint64_t heard_us, got_bytes, done_us;
};

static struct world {
	struct scene scene;
	struct crashed crashed[MACHINES_MAX];
	struct event *event[EVENTS_MAX]; /* a heap, from 1 */
	size_t events;
	uint64_t now_us, order, port_free_us, sent, dropped, tick_us;
	struct nd_pace pace, probes;
	struct nd_env env;
	unsigned int lose_read, lose_data; /* the Nth from now, 0: none */
	uint64_t out_from_us, out_to_us;   /* when nothing gets through */
	unsigned int dead_from;            /* machines from here on are gone, 0: none */
	unsigned int seed;
} w;

static double chance(void)
{
	w.seed = w.seed * 1664525u + 1013904223u;
	return (w.seed >> 8) / 16777216.0;
}

static bool earlier(const struct event *a, const struct event *b)
{
	return a->us != b->us ? a->us < b->us : a->order < b->order;
}

static struct event *event_new(uint64_t us, enum kind kind, unsigned int machine)
{
	struct event *e = calloc(1, sizeof *e);

	assert_non_null(e);
	e->us = us;
	e->order = w.order++;
	e->kind = kind;
	e->machine = machine;
	return e;
}

static void event_put(struct event *e)
{
	size_t at = ++w.events;

	assert_true(at < EVENTS_MAX);
	for (; at > 1 && earlier(e, w.event[at / 2]); at /= 2)
		w.event[at] = w.event[at / 2];
	w.event[at] = e;
}

static struct event *event_take(void)
{
	struct event *first = w.event[1], *last = w.event[w.events--];
	size_t at = 1;

	for (size_t child = 2; child <= w.events; at = child, child *= 2) {
		if (child < w.events && earlier(w.event[child + 1], w.event[child]))
			child++;
		if (!earlier(w.event[child], last))
			break;
		w.event[at] = w.event[child];
	}
	w.event[at] = last;
	return first;
}

static uint64_t now_ms(void)
{
	return w.now_us / 1000;
}

static bool lost(void)
{
	return (w.now_us >= w.out_from_us && w.now_us < w.out_to_us) || chance() < w.scene.loss;
}

/* READs go the other way, where nothing queues. */
static void read_send(void *context, struct nd_machine *m, const struct nd_wire_header *message)
{
	struct event *e;

	(void)context;
	if ((w.lose_read && !--w.lose_read) || lost())
		return;
	e = event_new(w.now_us + w.scene.delay_us, READ_ARRIVES, (unsigned int)(m->session - 1));
	e->read = malloc(message->length);
	assert_non_null(e->read);
	memcpy(e->read, message, message->length);
	event_put(e);
}

/* Past what the first READ says that the server has. */
static void have_skip(struct crashed *c)
{
	const struct nd_wire_read *read = c->queue[0];

	while (c->extent < read->extent_count) {
		const struct nd_wire_extent *e = &read->extent[c->extent];

		while (c->piece < 32 && e->have >> c->piece & 1)
			c->piece++;
		if (c->piece < 32)
			return;
		c->piece = 0;
		if (++c->page == e->pages) {
			c->page = 0;
			c->extent++;
		}
	}
}

/* The next stretch that the first READ asks for; false: it was the last. */
static bool stretch_take(struct crashed *c, uint64_t *phys, uint32_t *bytes)
{
	const struct nd_wire_extent *e;

	have_skip(c);
	e = &c->queue[0]->extent[c->extent];
	*phys = e->phys + c->page * (uint64_t)ND_PAGE_BYTES + c->piece * ND_HAVE_BYTES;
	*bytes = 0;
	while (c->piece < 32 && !(e->have >> c->piece & 1) && *bytes < RECORD_BYTES) {
		c->piece++;
		*bytes += ND_HAVE_BYTES;
	}
	if (c->piece == 32) {
		c->piece = 0;
		if (++c->page == e->pages) {
			c->page = 0;
			c->extent++;
		}
	}
	have_skip(c);
	return c->extent < c->queue[0]->extent_count;
}

static void read_drop(struct crashed *c)
{
	free(c->queue[0]);
	memmove(c->queue, c->queue + 1, --c->count * sizeof c->queue[0]);
	c->extent = c->piece = c->page = c->sent = c->index = 0;
}

static void data_start(struct crashed *c, unsigned int machine)
{
	struct event *e;
	uint32_t size;
	bool more;

	if (c->busy || !c->count)
		return;
	c->busy = true;
	e = event_new(0, DATA_LEAVES, machine);
	e->data.read_id = c->queue[0]->read_id;
	e->data.index = (uint16_t)c->index++;
	more = stretch_take(c, &e->phys, &e->bytes);
	size = (uint32_t)sizeof(struct nd_wire_data) + 16 + e->bytes + ND_WIRE_TAG_BYTES;
	e->data.header.length = (uint16_t)size;
	c->sent += size;
	if (!more || c->sent >= c->queue[0]->budget_bytes) {
		e->data.flags = ND_DATA_LAST;
		read_drop(c);
	}
	e->us = w.now_us + (uint64_t)((size + FRAME_BYTES) / w.scene.machine_mbs);
	event_put(e);
}

static void read_arrive(struct event *e)
{
	struct crashed *c = &w.crashed[e->machine];

	if (w.dead_from && e->machine >= w.dead_from) {
		free(e->read);
		return;
	}
	while (c->count && !c->index && c->queue[0]->read_id <= e->read->settled_id)
		read_drop(c);
	if (e->read->read_id <= c->last_read_id || c->count == ND_READ_QUEUE ||
	    !e->read->extent_count) {
		free(e->read);
		return;
	}
	c->heard_us = w.now_us;
	c->last_read_id = e->read->read_id;
	c->queue[c->count++] = e->read;
	data_start(c, e->machine);
}

/* Into the port, if its buffer has room. */
static void data_leave(const struct event *e)
{
	uint32_t size = e->data.header.length + FRAME_BYTES;
	double queued = w.port_free_us > w.now_us
				? (double)(w.port_free_us - w.now_us) * w.scene.port_mbs
				: 0;
	struct event *arrival;

	w.crashed[e->machine].busy = false;
	data_start(&w.crashed[e->machine], e->machine);
	w.sent++;
	if (queued + size > w.scene.buffer_bytes) {
		w.dropped++;
		return;
	}
	if (w.port_free_us < w.now_us)
		w.port_free_us = w.now_us;
	w.port_free_us += (uint64_t)(size / w.scene.port_mbs + chance());
	if ((w.lose_data && !--w.lose_data) || lost())
		return;
	arrival = event_new(w.port_free_us + w.scene.delay_us, DATA_ARRIVES, e->machine);
	arrival->data = e->data;
	arrival->phys = e->phys;
	arrival->bytes = e->bytes;
	event_put(arrival);
}

static void take(void *context, uint64_t phys, uint32_t bytes, uint32_t new_grains,
		 uint32_t whole_pages)
{
	struct crashed *c = context;

	(void)phys, (void)bytes, (void)whole_pages;
	c->got_bytes += new_grains * ND_GRAIN_BYTES;
	if (new_grains && !c->m->proven)
		nd_flow_prove(c->m, &w.env);
}

static void turns_call(void)
{
	struct nd_turn *turn;

	while ((turn = nd_pace_next(&w.pace)) || (turn = nd_pace_next(&w.probes)))
		nd_flow_fill(turn->owner, &w.env, now_ms());
}

static void data_arrive(const struct event *e)
{
	struct crashed *c = &w.crashed[e->machine];

	if (nd_flow_saw(c->m, &w.env, &e->data, now_ms()) > ND_SEEN_LATE)
		return;
	nd_reads_credit(&c->m->reads, e->phys, e->bytes,
			&(struct nd_reads_take){.part = take, .context = c});
	nd_flow_reap(c->m, &w.env, now_ms());
	nd_flow_fill(c->m, &w.env, now_ms());
	turns_call();
	if (!c->done_us && c->got_bytes == w.scene.pages * ND_PAGE_BYTES)
		c->done_us = w.now_us;
}

/* What nd_machine_hello() does of READs, for a machine that has heard nothing for long. */
static void hello(struct crashed *c)
{
	struct nd_wire_hello hello = {.state = ND_HELLO_IDLE, .last_read_id = c->last_read_id};

	if (c->count || (w.dead_from && c >= &w.crashed[w.dead_from]) ||
	    w.now_us - c->heard_us < HELLO_US)
		return;
	c->heard_us = w.now_us;
	if (c->m->reads.count) {
		if (!nd_flow_lost(c->m, &hello, now_ms()))
			return;
		nd_flow_close_all(c->m, &w.env, now_ms());
	}
	nd_flow_fill(c->m, &w.env, now_ms());
}

static void tick(void)
{
	for (unsigned int i = 0; i < w.scene.machines; i++) {
		hello(&w.crashed[i]);
		if (nd_flow_due(w.crashed[i].m) <= now_ms() &&
		    nd_flow_tick(w.crashed[i].m, &w.env, now_ms()))
			nd_flow_fill(w.crashed[i].m, &w.env, now_ms());
	}
	turns_call();
	event_put(event_new(w.now_us + 1000, TICK, 0));
}

static void world_begin_lossy(const struct scene *scene, unsigned int seed, bool lose_first)
{
	struct nd_wire_hello hello;
	struct sockaddr_in nobody = {0};

	memset(&w, 0, sizeof w);
	w.scene = *scene;
	w.seed = seed;
	w.now_us = BEGIN_US;
	w.lose_read = lose_first;
	nd_pace_init(&w.pace, 16u << 20);
	nd_pace_init_fixed(&w.probes, 65536);
	w.env = (struct nd_env){.send = read_send, .pace = &w.pace, .probes = &w.probes};
	event_put(event_new(w.now_us + 1000, TICK, 0));
	for (unsigned int i = 0; i < scene->machines; i++) {
		nd_hello_init(&hello, i + 1, 1);
		hello.read_queue = ND_READ_QUEUE;
		assert_true(nd_hello_range_add(&hello, 0, scene->pages * ND_PAGE_BYTES, 1));
		hello.header.length = (uint16_t)nd_hello_bytes(&hello);
		w.crashed[i].m = nd_machine_new(&hello, &nobody, now_ms(), 0);
		assert_non_null(w.crashed[i].m);
		w.crashed[i].m->phase = ND_MEMORY;
		w.crashed[i].heard_us = w.now_us;
		w.crashed[i].m->turn.owner = w.crashed[i].m;
		nd_pages_add(&w.crashed[i].m->pending, 0, scene->pages);
		nd_flow_fill(w.crashed[i].m, &w.env, now_ms());
	}
}

static void world_begin(const struct scene *scene, unsigned int seed)
{
	world_begin_lossy(scene, seed, false);
}

static bool all_done(void)
{
	for (unsigned int i = 0; i < w.scene.machines; i++)
		if (!w.crashed[i].done_us)
			return false;
	return true;
}

/* Until the time is over, or everything has come. */
static void world_run(void)
{
	uint64_t end_us = w.now_us + (uint64_t)(w.scene.seconds * 1e6);

	while (w.now_us < end_us && !all_done()) {
		struct event *e = event_take();

		w.now_us = e->us;
		if (e->kind == READ_ARRIVES)
			read_arrive(e);
		else if (e->kind == DATA_LEAVES)
			data_leave(e);
		else if (e->kind == DATA_ARRIVES)
			data_arrive(e);
		else
			tick();
		free(e);
	}
}

static void world_end(void)
{
	for (; w.events; w.events--) {
		if (w.event[w.events]->kind == READ_ARRIVES)
			free(w.event[w.events]->read);
		free(w.event[w.events]);
	}
	for (unsigned int i = 0; i < w.scene.machines; i++) {
		while (w.crashed[i].count)
			read_drop(&w.crashed[i]);
		nd_machine_free(w.crashed[i].m);
	}
}

struct outcome {
	double share;    /* of the port's rate that was new bytes */
	double fairness; /* the slowest machine's bytes by the fastest's, once all have begun */
	double dropped;  /* of what was sent */
	double seconds;
};

static struct outcome play(const struct scene *scene, unsigned int seed)
{
	uint64_t least = UINT64_MAX, most = 0, all = 0, early[MACHINES_MAX];
	struct outcome o;

	world_begin(scene, seed);
	w.scene.seconds = 0.5;
	world_run();
	for (unsigned int i = 0; i < scene->machines; i++)
		early[i] = w.crashed[i].got_bytes;
	w.scene.seconds = scene->seconds - 0.5;
	world_run();
	for (unsigned int i = 0; i < scene->machines; i++) {
		uint64_t got = w.crashed[i].got_bytes, later = got - early[i];

		all += got;
		least = later < least ? later : least;
		most = later > most ? later : most;
	}
	o.seconds = (double)(w.now_us - BEGIN_US) / 1e6;
	o.share = (double)all / o.seconds / 1e6 / scene->port_mbs;
	o.fairness = most ? (double)least / (double)most : 0;
	o.dropped = w.sent ? (double)w.dropped / (double)w.sent : 0;
	print_message("%-24s %4.1f %% of the port, least by most %.2f, dropped %4.1f %%, %.2f s\n",
		      scene->name, o.share * 100, o.fairness, o.dropped * 100, o.seconds);
	world_end();
	return o;
}

static void a_crowd_keeps_the_port_busy(void **state)
{
	static const struct scene row[] = {
		/* 1 Gbit/s is 125; every machine could send at that rate, too */
		{"200 fast, 128 KiB", 200, 125, 125, 128 << 10, 50, 0, 2, 1 << 20},
		{"200 fast, 64 KiB", 200, 125, 125, 64 << 10, 50, 0, 2, 1 << 20},
		{"200 fast, 512 KiB", 200, 125, 125, 512 << 10, 50, 0, 2, 1 << 20},
		{"200 fast, 8 MiB", 200, 125, 125, 8 << 20, 50, 0, 2, 1 << 20},
		{"200 as UNDI, 128 KiB", 200, 25, 125, 128 << 10, 100, 0, 2, 1 << 20},
		{"200 slow, 128 KiB", 200, 2, 125, 128 << 10, 100, 0, 2, 1 << 20},
		{"20 as UNDI, 128 KiB", 20, 25, 125, 128 << 10, 100, 0, 2, 1 << 20},
		{"6 as UNDI, 128 KiB", 6, 25, 125, 128 << 10, 100, 0, 2, 1 << 20},
		{"200 as UNDI, 1 % lost", 200, 25, 125, 128 << 10, 100, 0.01, 2, 1 << 20},
		{"200 as UNDI, 5 % lost", 200, 25, 125, 128 << 10, 100, 0.05, 2, 1 << 20},
		{"200 at a distance", 200, 25, 125, 512 << 10, 5000, 0, 6, 1 << 20},
	};

	(void)state;
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct outcome o = play(&row[i], 1);

		if (o.share < 0.8 || o.fairness < 0.5)
			fail_msg("%s: %.1f %%, least by most %.2f", row[i].name, o.share * 100,
				 o.fairness);
	}
}

/* One machine, as fast as UNDI is, with chance losses both ways: how fast, by lossless. */
static void chance_losses_cost_little(void **state)
{
	static const struct {
		double loss, ratio;
	} row[] = {{0.01, 0.95}, {0.05, 0.85}, {0.2, 0.1}};
	struct scene scene = {"one", 1, 25, 125, 512 << 10, 100, 0, 600, 8192};
	double lossless = play(&scene, 1).seconds;

	(void)state;
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		double seconds = 0;

		scene.loss = row[i].loss;
		for (unsigned int seed = 1; seed <= 3; seed++)
			seconds += play(&scene, seed).seconds / 3;
		if (lossless / seconds < row[i].ratio)
			fail_msg("%.0f %% lost: %.2f of the rate", scene.loss * 100,
				 lossless / seconds);
	}
}

/* How long 1 MiB takes if just that READ, or that DATA, is lost. */
static double single_loss_ms(unsigned int read, unsigned int data)
{
	static const struct scene scene = {"", 1, 25, 125, 512 << 10, 100, 0, 600, 256};
	double ms;

	world_begin(&scene, 1);
	w.lose_read = read;
	w.lose_data = data;
	world_run();
	assert_true(all_done());
	ms = (double)(w.now_us - BEGIN_US) / 1000;
	world_end();
	return ms;
}

/* The first READ is sent as the world begins: it is not among these. */
static void one_loss_costs_one_request(void **state)
{
	double lossless = single_loss_ms(0, 0), worst = 0;

	(void)state;
	for (unsigned int i = 1; i < 60; i++) {
		double ms = single_loss_ms(i, 0);

		worst = ms > worst ? ms : worst;
	}
	for (unsigned int i = 1; i < 800; i++) {
		double ms = single_loss_ms(0, i);

		worst = ms > worst ? ms : worst;
	}
	print_message("lossless %.1f ms, with the worst single loss %.1f ms\n", lossless, worst);
	/* at the very end there is nothing left that could overtake: a timeout */
	assert_true(worst - lossless < ND_RTT_TIMEOUT_MIN_MS + 2);
}

static void the_first_read_is_repeated(void **state)
{
	static const struct scene scene = {"", 1, 25, 125, 512 << 10, 100, 0, 600, 256};

	(void)state;
	world_begin_lossy(&scene, 1, true);
	world_run();
	assert_true(w.now_us - BEGIN_US < (ND_RTT_FIRST_MS + 100) * 1000);
	world_end();
}

/* The network is gone for a second: all goes on soon after. */
static void an_outage_is_over_when_it_is_over(void **state)
{
	static const struct scene scene = {"", 20, 25, 125, 128 << 10, 100, 0, 600, 2048};
	double undisturbed = play(&scene, 1).seconds, seconds;

	(void)state;
	world_begin(&scene, 1);
	w.out_from_us = BEGIN_US + 300000;
	w.out_to_us = w.out_from_us + 1000000;
	world_run();
	assert_true(all_done());
	seconds = (double)(w.now_us - BEGIN_US) / 1e6;
	world_end();
	print_message("with a second's outage %.2f s\n", seconds);
	assert_true(seconds - undisturbed < 2.0);
}

/* Nine in ten die on the way: what they held does not keep the others waiting. */
static void the_dead_hold_nothing(void **state)
{
	static const struct scene scene = {"", 100, 25, 125, 128 << 10, 100, 0, 3, 1 << 20};
	uint64_t before = 0, after = 0;

	(void)state;
	world_begin(&scene, 1);
	w.scene.seconds = 1;
	world_run();
	w.dead_from = 10;
	w.scene.seconds = 1; /* to be noticed */
	world_run();
	for (unsigned int i = 0; i < 10; i++)
		before += w.crashed[i].got_bytes;
	world_run();
	for (unsigned int i = 0; i < 10; i++)
		after += w.crashed[i].got_bytes;
	world_end();
	print_message("those that live get %.1f MB/s\n", (double)(after - before) / 1e6);
	assert_true((double)(after - before) / 1e6 > 0.8 * scene.port_mbs);
}

static void keepalive_count(void *context, struct nd_machine *m,
			    const struct nd_wire_header *message)
{
	(void)m;
	assert_int_equal(((const struct nd_wire_read *)message)->extent_count, 0);
	++*(unsigned int *)context;
}

/* Who waits for the disk, or for its turn, hears so in time; who does not wait hears nothing. */
static void who_waits_is_told_to_wait_on(void **state)
{
	static const struct {
		enum nd_phase phase;
		bool proven, waiting, suspended, told;
	} row[] = {
		/* 0 */ {ND_FINISH, true, false, false, true},
		/* 1 */ {ND_FINISH, true, false, true, false}, /* it is gone */
		/* 2 */ {ND_FINISH, false, false, false, false},
		/* 3 */ {ND_OVER, true, false, false, false},
		/* 4 */ {ND_MEMORY, true, true, false, true},
		/* 5 */ {ND_MEMORY, true, false, false, false},
		/* 6 */ {ND_PROBE, false, true, false, false}, /* a forged address */
	};

	(void)state;
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct nd_machine m = {.phase = row[i].phase,
				       .proven = row[i].proven,
				       .suspended = row[i].suspended,
				       .turn.waiting = row[i].waiting,
				       .next_read_id = 7,
				       .said_ms = 1000};
		unsigned int count = 0;
		struct nd_env env = {.send = keepalive_count, .context = &count};

		nd_flow_soothe(&m, &env, 1000 + ND_AGENT_IDLE_MS - 150);
		assert_int_equal(count, 0);
		assert_int_equal(nd_flow_due(&m) < 1000 + ND_AGENT_IDLE_MS, row[i].told);
		nd_flow_soothe(&m, &env, 1000 + ND_AGENT_IDLE_MS);
		nd_flow_soothe(&m, &env, 1000 + ND_AGENT_IDLE_MS);
		if (count != row[i].told)
			fail_msg("row %zu: told %u times", i, count);
	}
}

/* It says HELLO once a second, so that it is not silent. */
static void speak(struct nd_machine *m, unsigned int seconds)
{
	while (seconds--) {
		w.now_us += 1000000;
		m->heard_ms = now_ms();
		nd_machine_tick(m, &w.env, now_ms(), 0);
	}
}

/* Others have the whole pool for longer than a machine may bring nothing: it is not to blame. */
static void who_is_not_asked_is_not_given_up(void **state)
{
	static const struct scene scene = {"", 1, 25, 125, 128 << 10, 100, 0, 1, 1 << 20};
	struct nd_turn others = {0};
	struct nd_machine *m;

	(void)state;
	world_begin(&scene, 1);
	m = w.crashed[0].m;
	w.env.silence_ms = 10000;
	nd_flow_close_all(m, &w.env, now_ms());
	nd_flow_prove(m, &w.env);
	nd_pace_take(&w.pace, &others, w.pace.size_bytes);
	nd_flow_fill(m, &w.env, now_ms());
	assert_true(m->turn.waiting);
	speak(m, 30);
	assert_int_equal(m->phase, ND_MEMORY);
	nd_pace_give(&w.pace, &others, others.out_bytes);
	assert_ptr_equal(nd_pace_next(&w.pace), &m->turn);
	nd_machine_ask(m, &w.env, now_ms());
	assert_int_not_equal(m->reads.count, 0);
	speak(m, 5);
	assert_int_equal(m->phase, ND_MEMORY);
	speak(m, 6);
	assert_int_equal(m->phase, ND_OVER);
	world_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_crowd_keeps_the_port_busy),
		cmocka_unit_test(chance_losses_cost_little),
		cmocka_unit_test(one_loss_costs_one_request),
		cmocka_unit_test(the_first_read_is_repeated),
		cmocka_unit_test(an_outage_is_over_when_it_is_over),
		cmocka_unit_test(the_dead_hold_nothing),
		cmocka_unit_test(who_waits_is_told_to_wait_on),
		cmocka_unit_test(who_is_not_asked_is_not_given_up),
	};

	return cmocka_run_group_tests_name("flow", tests, NULL, NULL);
}
