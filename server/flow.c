// SPDX-License-Identifier: GPL-2.0-or-later
/* flow.c - the READs of one machine: when they are sent, given up, and asked for again. */
#include "server/flow.h"

#include "server/give.h"
#include "server/plan.h"

/*
 * A machine that waits for us, not we for it, is told so before its patience of half a second
 * is over: a READ that says nothing costs a hundredth of the handshake that its HELLO would.
 */
#define PATIENCE_MS 400
/* READs that are sent unasked to an address from which no DATA has come. */
#define PROBE_TRIES 5
#define PROBE_BYTES (2 * ND_READ_PAGE_BYTES)
/* A machine that answers in full but brings nothing new is asked again this seldom. */
#define REST_MS 200
/* Timeouts in a row after which a machine has no share in the pool. */
#define GONE_TIMEOUTS 8

static struct nd_pace *pace_of(const struct nd_machine *m, const struct nd_env *env)
{
	return m->proven ? env->pace : env->probes;
}

/* READs up to this one are over. */
static uint32_t settled_id(const struct nd_machine *m)
{
	return (m->reads.count ? m->reads.queue[0]->id : m->next_read_id) - 1;
}

static void budget_give(struct nd_machine *m, const struct nd_env *env, struct nd_read *read,
			uint32_t bytes)
{
	if (bytes > read->left_bytes)
		bytes = read->left_bytes;
	read->left_bytes -= bytes;
	nd_pace_give(pace_of(m, env), &m->turn, bytes);
}

/* Nothing more of its answer is believed to be on its way. */
static void budget_end(struct nd_machine *m, const struct nd_env *env, struct nd_read *read)
{
	budget_give(m, env, read, read->left_bytes);
	if (!read->tallied)
		nd_pace_tally(pace_of(m, env), read->era, nd_read_sent(read), nd_read_lost(read));
	read->tallied = true;
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
	read->era = pace_of(m, env)->era;
	read->left_bytes = read->budget_bytes;
	nd_pace_take(pace_of(m, env), &m->turn, read->budget_bytes);
	nd_read_init(&message, m->session, ++m->seq, read->id, settled_id(m), read->budget_bytes);
	for (unsigned int i = 0; i < read->extents; i++) {
		const struct nd_reads_extent *e = &read->extent[i];

		nd_read_extent_add(&message, e->page * ND_PAGE_BYTES, e->count,
				   nd_part_have(read->part[e->first].mask));
	}
	m->counts.reads++;
	m->said_ms = now_ms;
	env->send(env->context, m, &message.header);
	return true;
}

void nd_flow_keepalive(struct nd_machine *m, const struct nd_env *env, uint64_t now_ms)
{
	struct nd_wire_read message;
	uint32_t settled = settled_id(m);

	m->said_ms = now_ms;
	nd_read_init(&message, m->session, ++m->seq, m->next_read_id++, settled, 0);
	env->send(env->context, m, &message.header);
}

static struct nd_plan plan_now(const struct nd_machine *m, uint32_t window_bytes)
{
	struct nd_plan plan = nd_plan_make(window_bytes, m->hello.read_queue, m->pages_per_read);

	if (!m->proven || m->backoff)
		plan.reads = 1;
	else if (m->late && plan.reads > m->late_reads)
		plan.reads = m->late_reads;
	return plan;
}

/* Whether one more READ fits beside those that are open. */
static bool window_open(const struct nd_machine *m, const struct nd_plan *plan,
			uint32_t window_bytes)
{
	if (m->reads.count >= plan->reads)
		return false;
	return !m->turn.out_bytes || m->turn.out_bytes + plan->budget_bytes <= window_bytes;
}

void nd_flow_fill(struct nd_machine *m, const struct nd_env *env, uint64_t now_ms)
{
	uint32_t window_bytes = PROBE_BYTES;
	bool waited = m->turn.waiting;
	struct nd_plan plan;

	if (m->phase == ND_MOVE || m->phase >= ND_ANSWER || !m->pending.total ||
	    now_ms < m->rest_ms)
		return;
	if (!m->reads.count)
		m->quiet_ms = now_ms;
	if (m->proven)
		window_bytes = nd_pace_share(env->pace);
	plan = plan_now(m, window_bytes);
	while (m->pending.total && window_open(m, &plan, window_bytes) &&
	       nd_pace_may(pace_of(m, env), &m->turn) && read_send(m, env, &plan, now_ms))
		;
	if (m->turn.waiting && !waited)
		m->turn_ms = now_ms;
}

void nd_flow_prove(struct nd_machine *m, const struct nd_env *env)
{
	nd_pace_leave(env->probes, &m->turn);
	for (unsigned int i = 0; i < m->reads.count; i++)
		m->reads.queue[i]->left_bytes = 0;
	m->proven = true;
	nd_pace_join(env->pace, &m->turn);
}

