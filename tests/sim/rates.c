// SPDX-License-Identifier: GPL-2.0-or-later
/* rates.c - how fast dumps are: one machine over lines that lose, many at one port. */
#include "tests/sim/rates.h"

#include <jansson.h>

#include "tests/sim/disk.h"
#include "tests/sim/event.h"
#include "tests/sim/judge.h"
#include "tests/sim/report.h"
#include "tests/sim/server.h"

#define PORT_BITS_PER_S  1000000000ull
#define PORT_QUEUE_BYTES (512u << 10)  /* of a small switch */
#define SEND_NS          (15 * SIM_US) /* a crashed machine's CPU, for what it sends, takes */
#define TAKE_NS          (10 * SIM_US)
#define SERVER_NS        (5 * SIM_US)
#define HELLO_NS         (600 * SIM_US)
#define SOCKET_SLOTS     14563u /* 16 MiB, as the kernel doubles and counts it */
#define DISK_BYTES       (1ull << 36)
#define ONE_PAGES        20000u
/* When many are looked at: by then most have been let in, and the pool has found its size. */
#define WINDOW_FROM_NS (5 * SIM_S)
#define WINDOW_NS      (2 * SIM_S)
/* Of an incompressible page: 22 of its 64 grains fill a datagram, and a frame of 1,538 bytes. */
#define PAGE_WIRE_BYTES (64 * 1538 / 22)
#define GIVEN_UP_NS     (600 * SIM_S)

static struct sim_machine *machine;
static unsigned int machines;
static struct sim_network network;
static struct nd_keyring ring;

struct row {
	unsigned int machines;
	double delay_ms, loss;
	double rate, goal; /* of what is possible; 0: none is aimed at */
	double mb_per_s, fairness;
	bool right; /* complete, where it ran to the end */
};

static void machine_start(void *what)
{
	struct sim_machine *m = what;
	struct nd_agent_config config = {
		.security = ND_AGENT_NK,
		.mac = {2, 0, 0, 0, (uint8_t)(m->number >> 8), (uint8_t)m->number},
		.server_count = 1,
		.server = {sim_server_peer()},
		.cr3 = 0x1000,
		.seed = {(uint8_t)m->number, (uint8_t)(m->number >> 8), 1},
	};

	memcpy(config.server_key[0], ring.public_key, sizeof ring.public_key);
	memcpy(config.host, m->host, sizeof config.host);
	sim_machine_begin(m, &config);
}

static void machine_make(struct sim_machine *m, unsigned int number, uint64_t pages)
{
	struct sim_chance c = sim_chance_part(7, number);

	m->number = number;
	m->silent_ns = SIM_NEVER;
	m->deadline_ns = GIVEN_UP_NS;
	m->send_ns = SEND_NS;
	m->take_ns = TAKE_NS;
	sim_memory_make(&m->memory, &c, pages, true);
	m->memory.zero_ppm = 0;
	m->memory.random_ppm = SIM_MILLION;
	snprintf(m->host, sizeof m->host, "m%u", number);
	sim_event_at(sim_chance_below(&c, 20 * SIM_MS), machine_start, m);
}

static void network_make(double delay_ms, double loss)
{
	network = (struct sim_network){.lines = machines, .sealed = true};
	network.line = calloc(machines, sizeof *network.line);
	network.line_down_ns = calloc(machines, sizeof *network.line_down_ns);
	SIM_NEED(network.line && network.line_down_ns);
	network.port[SIM_UP] = (struct sim_wire){PORT_BITS_PER_S, PORT_QUEUE_BYTES, 0};
	network.port[SIM_DOWN] = (struct sim_wire){PORT_BITS_PER_S, PORT_QUEUE_BYTES, 0};
	for (unsigned int i = 0; i < machines; i++) {
		struct sim_line *l = &network.line[i];

		l->wire[SIM_UP].bits_per_s = PORT_BITS_PER_S;
		l->wire[SIM_DOWN] = network.port[SIM_DOWN];
		l->delay_ns = (uint64_t)(delay_ms * SIM_MS);
		l->loss_ppm[SIM_UP] = l->loss_ppm[SIM_DOWN] = (uint32_t)(loss * SIM_MILLION);
	}
	sim_network_begin(7, &network);
}

static void world_begin(unsigned int count, uint64_t pages, double delay_ms, double loss)
{
	static const uint8_t own[ND_WIRE_KEY_BYTES] = {1, 2, 3};

	memcpy(ring.private_key, own, sizeof own);
	nd_noise_public(ring.public_key, own);
	ring.has_own = true;
	machines = count;
	machine = calloc(machines, sizeof *machine);
	SIM_NEED(machine);
	sim_report_begin(7, false);
	sim_events_begin();
	network_make(delay_ms, loss);
	sim_disk_begin(7, DISK_BYTES);
	sim_judge_begin(machine, machines, false);
	sim_server_begin(&(struct sim_server_options){
		.seed = 7,
		.machines_max = 1024,
		.silence_ms = 180000,
		.map_ms = 1000,
		.keys = &ring,
		.buffer = SOCKET_SLOTS,
		.take_ns = SERVER_NS,
		.hello_ns = HELLO_NS,
		.network = &network,
		.machine = machine,
		.machines = machines,
	});
	sim_server_start();
	for (unsigned int i = 0; i < machines; i++)
		machine_make(&machine[i], i, pages);
}

