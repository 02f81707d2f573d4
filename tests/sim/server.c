// SPDX-License-Identifier: GPL-2.0-or-later
/* server.c - netdumpd's hub on virtual time: loop.c's order of things, without its calls. */
#include "tests/sim/server.h"

#include <arpa/inet.h>
#include <malloc.h>
#include <unistd.h>

#include "tests/sim/disk.h"
#include "tests/sim/event.h"
#include "tests/sim/judge.h"
#include "tests/sim/report.h"
#include "wire/secure.h"

#if defined(__SANITIZE_ADDRESS__)
/* <sanitizer/allocator_interface.h>, which only clang brings. */
size_t __sanitizer_get_current_allocated_bytes(void);
#endif

#define STRANGERS_MAX 227u /* 512 KiB of the kernel's accounting */
#define TICK_MAX_NS   (50 * SIM_MS)
#define WALL_S        1.7e9
#define CLIENTS_IP    0x0a000000u
#define STRANGERS_IP  0x0a010000u /* who repeats what a machine says, by its number */
#define STRANGER_GAIN 3u          /* the server sends him less than so many times what he sent */
/* Of memory: what it needs in any case, and for each machine; pages come on top. */
#define HEAP_BASE    (8u << 20)
#define HEAP_MACHINE (1u << 20)

struct queue {
	struct sim_packet *first, *last;
	unsigned int count;
};

static const struct nd_agent_peer peer = {{10, 255, 0, 1}, ND_WIRE_PORT};
static const struct nd_agent_peer nobody = {{10, 255, 0, 2}, ND_WIRE_PORT};

static struct sim_server_options options;
static struct nd_hub *hub;
static struct sim_chance chance;
static struct queue dumps, strangers;
static uint64_t wake_ns, busy_ns, ticked_ns, due_ms, strangers_ms;
static uint64_t heap_before, heap_peak, heap_looked_ms, overflows, refused;
static unsigned int lives;
static uint64_t strangers_in, strangers_out; /* bytes */
static int top;

struct nd_agent_peer sim_server_peer(void)
{
	return peer;
}

struct nd_agent_peer sim_server_nobody(void)
{
	return nobody;
}

bool sim_server_is(const struct nd_agent_peer *p)
{
	return !memcmp(p->ip, peer.ip, sizeof p->ip);
}

const struct sim_line *sim_server_line(unsigned int machine)
{
	return &options.network->line[machine];
}

static struct nd_now now(void)
{
	/* Not from 0: the kernel's clock is no newborn when a server starts. */
	uint64_t ms = sim_now_ms() + 1000;

	return (struct nd_now){ms, WALL_S + (double)ms / 1000};
}

uint64_t sim_heap_bytes(void)
{
#if defined(__SANITIZE_ADDRESS__)
	return __sanitizer_get_current_allocated_bytes();
#else
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
#endif
}

/* Without what the simulator itself takes. */
static uint64_t heap_of_server(void)
{
	uint64_t own = heap_before + sim_disk_heap_bytes() + sim_packet_heap_bytes();
	uint64_t heap = sim_heap_bytes();

	return heap > own ? heap - own : 0;
}

static void heap_must(void)
{
	uint64_t heap = heap_of_server();

	heap_looked_ms = sim_now_ms();
	if (heap > heap_peak)
		heap_peak = heap;
	if (heap > HEAP_BASE + (uint64_t)HEAP_MACHINE * options.machines)
		sim_fail("the server holds %llu bytes of memory", (unsigned long long)heap);
}

static void wake_at(uint64_t ns);

static void queue_clear(struct queue *q)
{
	while (q->first) {
		struct sim_packet *p = q->first;

		q->first = p->next;
		sim_packet_free(p);
	}
	q->count = 0;
}

