// SPDX-License-Identifier: GPL-2.0-or-later
/* machine.c - one machine's session: datagrams and time in, READs and DONE out. */
#include "server/machine.h"

#include <lz4.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/flow.h"
#include "server/give.h"
#include "server/info.h"
#include "server/keep.h"
#include "server/log.h"
#include "server/phase.h"
#include "wire/steps.h"

#define PAGES_PER_READ_0 64
#define LZ4_RAW_MAX      65536
#define READ_IDS_MAX     (1u << 31) /* far above what the largest dump takes */

/*
 * A machine takes a READ with a higher id only.  One that claims to have used them up is not
 * believed: ours would begin at 0 again, which is none.
 */
static void read_ids_follow(struct nd_machine *m, const struct nd_wire_hello *hello)
{
	if (hello->last_read_id >= m->next_read_id && hello->last_read_id < READ_IDS_MAX)
		m->next_read_id = hello->last_read_id + 1;
}

struct nd_machine *nd_machine_new(const struct nd_wire_hello *hello,
				  const struct sockaddr_in *address, uint64_t now_ms, double now_s)
{
	struct nd_machine *m = calloc(1, sizeof *m);

	if (!m)
		return NULL;
	m->session = hello->header.session;
	m->address = *address;
	memcpy(&m->hello, hello, hello->header.length);
	m->kind = &nd_kinds[hello->kind];
	if (hello->kind != ND_HELLO_CRASH)
		m->hello.elfcorehdr_phys = 0;
	nd_store_host_name(m->host, hello->host, hello->mac);
	nd_store_init(&m->store);
	m->vmcore.fd = m->cache.fd = -1;
	m->next_read_id = 1;
	read_ids_follow(m, hello);
	m->pages_per_read = PAGES_PER_READ_0;
	m->started_ms = m->heard_ms = m->quiet_ms = m->progress_ms = now_ms;
	m->started_s = now_s;
	m->base_s = now_s - hello->elapsed_ms / 1000.0;
	if (!nd_core_ram(hello, &m->ram)) {
		nd_machine_free(m);
		return NULL;
	}
	return m;
}

void nd_machine_free(struct nd_machine *m)
{
	if (!m)
		return;
	nd_answer_free(m->answer);
	nd_finish_free(m->finish);
	nd_map_free(m->resume);
	nd_sums_free(&m->sums);
	nd_reads_free(&m->reads);
	nd_pages_free(&m->ram);
	nd_pages_free(&m->pending);
	nd_pages_free(&m->absent);
	nd_pages_free(&m->loads);
	nd_pages_free(&m->later);
	nd_pages_free(&m->rest);
	nd_select_free(m->select);
	nd_cache_free(&m->cache);
	nd_run_clear(&m->run);
	nd_vmcore_free(&m->vmcore);
	nd_store_close(&m->store);
	nd_core_free(m->core);
	free(m->note);
	free(m);
}

void nd_machine_done_send(struct nd_machine *m, const struct nd_env *env)
{
	struct nd_wire_done done;
	char text[ND_DONE_TEXT_BYTES];

	if (!env->send)
		return;
	if (m->status == ND_DONE_COMPLETE)
		snprintf(text, sizeof text, "%.63s/%.63s", m->host, m->store.name);
	else
		snprintf(text, sizeof text, "%s", m->why);
	nd_done_init(&done, m->session, ++m->seq, m->status, text);
	env->send(env->context, m, &done.header);
}

void nd_machine_give_up(struct nd_machine *m, const struct nd_env *env, const char *why,
			double now_s)
{
	char too[ND_WHY_BYTES]; /* that the last memory cannot be written is no news by now */

	if (m->phase >= ND_FINISH)
		return;
	nd_flow_close_all(m, env, m->heard_ms);
	nd_phase_later(m);
	nd_keep_flush(m, too);
	nd_keep_settle(m);
	m->status = ND_DONE_INCOMPLETE;
	snprintf(m->why, sizeof m->why, "%s", why);
	nd_log("%s: incomplete: %s", m->host, why);
	nd_phase_finish(m, env, now_s);
}

void nd_machine_stop(struct nd_machine *m, const struct nd_env *env, double now_s)
{
	m->suspended = true;
	nd_machine_give_up(m, env, "netdumpd was stopped", now_s);
	nd_finish_stop(m->finish);
}

/* Goes on with what there is to understand and to ask for. */
static void go_on(struct nd_machine *m, const struct nd_env *env, uint64_t now_ms, double now_s)
{
	if (m->starved) {
		nd_machine_give_up(m, env, "out of memory", now_s);
		return;
	}
	nd_phase_advance(m, env, now_s);
	nd_give_tick(m, env, now_ms, now_s);
	nd_flow_fill(m, env, now_ms);
}

