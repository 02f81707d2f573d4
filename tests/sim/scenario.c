// SPDX-License-Identifier: GPL-2.0-or-later
/* scenario.c - one seed: what it draws, how it runs, and how its end is judged. */
#include "tests/sim/scenario.h"

#include <errno.h>
#include <time.h>

#include "server/pace.h"
#include "tests/sim/disk.h"
#include "tests/sim/event.h"
#include "tests/sim/judge.h"
#include "tests/sim/report.h"
#include "tests/sim/server.h"

#define DEADLINE_NS (120 * SIM_S)
#define WATCH_NS    (5 * SIM_MS)
#define OUTAGES_MS  60000u /* all together, so that no machine's patience is at its end */
#define EVENTS_MAX  6u
/* From the last event to when all must be over; and where no server may be left to ask. */
#define AFTER_NS   (60 * SIM_S)
#define FORLORN_NS (DEADLINE_NS + 10 * SIM_S)
#define DISK_BYTES (1ull << 32)
/* Tables that libraries make once and keep. */
#define LIBRARIES_BYTES (256u << 10)
#define NEVER           SIM_NEVER

enum what {
	KILL,        /* between two of the server's file calls */
	KILL_INSIDE, /* while it is at its files */
	POWER,       /* the same, and what was not synced may be gone */
	COMMIT,      /* while a dump is made final, with power or without */
	STOP,
	LINE_DOWN,
	PORT_DOWN,
	WHATS
};

struct happening {
	enum what what;
	uint64_t at_ns, lasts_ns;
	unsigned int number; /* of a machine, or of file calls */
	unsigned int life;   /* of the server, that is to end */
	uint64_t patience_ns;
};

static struct {
	uint64_t seed;
	struct sim_chance chance;
	enum sim_fault fault;
	unsigned int machines, happenings;
	struct happening happening[EVENTS_MAX];
	bool keyed, two_servers, disk_fails, disk_rots, crowded;
	uint64_t pages, last_ns, outages_ms;
	struct sim_machine *machine;
	struct sim_network network;
	struct sim_server_options server;
	struct nd_keyring ring;
	struct nd_host_key host_key;
	const struct nd_host_key *host_keys[1];
} s;

static uint64_t draw(uint64_t low, uint64_t high)
{
	return sim_chance_from(&s.chance, low, high);
}

static bool one_in(uint64_t n)
{
	return !sim_chance_below(&s.chance, n);
}

/* Between low, which is not 0, and high: of each size as often as of any other. */
static uint64_t draw_scaled(uint64_t low, uint64_t high)
{
	unsigned int doublings = 0;
	uint64_t from;

	while (high >> doublings > low)
		doublings++;
	from = low << draw(0, doublings);
	return draw(from < high ? from : high, 2 * from < high ? 2 * from : high);
}

static void keys_draw(void)
{
	static const uint8_t own[ND_WIRE_KEY_BYTES] = {1, 2, 3}, psk[ND_WIRE_KEY_BYTES] = {4, 5};

	s.keyed = !one_in(3);
	if (!s.keyed)
		return;
	memcpy(s.ring.private_key, own, sizeof own);
	nd_noise_public(s.ring.public_key, own);
	s.ring.has_own = true;
	memcpy(s.host_key.key, psk, sizeof psk);
	strcpy(s.host_key.name, "m0");
	nd_psk_id(s.host_key.id, psk);
	s.host_keys[0] = &s.host_key;
	s.ring.hosts = &s.host_key;
	s.ring.by_id = s.host_keys;
	s.ring.host_count = one_in(2); /* the first machine has a key of its own, or none has */
	s.server.keys = &s.ring;
}

