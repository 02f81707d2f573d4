// SPDX-License-Identifier: GPL-2.0-or-later
/* give.c - the answer to a request for drivers, given in pieces to a machine that takes them. */
#include "server/give.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/log.h"
#include "server/phase.h"

/* Pauses between first pieces that are sent unasked, doubled each time. */
#define PAUSE_FIRST_MS 250
#define PAUSE_LAST_MS  5000
/* How often a machine that has no place to look up looks for one. */
#define ROOM_MS 400

bool nd_give_waits(const struct nd_machine *m)
{
	return m->phase == ND_ANSWER && !nd_answer_get(m->answer);
}

void nd_give_again(struct nd_machine *m)
{
	m->taking = false;
	m->give_ms = 0;
	m->give_pause_ms = PAUSE_FIRST_MS;
}

/* The kernel's release is the request's first line. */
static void release_set(struct nd_machine *m, const char *request, size_t bytes)
{
	const char *end = memchr(request, '\n', bytes);
	size_t length = end ? (size_t)(end - request) : bytes;

	snprintf(m->release, sizeof m->release, "%.*s",
		 (int)(length < sizeof m->release ? length : sizeof m->release - 1), request);
}

/* The request as it lies in its file, whole pages of it; NULL: `why`. */
static char *request_read(struct nd_machine *m, char why[ND_WHY_BYTES])
{
	char *request = malloc(m->vmcore.bytes);
	int error = request ? nd_store_read(m->vmcore.fd, request, m->vmcore.bytes, 0) : ENOMEM;
	uint64_t sum = 0;

	for (size_t i = 0; i < m->sums.chunks; i++)
		sum += m->sums.chunk[i].sum;
	if (!error && nd_sums_file(&m->vmcore, 0, (const uint8_t *)request, m->vmcore.bytes) == sum)
		return request;
	snprintf(why, ND_WHY_BYTES, "the request does not read back as it came%s%s",
		 error ? ": " : "", error ? strerror(error) : "");
	free(request);
	return NULL;
}

static void look_up(struct nd_machine *m, const struct nd_env *env, uint64_t now_ms, double now_s)
{
	char why[ND_WHY_BYTES];
	char *request;

	m->give_ms = now_ms + ROOM_MS;
	if (!nd_answer_room())
		return;
	request = request_read(m, why);
	if (!request) {
		nd_machine_give_up(m, env, why, now_s);
		return;
	}
	release_set(m, request, m->vmcore.size);
	m->answer = nd_answer_start(env->drivers, request, m->vmcore.size, env->event_fd);
	if (m->answer)
		nd_give_again(m);
}

static bool piece_send(struct nd_machine *m, const struct nd_env *env, uint32_t index)
{
	const struct nd_catalogue_answer *answer = nd_answer_get(m->answer);
	struct nd_wire_give give;
	size_t bytes = nd_give_init(&give, m->session, ++m->seq, answer->bytes, index);

	if (!bytes)
		return false;
	memcpy(give.piece, (const uint8_t *)answer->archive + (uint64_t)index * ND_GIVE_BYTES,
	       bytes);
	env->send(env->context, m, &give.header);
	return true;
}

static void answer_take(struct nd_machine *m, const struct nd_catalogue_answer *answer,
			uint64_t now_ms)
{
	size_t bytes = 0;
	const char *order = nd_answer_order(answer, &bytes);
	int error = order ? nd_store_file(&m->store, "order", order, bytes) : 0;

	m->answer_bytes = answer->bytes;
	m->modules = answer->modules;
	m->given_ms = now_ms;
	nd_log("%s: %u modules, %zu bytes, for %s", m->host, m->modules, answer->bytes, m->release);
	if (error)
		nd_phase_note(m, "which they are could not be written down");
}

void nd_give_tick(struct nd_machine *m, const struct nd_env *env, uint64_t now_ms, double now_s)
{
	const struct nd_catalogue_answer *answer;

	if (m->phase == ND_ANSWER && !m->answer && now_ms >= m->give_ms)
		look_up(m, env, now_ms, now_s);
	answer = nd_answer_get(m->answer);
	if (m->phase != ND_ANSWER || !answer)
		return;
	if (!answer->archive) {
		nd_machine_give_up(m, env, answer->why, now_s);
		return;
	}
	if (!m->answer_bytes)
		answer_take(m, answer, now_ms);
	if (m->taking || now_ms < m->give_ms)
		return;
	piece_send(m, env, 0);
	m->give_ms = now_ms + m->give_pause_ms;
	m->give_pause_ms =
		2 * m->give_pause_ms < PAUSE_LAST_MS ? 2 * m->give_pause_ms : PAUSE_LAST_MS;
}

uint64_t nd_give_due(const struct nd_machine *m)
{
	return m->phase == ND_ANSWER && !m->taking && (!m->answer || nd_answer_get(m->answer))
		       ? m->give_ms
		       : UINT64_MAX;
}

/* All is there: what is left to do is what ends every dump. */
static void given(struct nd_machine *m, const struct nd_env *env, double now_s)
{
	m->given = true;
	m->status = ND_DONE_COMPLETE;
	nd_phase_finish(m, env, now_s);
}

const char *nd_give_take(struct nd_machine *m, const struct nd_env *env,
			 const struct nd_wire_take *take, uint64_t now_ms, double now_s)
{
	uint32_t sent = 0;

	if (m->given) {
		m->heard_ms = now_ms;
		if (m->phase == ND_OVER && !m->suspended)
			nd_machine_done_send(m, env);
		return NULL;
	}
	if (m->phase != ND_ANSWER || !m->answer_bytes)
		return "a TAKE, but there is nothing to take";
	while (sent < take->count && piece_send(m, env, take->first + sent))
		sent++;
	if (!sent && take->count)
		return "a TAKE of pieces that there are not";
	m->heard_ms = now_ms;
	m->taking = true;
	if (!take->count) {
		given(m, env, now_s);
	} else if (take->first + sent > m->taken) {
		m->taken = take->first + sent;
		m->given_ms = now_ms;
	}
	return NULL;
}
