// SPDX-License-Identifier: GPL-2.0-or-later
/* plan.c - what to ask a machine next, how much of it, and when to ask again. */
#include "server/plan.h"

struct nd_plan nd_plan_make(uint32_t window_bytes, unsigned int read_queue, uint32_t pages_per_read)
{
	struct nd_plan plan = {.budget_bytes = ND_PLAN_READ_BYTES};

	if (window_bytes > ND_PLAN_WINDOW_BYTES)
		window_bytes = ND_PLAN_WINDOW_BYTES;
	if (read_queue > ND_READ_QUEUE)
		read_queue = ND_READ_QUEUE;
	if (!read_queue)
		read_queue = 1;
	/* Two small READs keep a machine busier than one large one. */
	if (window_bytes < 2 * ND_PLAN_READ_BYTES)
		plan.budget_bytes = window_bytes / 2;
	if (plan.budget_bytes < ND_PLAN_READ_BYTES_MIN)
		plan.budget_bytes = ND_PLAN_READ_BYTES_MIN;
	plan.reads = window_bytes / plan.budget_bytes;
	if (!plan.reads)
		plan.reads = 1;
	if (plan.reads > read_queue)
		plan.reads = read_queue;
	/* What the budget does not reach goes back unharmed, so naming too much costs little. */
	plan.pages =
		pages_per_read > ND_READ_PAGES_MAX / 2 ? ND_READ_PAGES_MAX : pages_per_read * 2;
	if (plan.pages < ND_PLAN_PAGES_MIN)
		plan.pages = ND_PLAN_PAGES_MIN;
	return plan;
}

uint32_t nd_plan_rto_ms(uint32_t rtt_ms, uint32_t backoff)
{
	uint64_t rto = 4ull * rtt_ms;

	if (rto < ND_PLAN_RTO_MIN_MS)
		rto = ND_PLAN_RTO_MIN_MS;
	rto <<= backoff < 16 ? backoff : 16;
	return rto > ND_PLAN_RTO_MAX_MS ? ND_PLAN_RTO_MAX_MS : (uint32_t)rto;
}

/* READs up to this one are over. */
static uint32_t settled_id(const struct nd_machine *m)
{
	return (m->reads.count ? m->reads.queue[0]->id : m->next_read_id) - 1;
}

static void message_send(struct nd_machine *m, const struct nd_env *env,
			 struct nd_wire_read *message)
{
	env->send(env->context, &m->address, message, message->header.length);
}

static bool read_send(struct nd_machine *m, const struct nd_env *env, const struct nd_plan *plan,
		      uint64_t now_ms)
{
	struct nd_wire_read message;
	struct nd_read *read = nd_reads_open(&m->reads, &m->pending, m->next_read_id,
					     plan->budget_bytes, plan->pages, now_ms);

	if (!read)
		return false;
	m->next_read_id++;
	nd_read_init(&message, m->session, ++m->seq, read->id, settled_id(m), read->budget_bytes);
	for (unsigned int i = 0; i < read->extents; i++) {
		const struct nd_reads_extent *e = &read->extent[i];

		nd_read_extent_add(&message, e->page * ND_PAGE_BYTES, e->count,
				   nd_part_have(read->part[e->first].mask));
	}
	m->counts.reads++;
	m->asked_ms = now_ms;
	message_send(m, env, &message);
	return true;
}

void nd_plan_keepalive(struct nd_machine *m, const struct nd_env *env)
{
	struct nd_wire_read message;
	uint32_t settled = settled_id(m);

	nd_read_init(&message, m->session, ++m->seq, m->next_read_id++, settled, 0);
	message_send(m, env, &message);
}

void nd_plan_fill(struct nd_machine *m, const struct nd_env *env, uint64_t now_ms)
{
	struct nd_plan plan =
		nd_plan_make(env->window_bytes, m->hello.read_queue, m->pages_per_read);

	if (m->phase >= ND_FINISH)
		return;
	if (!m->reads.count)
		m->quiet_ms = now_ms;
	while (m->reads.count < plan.reads && read_send(m, env, &plan, now_ms))
		;
}