static void line_draw(struct sim_line *l, bool bad)
{
	static const uint64_t rates[] = {10, 100, 100, 1000, 1000};
	uint64_t bits_per_s = rates[draw(0, 4)] * 1000000;

	l->wire[SIM_UP] = (struct sim_wire){bits_per_s, 0, 0};
	l->wire[SIM_DOWN] = (struct sim_wire){bits_per_s, draw_scaled(16384, 1 << 20), 0};
	l->delay_ns = draw_scaled(20, 50000) * SIM_US;
	l->jitter_ns = one_in(2) ? 0 : draw_scaled(10, 20000) * SIM_US;
	if (!bad)
		return;
	/* Of a crowd no line is very bad: all share what may be in flight, which loss makes small.
	 */
	for (int way = 0; way < 2; way++)
		l->loss_ppm[way] =
			one_in(3) ? 0
				  : (uint32_t)draw_scaled(1000, s.machines > 8 ? 50000 : 300000);
	l->twice_ppm = one_in(2) ? 0 : (uint32_t)draw_scaled(1000, 100000);
	l->late_ppm = one_in(2) ? 0 : (uint32_t)draw_scaled(1000, 100000);
	l->late_ns = draw_scaled(1, 500) * SIM_MS;
	if (s.keyed && one_in(3))
		l->repeat_ppm = (uint32_t)draw_scaled(100000, SIM_MILLION);
	l->damage_ppm = one_in(2) ? 0 : (uint32_t)draw_scaled(1000, 100000);
}

static void network_draw(void)
{
	struct sim_line *line = calloc(s.machines, sizeof *line);
	uint64_t *down = calloc(s.machines, sizeof *down);
	bool bad = !one_in(5);

	SIM_NEED(line && down);
	s.network = (struct sim_network){
		.lines = s.machines, .line = line, .line_down_ns = down, .sealed = s.keyed};
	s.network.port[SIM_UP] = (struct sim_wire){1000000000, draw_scaled(32768, 4 << 20), 0};
	s.network.port[SIM_DOWN] = (struct sim_wire){1000000000, 1 << 20, 0};
	line_draw(&line[0], bad);
	for (unsigned int i = 1; i < s.machines; i++) {
		line[i] = line[0];
		if (one_in(2))
			line_draw(&line[i], bad);
	}
	if (s.fault == SIM_FAULT_LINE)
		down[0] = NEVER;
	sim_network_begin(s.seed, &s.network);
}

static void machine_draw(struct sim_machine *m, unsigned int number)
{
	uint64_t pages = draw_scaled(8, s.machines > 20 ? 64 : 2000);

	if (number == 0 && s.machines <= 8 && one_in(100))
		pages = draw(8000, 30000);
	m->number = number;
	m->silent_ns = NEVER;
	m->deadline_ns = DEADLINE_NS;
	m->send_ns = draw(2, 40) * SIM_US;
	m->take_ns = draw(2, 40) * SIM_US;
	sim_memory_make(&m->memory, &s.chance, pages, false);
	m->memory.changes = s.fault == SIM_FAULT_MEMORY;
	s.pages += pages;
	m->locked_out = s.keyed && one_in(25);
	if (one_in(12))
		m->silent_ns = draw_scaled(1, 20000) * SIM_MS;
	snprintf(m->host, sizeof m->host, "m%u", number);
}

static void machine_start(void *what)
{
	struct sim_machine *m = what;
	struct nd_agent_config config = {
		.mac = {0x52, 0x54, 0, 0, (uint8_t)(m->number >> 8), (uint8_t)m->number},
		.server_count = 1,
		.server = {sim_server_peer()},
		.reason = "simulated",
		.cr3 = 0x1000,
	};
	struct sim_chance c = sim_chance_part(s.seed, m->number + 1000);
	bool own_key = m->number == 0 && s.ring.host_count;

	config.security = !s.keyed ? ND_AGENT_PLAIN : own_key ? ND_AGENT_NKPSK0 : ND_AGENT_NK;
	if (own_key && m->locked_out && s.seed % 2)
		config.security = ND_AGENT_NK; /* whoever has a key has to come with it */
	config.has_psk = config.security == ND_AGENT_NKPSK0;
	sim_chance_fill(&c, config.seed, sizeof config.seed);
	if (s.two_servers) {
		config.server[0] = sim_server_nobody();
		config.server[1] = sim_server_peer();
		config.server_count = 2;
	}
	for (unsigned int i = 0; i < config.server_count; i++)
		memcpy(config.server_key[i], s.ring.public_key, ND_WIRE_KEY_BYTES);
	memcpy(config.psk, s.host_key.key, ND_WIRE_KEY_BYTES);
	if (m->locked_out && config.has_psk)
		config.psk[0] ^= 1;
	else if (m->locked_out && !own_key) /* still a point of the curve, but nobody's */
		nd_noise_public(config.server_key[config.server_count - 1], config.psk);
	memcpy(config.host, m->host, sizeof config.host);
	sim_machine_begin(m, &config);
}