enum nd_reads_seen nd_flow_saw(struct nd_machine *m, const struct nd_env *env,
			       const struct nd_wire_data *data, uint64_t now_ms)
{
	struct nd_read *read;
	enum nd_reads_seen seen = nd_reads_saw(&m->reads, data, now_ms, &read);

	if (seen == ND_SEEN_BAD || seen == ND_SEEN_DUPLICATE)
		return seen;
	m->quiet_ms = now_ms;
	/* Too late for its READ: the next must be waited for longer, or it will be, too. */
	if (seen == ND_SEEN_NEW)
		m->backoff = 0;
	m->late = false;
	if (m->proven)
		nd_pace_join(env->pace, &m->turn);
	if (seen == ND_SEEN_NEW) {
		if (!data->index)
			nd_pace_sample(pace_of(m, env),
				       nd_rtt_take(&m->rtt, now_ms - read->sent_ms));
		/* Behind the last there is nothing, whatever the budget. */
		budget_give(m, env, read, read->last >= 0 ? read->left_bytes : data->header.length);
	}
	return seen;
}

static void read_close(struct nd_machine *m, const struct nd_env *env, unsigned int at, bool lost,
		       uint64_t now_ms)
{
	struct nd_read *read = m->reads.queue[at];

	budget_end(m, env, read);
	if (read->indices)
		m->pages_per_read = (3 * m->pages_per_read + read->pages_full + 3) / 4;
	if (!read->fresh && !nd_read_lost(read))
		m->rest_ms = now_ms + REST_MS;
	if (!nd_reads_close(&m->reads, at, &m->pending, lost, &m->counts.reasked_pages))
		m->starved = true;
}

void nd_flow_reap(struct nd_machine *m, const struct nd_env *env, uint64_t now_ms)
{
	for (unsigned int i = 0; i < m->reads.count;) {
		if (nd_read_ended(m->reads.queue[i], now_ms, nd_rtt_reorder_ms(&m->rtt)))
			read_close(m, env, i, false, now_ms);
		else
			i++;
	}
}

void nd_flow_close_all(struct nd_machine *m, const struct nd_env *env, uint64_t now_ms)
{
	while (m->reads.count)
		read_close(m, env, 0, true, now_ms);
}

/* What is this late is not on its way any more; one more READ may find out. */
static void late_begin(struct nd_machine *m, const struct nd_env *env)
{
	m->late = true;
	m->late_reads = m->reads.count + 1;
	for (unsigned int i = 0; i < m->reads.count; i++)
		budget_end(m, env, m->reads.queue[i]);
}

bool nd_flow_probed(const struct nd_machine *m)
{
	return !m->proven && m->backoff >= PROBE_TRIES;
}

/* Whether it waits for us: for its turn, for its answer, or for the disk. */
static bool waits(const struct nd_machine *m)
{
	return m->proven && !m->suspended &&
	       (m->phase == ND_FINISH || nd_give_waits(m) || (m->turn.waiting && !m->reads.count));
}

void nd_flow_soothe(struct nd_machine *m, const struct nd_env *env, uint64_t now_ms)
{
	if (waits(m) && now_ms - m->said_ms >= PATIENCE_MS)
		nd_flow_keepalive(m, env, now_ms);
}

bool nd_flow_tick(struct nd_machine *m, const struct nd_env *env, uint64_t now_ms)
{
	unsigned int open = m->reads.count;
	uint64_t quiet_ms = now_ms - m->quiet_ms;

	if (!open)
		return now_ms >= m->rest_ms && !nd_flow_probed(m);
	if (quiet_ms >= nd_rtt_timeout_ms(&m->rtt, m->backoff)) {
		nd_flow_close_all(m, env, now_ms);
		m->counts.timeouts++;
		m->backoff++;
		m->late = false;
		if (m->backoff == GONE_TIMEOUTS)
			nd_pace_leave(pace_of(m, env), &m->turn);
		return !nd_flow_probed(m);
	}
	nd_flow_reap(m, env, now_ms);
	if (m->reads.count == open && !m->late && quiet_ms >= nd_rtt_late_ms(&m->rtt)) {
		late_begin(m, env);
		return true;
	}
	return m->reads.count != open;
}

uint64_t nd_flow_due(const struct nd_machine *m)
{
	uint32_t reorder_ms = nd_rtt_reorder_ms(&m->rtt);
	uint64_t due;

	if (waits(m))
		return m->said_ms + PATIENCE_MS;
	if (m->phase >= ND_ANSWER)
		return UINT64_MAX;
	if (!m->reads.count)
		return m->pending.total && !m->turn.waiting && !nd_flow_probed(m) ? m->rest_ms
										  : UINT64_MAX;
	due = m->quiet_ms +
	      (m->late ? nd_rtt_timeout_ms(&m->rtt, m->backoff) : nd_rtt_late_ms(&m->rtt));
	for (unsigned int i = 0; i < m->reads.count; i++) {
		const struct nd_read *read = m->reads.queue[i];

		if (read->overtaken && read->overtaken_ms + reorder_ms < due)
			due = read->overtaken_ms + reorder_ms;
	}
	return due;
}

/*
 * Either it answered everything, so what is missing was lost; or it never saw the newest
 * READ, once that had the time to get there.
 */
bool nd_flow_lost(const struct nd_machine *m, const struct nd_wire_hello *hello, uint64_t now_ms)
{
	const struct nd_read *newest = m->reads.queue[m->reads.count - 1];

	if (hello->state == ND_HELLO_IDLE && hello->last_read_id >= newest->id)
		return true;
	return now_ms - newest->sent_ms >= nd_rtt_timeout_ms(&m->rtt, 0);
}
