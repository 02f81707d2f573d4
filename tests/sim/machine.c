// SPDX-License-Identifier: GPL-2.0-or-later
/* machine.c - a crashed machine: DINI's own agent over made-up memory and a network card. */
#include "tests/sim/machine.h"

#include "netdump/handoff.h"
#include "tests/sim/event.h"
#include "tests/sim/report.h"
#include "tests/sim/server.h"

#define RING_SLOTS 64u

static void turn(void *what);

static void wake_at(struct sim_machine *m, uint64_t ns)
{
	if (ns < m->busy_ns)
		ns = m->busy_ns;
	if (ns >= m->wake_ns && m->wake_ns > sim_now_ns)
		return;
	m->wake_ns = ns > sim_now_ns ? ns : sim_now_ns;
	sim_event_at(m->wake_ns, turn, m);
}

static void outcome_set(struct sim_machine *m, enum sim_outcome outcome)
{
	m->outcome = outcome;
	m->end_ns = sim_now_ns;
	sim_digest(outcome, m->number);
}

void sim_machine_begin(struct sim_machine *m, const struct nd_agent_config *config)
{
	struct nd_agent_config c = *config;

	c.range_count = m->memory.ranges;
	memcpy(c.range, m->memory.range, sizeof m->memory.range);
	c.elfcorehdr_phys = sim_memory_elfcorehdr(&m->memory);
	c.page = sim_memory_page;
	c.page_ctx = &m->memory;
	nd_agent_init(&m->agent, &c, sim_now_ms());
	m->session = m->agent.session;
	memcpy(m->token, m->agent.token, sizeof m->token);
	m->begin_ns = sim_now_ns;
	m->busy_ns = 0;
	m->wake_ns = 0;
	wake_at(m, sim_now_ns);
}

static void told(struct sim_machine *m)
{
	m->status = m->agent.done_status;
	m->told_life = sim_server_lives();
	memcpy(m->text, m->agent.done_text, sizeof m->text);
	sim_trace("m%u: told %s: %s", m->number,
		  m->status == ND_DONE_COMPLETE     ? "complete"
		  : m->status == ND_DONE_INCOMPLETE ? "incomplete"
						    : "refused",
		  m->text);
	outcome_set(m, SIM_TOLD);
	sim_server_told(m);
	nd_agent_wipe(&m->agent);
}

static void packets_take(struct sim_machine *m, uint64_t *at_ns)
{
	for (unsigned int i = 0; i < ND_GATE_RX_SLOTS && m->ring; i++) {
		struct sim_packet *p = m->ring;
		const struct nd_agent_peer from = sim_server_peer();

		m->ring = p->next;
		m->ringed--;
		nd_agent_input(&m->agent, &from, p->data, p->bytes, sim_now_ms());
		sim_packet_free(p);
		*at_ns += m->take_ns;
		if (m->agent.heard && !m->heard_ns)
			m->heard_ns = sim_now_ns;
	}
}

/* At most a batch's worth, and no more than its slots hold. */
static void datagrams_send(struct sim_machine *m, uint64_t *at_ns)
{
	const struct sim_line *l = sim_server_line(m->number);
	uint64_t slots_ns = ND_GATE_TX_SLOTS * 1538ull * 8 * SIM_S / l->wire[SIM_UP].bits_per_s;

	for (unsigned int i = 0; i < ND_GATE_TX_SLOTS; i++) {
		uint64_t buffer[ND_WIRE_DATAGRAM_MAX / 8];
		struct nd_agent_peer to;
		size_t bytes;

		if (sim_network_free_ns(m->number) > *at_ns + slots_ns)
			return;
		bytes = nd_agent_output(&m->agent, buffer, sizeof buffer, sim_now_ms(), &to);
		if (!bytes)
			return;
		*at_ns += m->send_ns;
		sim_digest(bytes, m->number);
		sim_trace("m%u ->: type %u, %zu bytes to %u.%u.%u.%u", m->number,
			  ((struct nd_wire_header *)buffer)->type, bytes, to.ip[0], to.ip[1],
			  to.ip[2], to.ip[3]);
		if (sim_server_is(&to))
			sim_network_send(m->number, SIM_UP, *at_ns, buffer, bytes);
	}
}

/* When it has to look again, if nothing comes. */
static uint64_t due_ns(const struct sim_machine *m)
{
	uint64_t due = m->agent.hello_ms * SIM_MS;
	uint64_t deadline = m->agent.heard_ms * SIM_MS + m->deadline_ns;

	if (m->agent.queue_count)
		due = sim_now_ns;
	if (sim_network_free_ns(m->number) > due && m->agent.queue_count)
		due = sim_network_free_ns(m->number);
	return deadline < due ? deadline : due;
}

static void turn(void *what)
{
	struct sim_machine *m = what;
	uint64_t at_ns = sim_now_ns;

	if (m->wake_ns != sim_now_ns || m->outcome != SIM_RUNS)
		return;
	m->wake_ns = 0;
	if (sim_now_ns >= m->silent_ns) {
		sim_trace("m%u: breaks down", m->number);
		outcome_set(m, SIM_SILENT);
		return;
	}
	if (sim_now_ns >= m->agent.heard_ms * SIM_MS + m->deadline_ns) {
		sim_trace("m%u: gives up", m->number);
		outcome_set(m, SIM_GAVE_UP);
		return;
	}
	packets_take(m, &at_ns);
	if (nd_agent_done(&m->agent)) {
		told(m);
		return;
	}
	datagrams_send(m, &at_ns);
	m->busy_ns = at_ns;
	wake_at(m, m->ring ? at_ns : due_ns(m) > at_ns ? due_ns(m) : at_ns + 1);
}

void sim_machine_arrive(struct sim_machine *m, struct sim_packet *p)
{
	if (m->outcome != SIM_RUNS || m->ringed == RING_SLOTS) {
		sim_packet_free(p);
		return;
	}
	p->next = NULL;
	if (m->ring)
		m->ring_last->next = p;
	else
		m->ring = p;
	m->ring_last = p;
	m->ringed++;
	wake_at(m, sim_now_ns);
}