static void machines_draw(void)
{
	unsigned int dice = (unsigned int)draw(0, 99);

	s.machines = s.seed % 1000 == 0 ? 1000
		     : dice < 30        ? 1
		     : dice < 96        ? (unsigned int)draw(1, 8)
					: (unsigned int)draw_scaled(9, 60);
	s.machine = calloc(s.machines, sizeof *s.machine);
	SIM_NEED(s.machine);
	s.two_servers = one_in(4);
	for (unsigned int i = 0; i < s.machines; i++)
		machine_draw(&s.machine[i], i);
}

/* What the dumps take about, if nothing goes wrong. */
static uint64_t about_ns(void)
{
	uint64_t slowest = 1000000000;

	for (unsigned int i = 0; i < s.machines; i++)
		if (s.network.line[i].wire[SIM_UP].bits_per_s < slowest)
			slowest = s.network.line[i].wire[SIM_UP].bits_per_s;
	return 50 * SIM_MS + 20 * s.network.line[0].delay_ns +
	       s.pages * 2500 * 8 * SIM_S / slowest / s.machines * (s.machines < 3 ? 1 : 2);
}

/* How long a server that is to die in a file call may live. */
static uint64_t patience_ns(const struct happening *h)
{
	if (h->what == COMMIT)
		return 5 * SIM_S;
	return h->what == POWER || h->what == KILL_INSIDE ? h->lasts_ns / 2 : 0;
}

static void happenings_draw(void)
{
	uint64_t span_ns = about_ns() * 2, left_ms = OUTAGES_MS;

	s.happenings = one_in(3) ? 0 : (unsigned int)draw(1, EVENTS_MAX);
	for (unsigned int i = 0; i < s.happenings; i++) {
		struct happening *h = &s.happening[i];
		uint64_t lasts_ms = draw_scaled(1, left_ms / 2 + 2);

		left_ms -= lasts_ms;
		*h = (struct happening){.what = (enum what)draw(0, WHATS - 1),
					.at_ns = draw(0, span_ns),
					.lasts_ns = lasts_ms * SIM_MS};
		h->number = h->what == LINE_DOWN ? (unsigned int)draw(0, s.machines - 1)
						 : (unsigned int)draw_scaled(1, 200);
		span_ns += h->lasts_ns;
		if (h->at_ns + patience_ns(h) + h->lasts_ns > s.last_ns)
			s.last_ns = h->at_ns + patience_ns(h) + h->lasts_ns;
	}
}

static void disk_draw(void)
{
	static const int errors[] = {ENOSPC, EIO, EDQUOT};
	uint64_t dice = draw(0, 19);

	sim_disk_begin(s.seed, DISK_BYTES);
	if (dice == 0)
		sim_disk_break((unsigned int)draw_scaled(1, 2000),
			       (unsigned int)draw_scaled(1, 100), errors[draw(0, 2)]);
	else if (dice == 1)
		sim_disk_room(draw_scaled(1, 8192) * 4096);
	else if (dice == 2)
		s.server.quota.host_bytes = draw_scaled(1, 8192) * 4096;
	else if (dice == 3)
		s.server.quota.all_bytes = draw_scaled(1, 8192) * 4096;
	sim_disk_lie(s.fault == SIM_FAULT_RENAME ? SIM_LIE_RENAME
		     : s.fault == SIM_FAULT_SYNC ? SIM_LIE_SYNC
						 : SIM_LIE_NONE);
	s.disk_fails = dice < 4;
	s.disk_rots = dice == 4;
	if (s.disk_rots)
		sim_disk_rot((uint32_t)draw_scaled(10, 2000));
}