static void world_end(void)
{
	sim_server_stop();
	sim_server_end();
	sim_disk_end();
	sim_network_end();
	sim_events_free();
	free(network.line);
	free(network.line_down_ns);
	free(machine);
}

/* To its end: memory per second. */
static struct row one_run(double delay_ms, double loss)
{
	struct row r = {.machines = 1, .delay_ms = delay_ms, .loss = loss, .fairness = 1};

	world_begin(1, ONE_PAGES, delay_ms, loss);
	while (machine->outcome == SIM_RUNS && sim_event_next(GIVEN_UP_NS))
		;
	r.right = machine->outcome == SIM_TOLD && machine->status == ND_DONE_COMPLETE &&
		  !sim_judge_all(true).wrong;
	r.mb_per_s = (double)ONE_PAGES * ND_PAGE_BYTES / 1e6 /
		     ((double)(machine->end_ns - machine->begin_ns) / SIM_S);
	world_end();
	return r;
}

/* Jain's index of what came from each that was let in: 1 where all are equal. */
static double fairness(const uint64_t *before)
{
	double sum = 0, squares = 0, count = 0;

	for (unsigned int i = 0; i < machines; i++) {
		double got = (double)(network.line[i].arrived_bytes - before[i]);

		if (!machine[i].heard_ns || machine[i].heard_ns > WINDOW_FROM_NS)
			continue;
		count++;
		sum += got;
		squares += got * got;
	}
	return squares > 0 ? sum * sum / (squares * count) : 0;
}

/* For a while, in which none of them ends: memory per second, against what the port can carry. */
static struct row many_run(unsigned int count, uint64_t pages, double delay_ms)
{
	struct row r = {.machines = count, .delay_ms = delay_ms, .right = true};
	uint64_t *before = calloc(count, sizeof *before), used;

	SIM_NEED(before);
	world_begin(count, pages, delay_ms, 0);
	while (sim_event_next(WINDOW_FROM_NS))
		;
	used = sim_disk_used();
	for (unsigned int i = 0; i < count; i++)
		before[i] = network.line[i].arrived_bytes;
	while (sim_event_next(WINDOW_FROM_NS + WINDOW_NS))
		;
	r.mb_per_s = (double)(sim_disk_used() - used) / 1e6 / (WINDOW_NS / SIM_S);
	r.rate = r.mb_per_s * 1e6 * PAGE_WIRE_BYTES / ND_PAGE_BYTES * 8 / PORT_BITS_PER_S;
	r.fairness = fairness(before);
	for (unsigned int i = 0; i < count; i++)
		r.right &= machine[i].outcome == SIM_RUNS;
	free(before);
	world_end();
	return r;
}

static bool held(const struct row *r)
{
	return r->right && r->rate >= r->goal;
}

static void row_print(const struct row *r)
{
	char goal[16] = "-";

	if (r->goal > 0)
		snprintf(goal, sizeof goal, "%.2f", r->goal);
	printf("%8u %8.2f ms %5.0f %% %9.1f MB/s %7.3f %9.3f %7s  %s\n", r->machines, r->delay_ms,
	       r->loss * 100, r->mb_per_s, r->rate, r->fairness, goal,
	       !r->right ? "WRONG"
	       : held(r) ? "held"
			 : "MISSED");
	fflush(stdout);
}

static json_t *row_json(const struct row *r)
{
	return json_pack("{s:i, s:f, s:f, s:f, s:f, s:f, s:f, s:b, s:b}", "machines",
			 (int)r->machines, "delay_ms", r->delay_ms, "loss", r->loss, "mb_per_s",
			 r->mb_per_s, "share", r->rate, "fairness", r->fairness, "goal", r->goal,
			 "right", r->right, "held", held(r));
}

bool sim_rates_run(bool json)
{
	static const double delays_ms[] = {0.05, 1}, losses[] = {0, 0.01, 0.05, 0.20},
			    goals[] = {0, 0.90, 0.75, 0};
	static const struct {
		unsigned int machines, pages;
	} crowds[] = {{200, 2500}, {1000, 900}};
	json_t *list = json_array();
	bool all = true;

	if (!json)
		printf("machines  delay each way  loss each way   memory/wire  share  fairness    "
		       "goal\n");
	for (int d = 0; d < 2; d++) {
		double lossless = 0;

		for (int l = 0; l < 4; l++) {
			struct row r = one_run(delays_ms[d], losses[l]);

			lossless = l ? lossless : r.mb_per_s;
			r.rate = r.mb_per_s / lossless;
			r.goal = goals[l];
			all &= held(&r);
			json ? (void)json_array_append_new(list, row_json(&r)) : row_print(&r);
		}
	}
	for (int c = 0; c < 2; c++)
		for (int d = 0; d < 2; d++) {
			struct row r = many_run(crowds[c].machines, crowds[c].pages, delays_ms[d]);

			r.goal = 0.90;
			all &= held(&r);
			json ? (void)json_array_append_new(list, row_json(&r)) : row_print(&r);
		}
	if (json) {
		json_dumpf(list, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(4));
		putchar('\n');
	}
	json_decref(list);
	return all;
}
