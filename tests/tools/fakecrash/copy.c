// SPDX-License-Identifier: GPL-2.0-or-later
/* copy.c - a machine that nobody asks: its READs are made up here. */
#include "tests/tools/fakecrash/copy.h"

#include <string.h>

#include "dini/pack.h"

#define READ_PAGES 4096 /* an answer has 65,536 datagrams at most */

void copy_begin(struct copy *c, struct nd_agent *agent, const struct memory *memory,
		unsigned int machines)
{
	*c = (struct copy){.page = ND_IMAGE_RAM / ND_PAGE_BYTES,
			   .end = memory->bytes / ND_PAGE_BYTES,
			   .window_bytes = copy_window_bytes(machines),
			   .keys = {.valid = true}};
	agent->hello_ms = UINT64_MAX; /* it says none */
}

void copy_input(struct copy *c, struct nd_agent *agent, const void *datagram, size_t bytes,
		uint64_t now_ms)
{
	uint32_t word;

	if (bytes != sizeof word)
		return;
	memcpy(&word, datagram, sizeof word);
	agent->heard_ms = now_ms;
	if (word == COPY_DONE) {
		agent->done = true;
		agent->done_status = ND_DONE_COMPLETE;
	} else {
		c->window_bytes += word;
	}
}

bool copy_has_more(const struct copy *c)
{
	return c->window_bytes > 0 && !c->ended;
}

static void read_next(struct copy *c, struct nd_agent *agent)
{
	uint64_t left = c->end - c->page;
	uint32_t pages = left < READ_PAGES ? (uint32_t)left : READ_PAGES;

	agent->queue_first = 0;
	agent->queue_count = 1;
	agent->queue[0] = (struct nd_agent_read){
		.read_id = ++agent->last_read_id, .budget_bytes = UINT32_MAX, .extent_count = 1};
	agent->queue[0].extent[0] =
		(struct nd_wire_extent){.phys = c->page * ND_PAGE_BYTES, .pages = pages};
	c->page += pages;
}

bool copy_output(struct copy *c, struct nd_agent *agent, void *buffer, size_t *bytes)
{
	struct nd_wire_header *message = buffer;

	if (!copy_has_more(c))
		return false;
	*bytes = 0;
	if (!agent->queue_count && c->page == c->end) {
		c->ended = true;
		return true;
	}
	if (!agent->queue_count)
		read_next(c, agent);
	*bytes = nd_pack_data(agent, buffer);
	if (nd_agent_is_keyed(agent))
		*bytes = nd_sealed_seal(&c->keys, message);
	else
		message->seq = ++agent->seq;
	agent->bytes_sent += *bytes;
	c->window_bytes -= (int64_t)*bytes;
	return true;
}
