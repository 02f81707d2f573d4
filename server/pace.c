// SPDX-License-Identifier: GPL-2.0-or-later
/* pace.c - one budget of bytes in flight, shared by all machines. */
#include "server/pace.h"

#include <string.h>

#include "netdump/wire.h"

/* Thousandths of a round: more than chance takes is a full queue; more than that, always. */
#define LOST_MIN  30u
#define LOST_MAX  120u
#define LOST_HALF 400u /* the pool is never more than halved */
/*
 * Rounds after shrinking before loss is judged again: in the first, answers that came are
 * counted and those that did not are still waited for; the second tells what chance takes.
 */
#define SETTLING 2u

void nd_pace_init(struct nd_pace *p, uint32_t ceiling_bytes)
{
	memset(p, 0, sizeof *p);
	p->ceiling_bytes =
		ceiling_bytes > ND_PACE_FLOOR_BYTES ? ceiling_bytes : ND_PACE_FLOOR_BYTES;
	p->size_bytes =
		p->ceiling_bytes < ND_PACE_WINDOW_BYTES ? p->ceiling_bytes : ND_PACE_WINDOW_BYTES;
	p->good = ND_PACE_STEEP;
}

void nd_pace_init_fixed(struct nd_pace *p, uint32_t size_bytes)
{
	memset(p, 0, sizeof *p);
	p->size_bytes = p->ceiling_bytes = size_bytes;
	p->fixed = true;
}

static void queue_add(struct nd_pace *p, struct nd_turn *turn)
{
	if (turn->waiting)
		return;
	turn->waiting = true;
	turn->next = NULL;
	turn->previous = p->last;
	if (p->last)
		p->last->next = turn;
	else
		p->first = turn;
	p->last = turn;
}

static void queue_remove(struct nd_pace *p, struct nd_turn *turn)
{
	if (!turn->waiting)
		return;
	turn->waiting = false;
	if (turn->previous)
		turn->previous->next = turn->next;
	else
		p->first = turn->next;
	if (turn->next)
		turn->next->previous = turn->previous;
	else
		p->last = turn->previous;
}

void nd_pace_join(struct nd_pace *p, struct nd_turn *turn)
{
	if (turn->sharing)
		return;
	turn->sharing = true;
	p->sharing++;
}

void nd_pace_leave(struct nd_pace *p, struct nd_turn *turn)
{
	queue_remove(p, turn);
	nd_pace_give(p, turn, turn->out_bytes);
	if (p->called == turn)
		p->called = NULL;
	if (turn->sharing)
		p->sharing--;
	turn->sharing = false;
}

uint32_t nd_pace_share(struct nd_pace *p)
{
	uint32_t share = p->size_bytes / (p->sharing ? p->sharing : 1);

	if (share >= ND_PACE_WINDOW_BYTES)
		return ND_PACE_WINDOW_BYTES;
	p->wanting = true;
	return share;
}

bool nd_pace_may(struct nd_pace *p, struct nd_turn *turn)
{
	bool called = p->called == turn;

	if (called)
		p->called = NULL;
	if (p->out_bytes < p->size_bytes && (called || !p->first))
		return true;
	p->wanting = true;
	queue_add(p, turn);
	return false;
}

struct nd_turn *nd_pace_next(struct nd_pace *p)
{
	struct nd_turn *turn = p->first;

	p->called = NULL;
	if (!turn || p->out_bytes >= p->size_bytes)
		return NULL;
	queue_remove(p, turn);
	p->called = turn;
	return turn;
}

void nd_pace_take(struct nd_pace *p, struct nd_turn *turn, uint32_t bytes)
{
	turn->out_bytes += bytes;
	p->out_bytes += bytes;
	if (p->out_bytes > p->peak_bytes)
		p->peak_bytes = p->out_bytes;
}

void nd_pace_give(struct nd_pace *p, struct nd_turn *turn, uint32_t bytes)
{
	if (bytes > turn->out_bytes)
		bytes = turn->out_bytes;
	turn->out_bytes -= bytes;
	p->out_bytes -= bytes;
}

static void shrink(struct nd_pace *p, uint64_t to_bytes, uint32_t floor_bytes)
{
	if (to_bytes < floor_bytes)
		to_bytes = floor_bytes;
	if (to_bytes < p->size_bytes)
		p->size_bytes = (uint32_t)to_bytes;
	p->era++;
	p->settling = SETTLING;
	p->good = 0;
}

static void grow(struct nd_pace *p)
{
	uint64_t most = (uint64_t)(p->sharing ? p->sharing : 1) * ND_PACE_WINDOW_BYTES;
	uint64_t size = p->size_bytes + (p->size_bytes >> (5 - p->good / 4));

	if (p->good < ND_PACE_STEEP)
		p->good++;
	if (!p->wanting || p->peak_bytes < p->size_bytes / 8 * 5)
		size = p->size_bytes;
	if (size > most)
		size = most;
	p->size_bytes = size < p->ceiling_bytes ? (uint32_t)size : p->ceiling_bytes;
}

/* More than chance takes was lost.  Right after shrinking, what is lost now is chance. */
static bool overfull(struct nd_pace *p, uint32_t lost)
{
	uint32_t limit;

	if (p->settling) {
		p->settling--;
		if (!p->settling)
			p->chance = (3 * p->chance + lost) / 4;
		return !p->settling && lost > LOST_MAX;
	}
	limit = LOST_MIN + p->chance * 3 / 2;
	return lost > (limit < LOST_MAX ? limit : LOST_MAX);
}

static void round_end(struct nd_pace *p)
{
	uint32_t lost = 1000 * p->lost / p->sent;

	if (overfull(p, lost)) {
		if (lost > LOST_HALF)
			lost = LOST_HALF;
		shrink(p, p->size_bytes / 1000 * (900 - lost), ND_PACE_FLOOR_BYTES);
	} else if (2 * p->slow > p->samples) {
		shrink(p, p->size_bytes - p->size_bytes / 8, ND_PACE_WINDOW_BYTES);
	} else {
		grow(p);
	}
	p->sent = p->lost = p->samples = p->slow = 0;
	p->wanting = false;
	p->peak_bytes = p->out_bytes;
}

void nd_pace_tally(struct nd_pace *p, uint32_t era, uint32_t sent, uint32_t lost)
{
	if (p->fixed || era != p->era)
		return;
	p->sent += sent;
	p->lost += lost;
	if (p->sent >= ND_PACE_ROUND_MIN && p->sent >= p->size_bytes / ND_WIRE_DATAGRAM_MAX)
		round_end(p);
}

void nd_pace_sample(struct nd_pace *p, bool slow)
{
	p->samples++;
	p->slow += slow;
}