static void server_draw(void)
{
	s.server.seed = s.seed;
	s.crowded = s.machines > 1 && s.machines <= 60 && one_in(10);
	s.server.machines_max = s.crowded ? (unsigned int)draw(1, s.machines) : 1024;
	s.server.silence_ms = one_in(2) ? 180000 : (uint32_t)draw_scaled(5000, 180000);
	s.server.map_ms = one_in(2) ? 1000 : (uint32_t)draw_scaled(10, 3000);
	s.server.buffer = one_in(2) ? 14563 : (unsigned int)draw_scaled(90, 14563);
	s.server.take_ns = draw(2, 30) * SIM_US;
	s.server.hello_ns = s.keyed ? 600 * SIM_US : 20 * SIM_US;
	s.server.network = &s.network;
	s.server.machine = s.machine;
	s.server.machines = s.machines;
}

static void server_starts(void *unused)
{
	(void)unused;
	sim_server_start();
}

/* Dead or stopped: what it left is looked at, and taken up later. */
static void server_is_down(const struct happening *h)
{
	if (h->what == POWER || (h->what == COMMIT && h->number % 2))
		sim_disk_power();
	sim_judge_all(false);
	sim_event_at(sim_now_ns + h->lasts_ns, server_starts, NULL);
}

/* For a server that dies some time in a file call; at the latest when patience ends. */
static void server_watch(void *what)
{
	struct happening *h = what;

	if (sim_server_lives() == h->life && sim_server_runs() && sim_now_ns < h->patience_ns) {
		sim_event_at(sim_now_ns + WATCH_NS, server_watch, h);
		return;
	}
	sim_server_kill();
	server_is_down(h);
}

static void server_doom(struct happening *h)
{
	h->life = sim_server_lives();
	h->patience_ns = sim_now_ns + patience_ns(h);
	if (h->what == COMMIT)
		sim_server_kill_at_rename(h->number / 2 % 6);
	else
		sim_server_kill_after(h->number);
	server_watch(h);
}

static void happen(void *what)
{
	static const char *const names[WHATS] = {"kill", "kill inside", "power",    "commit",
						 "stop", "line down",   "port down"};
	struct happening *h = what;
	uint64_t until = sim_now_ns + h->lasts_ns;

	sim_trace("* %s, for %llu ms, %u", names[h->what],
		  (unsigned long long)(h->lasts_ns / SIM_MS), h->number);
	switch (h->what) {
	case KILL:
		sim_server_kill();
		server_is_down(h);
		break;
	case KILL_INSIDE:
	case POWER:
	case COMMIT:
		server_doom(h);
		break;
	case STOP:
		sim_server_stop();
		server_is_down(h);
		break;
	case LINE_DOWN:
		if (s.network.line_down_ns[h->number] < until)
			s.network.line_down_ns[h->number] = until;
		break;
	default:
		if (s.network.all_down_ns < until)
			s.network.all_down_ns = until;
	}
}

static bool all_over(void)
{
	for (unsigned int i = 0; i < s.machines; i++)
		if (s.machine[i].outcome == SIM_RUNS)
			return false;
	return sim_now_ns > s.last_ns;
}

/*
 * And where so much is lost that no more is in flight, for all machines together, than keeps
 * one of them moving: half of server/pace.h's floor each round trip.
 */
static uint64_t at_worst_ns(void)
{
	uint64_t longest = 0;

	for (unsigned int i = 0; i < s.machines; i++) {
		const struct sim_line *l = &s.network.line[i];

		if (l->loss_ppm[SIM_UP] + l->loss_ppm[SIM_DOWN] + l->damage_ppm &&
		    2 * (l->delay_ns + l->jitter_ns) > longest)
			longest = 2 * (l->delay_ns + l->jitter_ns);
	}
	return s.pages * ND_PAGE_BYTES / (ND_PACE_FLOOR_BYTES / 2) * longest;
}

/* By then whoever can has ended well; and whoever cannot has given up. */
static uint64_t well_ns(void)
{
	return s.last_ns + about_ns() * 4 + at_worst_ns() + AFTER_NS;
}

static uint64_t end_ns(void)
{
	return well_ns() + FORLORN_NS;
}

