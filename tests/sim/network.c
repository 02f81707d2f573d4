// SPDX-License-Identifier: GPL-2.0-or-later
/* network.c - lines between machines and a switch, and the server's port on it. */
#include "tests/sim/network.h"

#include <stdlib.h>

#include "tests/sim/event.h"
#include "tests/sim/report.h"
#include "wire/secure.h"

#define FRAME_BYTES 66u /* UDP, IPv4, Ethernet; check sequence, preamble, gap */

static struct sim_network *net;
static struct sim_chance chance;
static struct sim_packet *spare, *all;
static uint64_t packets; /* that exist */

void sim_network_begin(uint64_t seed, struct sim_network *network)
{
	net = network;
	chance = sim_chance_part(seed, 'n');
}

static struct sim_packet *packet_new(unsigned int machine, enum sim_way way, const void *data,
				     size_t bytes)
{
	struct sim_packet *p = spare ? spare : malloc(sizeof *p);

	SIM_NEED(p && bytes <= sizeof p->data);
	if (spare) {
		spare = spare->next;
	} else {
		p->made_before = all;
		all = p;
		packets++;
	}
	p->machine = machine;
	p->way = way;
	p->repeated = false;
	p->bytes = bytes;
	memcpy(p->data, data, bytes);
	return p;
}

void sim_packet_free(struct sim_packet *p)
{
	p->next = spare;
	spare = p;
}

uint64_t sim_packet_heap_bytes(void)
{
	return packets * sizeof(struct sim_packet);
}

void sim_network_end(void)
{
	while (all) {
		struct sim_packet *before = all->made_before;

		free(all);
		all = before;
	}
	spare = NULL;
	packets = 0;
}

/* When its last bit has left; SIM_NEVER: there was no room to wait. */
static uint64_t wire_push(struct sim_wire *w, uint64_t when_ns, size_t bytes)
{
	uint64_t frame_ns = (bytes + FRAME_BYTES) * 8 * SIM_S / w->bits_per_s;
	uint64_t start = w->free_ns > when_ns ? w->free_ns : when_ns;

	if (w->queue_bytes && (start - when_ns) / 8 * w->bits_per_s / SIM_S > w->queue_bytes)
		return SIM_NEVER;
	w->free_ns = start + frame_ns;
	return w->free_ns;
}

static void arrive(void *what)
{
	struct sim_packet *p = what;

	if (p->way == SIM_UP && !p->repeated)
		net->line[p->machine].arrived_bytes += p->bytes;
	net->arrive[p->way](p);
}

static void packet_lose(struct sim_packet *p, const char *how)
{
	sim_trace("m%u %s: %zu bytes %s", p->machine, p->way == SIM_UP ? "->" : "<-", p->bytes,
		  how);
	sim_packet_free(p);
}

/* Over the second wire, and to its end. */
static void packet_pass(struct sim_packet *p)
{
	struct sim_line *l = &net->line[p->machine];
	struct sim_wire *w = p->way == SIM_UP ? &net->port[SIM_UP] : &l->wire[SIM_DOWN];
	uint64_t ns = wire_push(w, sim_now_ns, p->bytes);

	if (ns == SIM_NEVER) {
		net->dropped[p->way]++;
		packet_lose(p, "find the queue full");
		return;
	}
	if (l->jitter_ns)
		ns += sim_chance_below(&chance, l->jitter_ns);
	if (sim_chance_hits(&chance, l->late_ppm))
		ns += sim_chance_below(&chance, l->late_ns);
	sim_event_at(ns + l->delay_ns / 2, arrive, p);
}

/* True: it is damaged, and nobody will see that it was sent. */
static bool packet_damage(struct sim_packet *p)
{
	unsigned int bits = (unsigned int)sim_chance_from(&chance, 1, 3);

	if (!net->sealed)
		return true;
	for (unsigned int i = 0; i < bits; i++)
		((uint8_t *)p->data)[sim_chance_below(&chance, p->bytes)] ^=
			(uint8_t)(1u << sim_chance_below(&chance, 8));
	sim_trace("m%u %s: %zu bytes damaged", p->machine, p->way == SIM_UP ? "->" : "<-",
		  p->bytes);
	return false;
}

/* He is as near to the server as he can be, so that his copy is there first. */
static void packet_repeat(const struct sim_packet *p)
{
	struct sim_packet *copy = packet_new(p->machine, p->way, p->data, p->bytes);

	copy->repeated = true;
	sim_trace("m%u ->: %zu bytes repeated by another", p->machine, p->bytes);
	sim_event_at(sim_now_ns, arrive, copy);
}

static void at_switch(void *what)
{
	struct sim_packet *p = what;
	struct sim_line *l = &net->line[p->machine];

	net->sent[p->way]++;
	if (sim_now_ns < net->all_down_ns || sim_now_ns < net->line_down_ns[p->machine]) {
		packet_lose(p, "while the link is down");
		return;
	}
	if (sim_chance_hits(&chance, l->loss_ppm[p->way]) ||
	    (sim_chance_hits(&chance, l->damage_ppm) && packet_damage(p))) {
		net->lost[p->way]++;
		packet_lose(p, "lost");
		return;
	}
	if (p->way == SIM_UP && nd_datagram_type(p->data) == ND_HELLO &&
	    sim_chance_hits(&chance, l->repeat_ppm))
		packet_repeat(p);
	if (sim_chance_hits(&chance, l->twice_ppm))
		packet_pass(packet_new(p->machine, p->way, p->data, p->bytes));
	packet_pass(p);
}

void sim_network_send(unsigned int machine, enum sim_way way, uint64_t when_ns, const void *data,
		      size_t bytes)
{
	struct sim_line *l = &net->line[machine];
	struct sim_wire *w = way == SIM_UP ? &l->wire[SIM_UP] : &net->port[SIM_DOWN];
	uint64_t ns = wire_push(w, when_ns, bytes);

	if (ns == SIM_NEVER) {
		net->dropped[way]++;
		return;
	}
	sim_event_at(ns + l->delay_ns / 2, at_switch, packet_new(machine, way, data, bytes));
}

uint64_t sim_network_free_ns(unsigned int machine)
{
	return net->line[machine].wire[SIM_UP].free_ns;
}
