// SPDX-License-Identifier: GPL-2.0-or-later
/* plan.c - how large a READ is, and how many are under way at a machine. */
#include "server/plan.h"

#include "server/pace.h"
#include "server/reads.h"

_Static_assert(ND_PACE_WINDOW_BYTES == ND_READ_QUEUE * ND_PLAN_READ_BYTES, "a full queue");

struct nd_plan nd_plan_make(uint32_t window_bytes, unsigned int read_queue, uint32_t pages_per_read)
{
	struct nd_plan plan = {.budget_bytes = ND_PLAN_READ_BYTES};

	if (window_bytes > ND_PACE_WINDOW_BYTES)
		window_bytes = ND_PACE_WINDOW_BYTES;
	if (read_queue > ND_READ_QUEUE)
		read_queue = ND_READ_QUEUE;
	if (!read_queue)
		read_queue = 1;
	/* Two small READs keep a machine busier than one large one. */
	if (window_bytes < 2 * ND_PLAN_READ_BYTES)
		plan.budget_bytes = window_bytes / 2;
	if (plan.budget_bytes < ND_PLAN_READ_BYTES_MIN)
		plan.budget_bytes = window_bytes;
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