/* Whoever was not stopped by what cannot be helped has a complete dump. */
static void machine_must(const struct sim_machine *m)
{
	bool may_fail = s.disk_fails || s.disk_rots || s.crowded;

	if (m->locked_out) {
		if (m->outcome != SIM_GAVE_UP && m->outcome != SIM_SILENT)
			sim_fail("m%u has no key, and was let in", m->number);
		return;
	}
	switch (m->outcome) {
	case SIM_RUNS:
		sim_fail("m%u has not finished", m->number);
		break;
	case SIM_GAVE_UP:
		if (!(s.disk_fails && m->agent.unwilling) && !s.crowded)
			sim_fail("m%u gave up: no word from the server", m->number);
		break;
	case SIM_TOLD:
		if (m->status != ND_DONE_COMPLETE && !may_fail)
			sim_fail("m%u was told %s: %s", m->number,
				 m->status == ND_DONE_REFUSED ? "refused" : "incomplete", m->text);
		else if (m->end_ns > well_ns() && !may_fail)
			sim_fail("m%u took until %llu s", m->number,
				 (unsigned long long)(m->end_ns / SIM_S));
		break;
	case SIM_SILENT:
		break;
	}
}

static void result_make(struct sim_result *r)
{
	*r = (struct sim_result){.digest = sim_digest_now(),
				 .machines = s.machines,
				 .lives = sim_server_lives(),
				 .datagrams = s.network.sent[SIM_UP] + s.network.sent[SIM_DOWN],
				 .pages = s.pages,
				 .heap_peak = sim_server_heap_peak(),
				 .virtual_ms = sim_now_ms()};
	for (unsigned int i = 0; i < s.machines; i++) {
		const struct sim_machine *m = &s.machine[i];
		bool told = m->outcome == SIM_TOLD;

		r->complete += told && m->status == ND_DONE_COMPLETE;
		r->incomplete += told && m->status == ND_DONE_INCOMPLETE;
		r->refused += told && m->status == ND_DONE_REFUSED;
		r->silent += m->outcome == SIM_SILENT;
	}
	if (sim_failure())
		snprintf(r->failure, sizeof r->failure, "%s", sim_failure());
}

static uint64_t wall_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void world_free(void)
{
	sim_disk_end();
	sim_network_end();
	sim_events_free();
	free(s.network.line);
	free(s.network.line_down_ns);
	free(s.machine);
}

static void scenario_draw(void)
{
	keys_draw();
	machines_draw();
	network_draw();
	disk_draw();
	server_draw();
	happenings_draw();
}

void sim_scenario_run(uint64_t seed, bool trace, enum sim_fault fault, struct sim_result *result)
{
	uint64_t began_ms = wall_ms(), heap_before = sim_heap_bytes();

	memset(&s, 0, sizeof s);
	s.seed = seed;
	s.fault = fault;
	s.chance = sim_chance_part(seed, 0);
	sim_report_begin(seed, trace);
	sim_events_begin();
	scenario_draw();
	sim_judge_begin(s.machine, s.machines, s.disk_rots);
	sim_server_begin(&s.server);
	server_starts(NULL);
	for (unsigned int i = 0; i < s.happenings; i++)
		sim_event_at(s.happening[i].at_ns, happen, &s.happening[i]);
	for (unsigned int i = 0; i < s.machines; i++)
		sim_event_at(draw(0, s.machines > 1 ? about_ns() / 2 : 0), machine_start,
			     &s.machine[i]);
	if (fault == SIM_FAULT_CRASH)
		abort();
	while (!all_over() && sim_event_next(end_ns()))
		;
	for (unsigned int i = 0; i < s.machines; i++)
		machine_must(&s.machine[i]);
	sim_disk_break(0, 0, 0); /* last words that found no room are said now */
	sim_server_stop();
	if (fault == SIM_FAULT_BYTE)
		sim_disk_flip();
	sim_judge_all(true);
	sim_server_end();
	result_make(result);
	world_free();
	if (sim_heap_bytes() > heap_before + LIBRARIES_BYTES && !result->failure[0])
		snprintf(result->failure, sizeof result->failure,
			 "%llu bytes of memory were not freed",
			 (unsigned long long)(sim_heap_bytes() - heap_before));
	result->wall_ms = wall_ms() - began_ms;
}
