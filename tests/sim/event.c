// SPDX-License-Identifier: GPL-2.0-or-later
/* event.c - virtual time: a heap of what is to come. */
#include "tests/sim/event.h"

#include <stdlib.h>

#include "tests/sim/report.h"

struct event {
	uint64_t ns, order;
	sim_event_fn *run;
	void *what;
};

uint64_t sim_now_ns;

static struct event *heap;
static size_t count, room;
static uint64_t asked;

void sim_events_begin(void)
{
	count = 0;
	asked = 0;
	sim_now_ns = 0;
}

void sim_events_free(void)
{
	free(heap);
	heap = NULL;
	room = count = 0;
}

static bool before(const struct event *a, const struct event *b)
{
	return a->ns != b->ns ? a->ns < b->ns : a->order < b->order;
}

void sim_event_at(uint64_t ns, sim_event_fn *run, void *what)
{
	struct event e = {ns > sim_now_ns ? ns : sim_now_ns, asked++, run, what};
	size_t at = count++;

	if (ns == SIM_NEVER) {
		count--;
		return;
	}
	if (count > room) {
		room = room ? room * 2 : 1024;
		heap = realloc(heap, room * sizeof *heap);
		SIM_NEED(heap);
	}
	for (; at && before(&e, &heap[(at - 1) / 2]); at = (at - 1) / 2)
		heap[at] = heap[(at - 1) / 2];
	heap[at] = e;
}

static struct event first_take(void)
{
	struct event first = heap[0], last = heap[--count];
	size_t at = 0, child;

	while ((child = 2 * at + 1) < count) {
		child += child + 1 < count && before(&heap[child + 1], &heap[child]);
		if (!before(&heap[child], &last))
			break;
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = last;
	return first;
}

bool sim_event_next(uint64_t end_ns)
{
	struct event e;

	if (!count || heap[0].ns >= end_ns)
		return false;
	e = first_take();
	sim_now_ns = e.ns;
	e.run(e.what);
	return true;
}