void nd_machine_ask(struct nd_machine *m, const struct nd_env *env, uint64_t now_ms)
{
	if (!m->reads.count)
		m->unasked_ms += now_ms - m->turn_ms;
	nd_flow_fill(m, env, now_ms);
}

/* One record on its way to its place. */
struct sink {
	struct nd_machine *m;
	const struct nd_env *env;
	const struct nd_record *record;
	const uint8_t *raw; /* NULL: zeros */
	uint64_t now_ms;
	double now_s;
	/* Of the first write that failed; READs are in use here, so it waits. */
	char why[ND_WHY_BYTES];
};

static void grains_take(void *context, uint64_t page, uint64_t new_grains, bool whole,
			uint64_t *sum)
{
	struct sink *s = context;

	for (uint64_t left = s->raw ? new_grains : 0; left; left &= left - 1) {
		uint64_t grain = (uint64_t)__builtin_ctzll(left);
		uint64_t phys = page * ND_PAGE_BYTES + grain * ND_GRAIN_BYTES;

		*sum += nd_sums_grain(phys, s->raw + (phys - s->record->phys));
	}
	if (whole && s->m->phase < ND_MEMORY)
		nd_cache_whole(&s->m->cache, page, *sum);
	else if (whole)
		nd_keep_page(s->m, page, *sum);
}

static void part_write(struct sink *s, uint64_t phys, const uint8_t *data, uint32_t bytes)
{
	struct nd_machine *m = s->m;
	int error = 0;

	if (!s->why[0] && m->phase < ND_MEMORY)
		error = nd_cache_put(&m->cache, phys, data, bytes,
				     s->record->kind == ND_RECORD_ABSENT);
	else if (!s->why[0] && data)
		nd_keep_write(m, phys, data, bytes, s->why);
	if (error)
		snprintf(s->why, sizeof s->why, "the %s cannot be written: %s", m->kind->noun,
			 strerror(error));
	if (s->why[0])
		nd_keep_unsure(m, phys, bytes);
}

static void part_take(void *context, uint64_t phys, uint32_t bytes, uint32_t new_grains,
		      uint32_t whole_pages)
{
	struct sink *s = context;
	struct nd_machine *m = s->m;
	const uint8_t *data = s->raw ? s->raw + (phys - s->record->phys) : NULL;
	bool absent = s->record->kind == ND_RECORD_ABSENT;

	if (!new_grains)
		return;
	m->progress_ms = s->now_ms;
	m->unasked_ms = 0;
	m->last_data_s = s->now_s;
	m->rest_ms = 0;
	if (!m->proven)
		nd_flow_prove(m, s->env);
	if (m->store.dir < 0 &&
	    (s->why[0] || !nd_keep_open(m, s->env, s->now_ms, s->now_s, s->why)))
		return;
	m->counts.pages += whole_pages;
	if (absent) {
		m->counts.absent_pages += whole_pages;
		if (m->absent.spans < ND_INFO_RANGES_MAX)
			nd_pages_add(&m->absent, phys / ND_PAGE_BYTES,
				     (phys + (bytes - 1)) / ND_PAGE_BYTES - phys / ND_PAGE_BYTES +
					     1);
	} else if (!data) {
		m->counts.zero_pages += whole_pages;
	}
	part_write(s, phys, data, bytes);
}

static void record_take(struct sink *s, const struct nd_record *record)
{
	static uint8_t raw[LZ4_RAW_MAX];

	s->record = record;
	s->raw = NULL;
	if (record->kind == ND_RECORD_RAW)
		s->raw = record->stored;
	if (record->kind == ND_RECORD_LZ4 || record->kind == ND_RECORD_STEPS) {
		int bytes = LZ4_decompress_safe((const char *)record->stored, (char *)raw,
						(int)record->stored_bytes, sizeof raw);

		if (bytes < 0 || (uint32_t)bytes != record->raw_bytes) {
			s->m->counts.refused++;
			return;
		}
		if (record->kind == ND_RECORD_STEPS)
			nd_steps_undo(raw, record->raw_bytes);
		s->raw = raw;
	}
	nd_reads_credit(&s->m->reads, record->phys, record->raw_bytes,
			&(struct nd_reads_take){grains_take, part_take, s});
}

/* What lies below all that is still to come, or to be written, can be hashed. */
static void stable_tell(struct nd_machine *m)
{
	uint64_t lowest;

	if (m->phase != ND_MEMORY || !m->finish)
		return;
	lowest = nd_reads_lowest(&m->reads);
	if (m->pending.spans && m->pending.span[0].page < lowest)
		lowest = m->pending.span[0].page;
	if (m->later.spans && m->later.span[0].page < lowest)
		lowest = m->later.span[0].page;
	if (m->run.bytes && m->run.phys / ND_PAGE_BYTES < lowest)
		lowest = m->run.phys / ND_PAGE_BYTES;
	nd_finish_stable(m->finish, nd_vmcore_stable(&m->vmcore, lowest));
}