/* Whatever it had in memory is gone; what it would do on its way out, it does not. */
static void throw_away(void)
{
	bool was_dead = sim_disk_dead();

	if (!was_dead)
		sim_disk_die(0);
	sim_trace("server: killed");
	sim_report_mute(true);
	nd_hub_stop(hub, now());
	sim_report_mute(false);
	hub = NULL;
	sim_disk_live();
	queue_clear(&dumps);
	queue_clear(&strangers);
	sim_digest(0xdead, lives);
}

/* It may have died in what it was just called for. */
static bool died(void)
{
	if (hub && sim_disk_dead())
		throw_away();
	return !hub;
}

static void random_draw(void *context, void *to, size_t bytes)
{
	(void)context;
	sim_chance_fill(&chance, to, bytes);
}

static void server_sends(void *context, const struct sockaddr_in *to, const void *datagram,
			 size_t bytes)
{
	unsigned int number = ntohl(to->sin_addr.s_addr) - CLIENTS_IP;
	const struct nd_wire_header *h = datagram;

	(void)context;
	if (sim_disk_dead())
		return;
	if (number >= STRANGERS_IP - CLIENTS_IP) {
		strangers_out += bytes;
		if (strangers_out > STRANGER_GAIN * strangers_in)
			sim_fail("the server sends strangers more than %u times what they send",
				 STRANGER_GAIN);
		return;
	}
	if (number >= options.machines || to->sin_port != htons(ND_WIRE_CLIENT_PORT)) {
		sim_fail("the server speaks to an address that nobody has");
		return;
	}
	sim_trace("m%u <-: type %u, %zu bytes", number, h->type, bytes);
	sim_digest(bytes, number | 1u << 16);
	if (h->type == ND_DONE && ((const struct nd_wire_done *)h)->status == ND_DONE_COMPLETE)
		sim_judge_told(&options.machine[number]);
	sim_network_send(number, SIM_DOWN, busy_ns > sim_now_ns ? busy_ns : sim_now_ns, datagram,
			 bytes);
}

static bool is_hello(const struct sim_packet *p)
{
	const struct nd_wire_header *h = (const void *)p->data;

	return p->bytes >= sizeof *h && h->magic == ND_WIRE_MAGIC &&
	       nd_datagram_type(h) == ND_HELLO;
}

static struct sim_packet *queue_take(struct queue *q)
{
	struct sim_packet *p = q->first;

	q->first = p->next;
	q->count--;
	return p;
}

static void datagram_take(struct queue *q)
{
	struct sim_packet *p = queue_take(q);
	struct sockaddr_in from = {.sin_family = AF_INET, .sin_port = htons(ND_WIRE_CLIENT_PORT)};

	from.sin_addr.s_addr = htonl((p->repeated ? STRANGERS_IP : CLIENTS_IP) + p->machine);
	strangers_in += p->repeated ? p->bytes : 0;
	busy_ns = sim_now_ns + (q == &dumps ? options.take_ns : options.hello_ns);
	sim_digest(p->bytes, p->machine | 2u << 16);
	nd_hub_datagram(hub, now(), &from, p->data, p->bytes);
	sim_packet_free(p);
}

/* As in loop.c: dumps first; timers when nothing is left of them, or after a while; strangers. */
static void turn(void *what)
{
	uint64_t next_ns;

	(void)what;
	if (wake_ns != sim_now_ns || !hub)
		return;
	wake_ns = 0;
	if (dumps.count)
		datagram_take(&dumps);
	if (died())
		return;
	if (!dumps.count || sim_now_ns - ticked_ns >= TICK_MAX_NS) {
		ticked_ns = sim_now_ns;
		due_ms = nd_hub_tick(hub, now()) - 1000;
		if (sim_now_ms() - heap_looked_ms >= 1000)
			heap_must();
	}
	if (died())
		return;
	if (strangers.count && sim_now_ms() != strangers_ms) {
		unsigned int most = nd_hub_welcome(hub, now());

		strangers_ms = sim_now_ms();
		for (; most && strangers.count && !died(); most--)
			datagram_take(&strangers);
		if (died())
			return;
	}
	next_ns = dumps.count ? sim_now_ns : due_ms * SIM_MS;
	if (strangers.count && (sim_now_ms() + 1) * SIM_MS < next_ns)
		next_ns = (sim_now_ms() + 1) * SIM_MS;
	wake_at(next_ns > sim_now_ns ? next_ns : sim_now_ns + 1);
}

