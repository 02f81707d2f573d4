// SPDX-License-Identifier: GPL-2.0-or-later
/* timers.c - what is due when: a heap. */
#include "server/timers.h"

#include <stdlib.h>

bool nd_timers_init(struct nd_timers *t, size_t room)
{
	t->heap = calloc(room + 1, sizeof(struct nd_timer *));
	t->count = 0;
	t->room = room;
	return t->heap != NULL;
}

void nd_timers_free(struct nd_timers *t)
{
	free(t->heap);
	t->heap = NULL;
	t->count = t->room = 0;
}

static void put(struct nd_timers *t, struct nd_timer *timer, size_t at)
{
	t->heap[at] = timer;
	timer->at = at;
}

static void rise(struct nd_timers *t, struct nd_timer *timer, size_t at)
{
	for (; at > 1 && t->heap[at / 2]->due_ms > timer->due_ms; at /= 2)
		put(t, t->heap[at / 2], at);
	put(t, timer, at);
}

static void sink(struct nd_timers *t, struct nd_timer *timer, size_t at)
{
	for (size_t child = 2 * at; child <= t->count; at = child, child *= 2) {
		if (child < t->count && t->heap[child + 1]->due_ms < t->heap[child]->due_ms)
			child++;
		if (t->heap[child]->due_ms >= timer->due_ms)
			break;
		put(t, t->heap[child], at);
	}
	put(t, timer, at);
}

void nd_timers_set(struct nd_timers *t, struct nd_timer *timer, uint64_t due_ms)
{
	if (timer->at && due_ms >= timer->due_ms)
		return;
	if (!timer->at && (due_ms == UINT64_MAX || t->count == t->room))
		return;
	timer->due_ms = due_ms;
	rise(t, timer, timer->at ? timer->at : ++t->count);
}

void nd_timers_drop(struct nd_timers *t, struct nd_timer *timer)
{
	size_t at = timer->at;
	struct nd_timer *last;

	if (!at)
		return;
	timer->at = 0;
	last = t->heap[t->count--];
	if (last == timer)
		return;
	if (at > 1 && t->heap[at / 2]->due_ms > last->due_ms)
		rise(t, last, at);
	else
		sink(t, last, at);
}

struct nd_timer *nd_timers_expired(struct nd_timers *t, uint64_t now_ms)
{
	struct nd_timer *first = t->count ? t->heap[1] : NULL;

	if (!first || first->due_ms > now_ms)
		return NULL;
	nd_timers_drop(t, first);
	return first;
}

uint64_t nd_timers_due(const struct nd_timers *t)
{
	return t->count ? t->heap[1]->due_ms : UINT64_MAX;
}