void nd_machine_data(struct nd_machine *m, const struct nd_env *env,
		     const struct nd_wire_data *data, uint64_t now_ms, double now_s)
{
	struct sink sink = {.m = m, .env = env, .now_ms = now_ms, .now_s = now_s};
	struct nd_record_reader reader;
	struct nd_record record;
	enum nd_reads_seen seen;

	m->heard_ms = now_ms;
	m->counts.datagrams++;
	m->counts.wire_bytes += data->header.length;
	if (m->phase >= ND_ANSWER) {
		m->counts.late++;
		return;
	}
	seen = nd_flow_saw(m, env, data, now_ms);
	m->counts.refused += seen == ND_SEEN_BAD;
	m->counts.duplicates += seen == ND_SEEN_DUPLICATE;
	m->counts.late += seen == ND_SEEN_LATE;
	if (seen == ND_SEEN_BAD || seen == ND_SEEN_DUPLICATE)
		return;
	nd_record_first(&reader, data);
	while (nd_record_next(&reader, &record))
		record_take(&sink, &record);
	if (sink.why[0]) {
		nd_machine_give_up(m, env, sink.why, now_s);
		return;
	}
	nd_flow_reap(m, env, now_ms);
	stable_tell(m);
	nd_keep_tick(m, env, now_ms, now_s);
	if (m->phase < ND_FINISH)
		go_on(m, env, now_ms, now_s);
}

void nd_machine_hello(struct nd_machine *m, const struct nd_env *env,
		      const struct nd_wire_hello *hello, uint64_t now_ms, double now_s)
{
	m->heard_ms = now_ms;
	read_ids_follow(m, hello);
	if (m->phase == ND_OVER) {
		if (!m->suspended)
			nd_machine_done_send(m, env);
		return;
	}
	/* Its handshake is answered by a READ or DONE only, so that comes before any piece. */
	if (m->phase >= ND_ANSWER) {
		nd_flow_keepalive(m, env, now_ms);
		nd_give_again(m);
		nd_give_tick(m, env, now_ms, now_s);
		return;
	}
	if (m->reads.count) {
		if (!nd_flow_lost(m, hello, now_ms))
			return;
		nd_flow_close_all(m, env, now_ms);
	}
	if (m->proven)
		m->backoff = 0;
	go_on(m, env, now_ms, now_s);
	if (m->phase < ND_OVER && !m->reads.count)
		nd_flow_keepalive(m, env, now_ms);
}

/*
 * Only a machine that speaks: one that was cut off just after a word may come back.  And only one
 * that is asked: among very many it may be long until its turn, or its answer.
 */
static bool is_fruitless(const struct nd_machine *m, const struct nd_env *env)
{
	uint64_t progress_ms = m->given_ms > m->progress_ms ? m->given_ms : m->progress_ms;

	return !m->turn.waiting && !nd_give_waits(m) && m->heard_ms > progress_ms &&
	       m->heard_ms - progress_ms >= env->silence_ms + m->unasked_ms;
}

void nd_machine_tick(struct nd_machine *m, const struct nd_env *env, uint64_t now_ms, double now_s)
{
	nd_keep_tick(m, env, now_ms, now_s);
	nd_flow_soothe(m, env, now_ms);
	if (m->phase >= ND_FINISH)
		return;
	if (now_ms - m->heard_ms >= env->silence_ms) {
		m->suspended = true;
		nd_machine_give_up(m, env, "the machine fell silent", now_s);
		return;
	}
	nd_give_tick(m, env, now_ms, now_s); /* what it waited for may be there now */
	if (is_fruitless(m, env)) {
		nd_machine_give_up(m, env, "the machine answers, but nothing new comes", now_s);
		return;
	}
	if (m->phase < ND_ANSWER && nd_flow_tick(m, env, now_ms))
		go_on(m, env, now_ms, now_s);
}

uint64_t nd_machine_due(const struct nd_machine *m, const struct nd_env *env)
{
	uint64_t due = m->heard_ms + env->silence_ms;
	uint64_t again = nd_flow_due(m);

	if (m->phase >= ND_FINISH)
		return again; /* the thread says when it is through */
	if (m->phase == ND_MOVE)
		return 0;
	if (nd_keep_due(m) < due)
		due = nd_keep_due(m);
	if (nd_give_due(m) < due)
		due = nd_give_due(m);
	return again < due ? again : due;
}