static void wake_at(uint64_t ns)
{
	if (ns < busy_ns)
		ns = busy_ns;
	if (ns >= wake_ns && wake_ns > sim_now_ns)
		return;
	wake_ns = ns > sim_now_ns ? ns : sim_now_ns;
	sim_event_at(wake_ns, turn, NULL);
}

static void packet_arrives(struct sim_packet *p)
{
	struct queue *q = is_hello(p) ? &strangers : &dumps;

	if (!hub || q->count == (q == &dumps ? options.buffer : STRANGERS_MAX)) {
		overflows += hub != NULL;
		sim_packet_free(p);
		return;
	}
	p->next = NULL;
	if (q->count++)
		q->last->next = p;
	else
		q->first = p;
	q->last = p;
	wake_at(sim_now_ns);
}

static void packet_leaves(struct sim_packet *p)
{
	sim_machine_arrive(&options.machine[p->machine], p);
}

void sim_server_begin(const struct sim_server_options *given)
{
	options = *given;
	options.network->arrive[SIM_UP] = packet_arrives;
	options.network->arrive[SIM_DOWN] = packet_leaves;
	chance = sim_chance_part(options.seed, 's');
	hub = NULL;
	wake_ns = busy_ns = ticked_ns = due_ms = strangers_ms = heap_looked_ms = 0;
	heap_peak = overflows = refused = 0;
	lives = 0;
	strangers_in = strangers_out = 0;
	top = sim_disk_top();
	heap_before = 0;
	heap_before = heap_of_server();
}

void sim_server_end(void)
{
	SIM_NEED(!hub);
	if (sim_disk_open_count() != 1)
		sim_fail("%u files were left open", sim_disk_open_count() - 1);
	close(top);
}

void sim_server_start(void)
{
	if (hub)
		return;
	sim_trace("server: starts");
	lives++;
	hub = nd_hub_new(&(struct nd_hub_options){
		.drivers = -1,
		.top = top,
		.machines_max = options.machines_max,
		.silence_ms = options.silence_ms,
		.pool_bytes = options.buffer * ND_WIRE_DATAGRAM_MAX,
		.map_ms = options.map_ms,
		.quota = options.quota,
		.event_fd = -1,
		.keys = options.keys,
		.random = random_draw,
		.send = server_sends,
	});
	SIM_NEED(hub);
	busy_ns = sim_now_ns;
	wake_ns = 0;
	wake_at(sim_now_ns);
}

void sim_server_stop(void)
{
	if (!hub)
		return;
	sim_trace("server: stops");
	heap_must();
	refused += nd_hub_refused(hub);
	nd_hub_stop(hub, now());
	hub = NULL;
	sim_disk_live();
	queue_clear(&dumps);
	queue_clear(&strangers);
}

void sim_server_kill(void)
{
	if (hub)
		throw_away();
}

void sim_server_kill_after(unsigned int calls)
{
	if (hub)
		sim_disk_die(calls);
}

void sim_server_kill_at_rename(unsigned int calls)
{
	if (hub)
		sim_disk_die_at_rename(calls);
}

bool sim_server_runs(void)
{
	return hub != NULL;
}

unsigned int sim_server_lives(void)
{
	return lives;
}

void sim_server_told(const struct sim_machine *m)
{
	if (m->status == ND_DONE_COMPLETE)
		sim_judge_told(m);
}

uint64_t sim_server_heap_peak(void)
{
	return heap_peak;
}

uint64_t sim_server_overflows(void)
{
	return overflows;
}

uint64_t sim_server_refused(void)
{
	return refused;
}
