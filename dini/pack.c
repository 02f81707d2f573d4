// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pack.c - fills DATA messages: zero and absent pages as runs, the rest compressed
 * where that pays, in pieces of whole grains where a page does not fit.  Any mode.
 *
 * Nothing is kept of what was sent: the memory does not change, so a page that is
 * asked for again is simply packed again.
 */
#include "dini/pack.h"

#include <lz4.h>
#include <string.h>

#include "wire/message.h"
#include "wire/steps.h"

#define ROOM_MIN      256 /* less is not worth compressing a piece for */
#define RUN_BYTES_MAX ((uint64_t)UINT32_MAX / ND_PAGE_BYTES * ND_PAGE_BYTES)
#define INDEX_LAST    UINT16_MAX
#define LZ4_FAST      1  /* acceleration: LZ4's own default */
#define LZ4_MISSES    4  /* pages in a row that do not compress, before */
#define LZ4_PASSED    15 /* so many are sent as they are, up to the next that is tried */

_Static_assert(ND_AGENT_LZ4_BYTES >= sizeof(LZ4_stream_t), "LZ4 state");

enum page_kind { PAGE_DATA, PAGE_ZERO, PAGE_ABSENT };

struct pack {
	struct nd_agent *agent;
	struct nd_data_writer writer;
	/* a run that has not been written yet */
	enum page_kind run_kind; /* PAGE_DATA: there is none */
	uint64_t run_phys, run_bytes;
	uint32_t scanned; /* pages looked at */
	bool full;
};

void nd_pack_drop(struct nd_agent *agent)
{
	agent->queue_first = (agent->queue_first + 1) % ND_READ_QUEUE;
	agent->queue_count--;
	agent->extent = 0;
	agent->page = 0;
	agent->offset = 0;
	agent->sent_bytes = 0;
	agent->index = 0;
	agent->packed_bytes = 0;
}

static const struct nd_agent_read *read_first(const struct nd_agent *agent)
{
	return &agent->queue[agent->queue_first];
}

static bool read_is_packed(const struct nd_agent *agent)
{
	return agent->extent == read_first(agent)->extent_count;
}

static bool piece_is_there(uint32_t have, uint32_t offset)
{
	return have >> offset / ND_HAVE_BYTES & 1;
}

/*
 * What is missing of the first page at or behind the agent's offset, up to what has arrived:
 * moves the offset there and returns its length, 0 at the page's end.
 */
static uint32_t stretch_find(struct nd_agent *agent, uint32_t have)
{
	uint32_t end;

	if (!have)
		return ND_PAGE_BYTES - agent->offset;
	while (agent->offset < ND_PAGE_BYTES && piece_is_there(have, agent->offset))
		agent->offset += ND_HAVE_BYTES - agent->offset % ND_HAVE_BYTES;
	for (end = agent->offset; end < ND_PAGE_BYTES && !piece_is_there(have, end);)
		end += ND_HAVE_BYTES - end % ND_HAVE_BYTES;
	return end - agent->offset;
}

static void page_next(struct nd_agent *agent)
{
	agent->offset = 0;
	agent->packed_bytes = 0;
	agent->page_raw = agent->lz4_pass > 0;
	agent->lz4_pass -= agent->page_raw;
	if (++agent->page == read_first(agent)->extent[agent->extent].pages) {
		agent->page = 0;
		agent->extent++;
	}
}

/* Most pages that are not zero differ from it within their first line. */
static bool page_is_zero(const void *page)
{
	const uint8_t *p = page;

	for (size_t i = 0; i < ND_PAGE_BYTES; i += ND_GRAIN_BYTES) {
		uint64_t word[ND_GRAIN_BYTES / 8];
		uint64_t any = 0;

		memcpy(word, p + i, sizeof word);
		for (size_t k = 0; k < sizeof word / sizeof word[0]; k++)
			any |= word[k];
		if (any)
			return false;
	}
	return true;
}

/* Room is kept for it from when the run begins, so this cannot fail. */
static void run_flush(struct pack *p)
{
	if (p->run_kind == PAGE_DATA)
		return;
	nd_data_add(&p->writer, p->run_phys, (uint32_t)p->run_bytes,
		    p->run_kind == PAGE_ZERO ? ND_RECORD_ZERO : ND_RECORD_ABSENT, NULL, 0);
	p->run_kind = PAGE_DATA;
}

static size_t left_bytes(const struct nd_data_writer *w)
{
	return ND_WIRE_MESSAGE_MAX - w->used;
}

/* False if a new run needs a record that does not fit any more. */
static bool run_add(struct pack *p, enum page_kind kind, uint64_t phys)
{
	if (p->run_kind == kind && p->run_phys + p->run_bytes == phys &&
	    p->run_bytes < RUN_BYTES_MAX) {
		p->run_bytes += ND_PAGE_BYTES;
		return true;
	}
	run_flush(p);
	if (left_bytes(&p->writer) < sizeof(struct nd_wire_record))
		return false;
	p->run_kind = kind;
	p->run_phys = phys;
	p->run_bytes = ND_PAGE_BYTES;
	return true;
}

static uint32_t compress(struct nd_agent *agent, const uint8_t *from, uint32_t bytes, void *to,
			 size_t room, enum nd_record_kind *kind)
{
	LZ4_stream_t *lz4 = (LZ4_stream_t *)agent->lz4;
	const void *source = from;
	int packed;

	*kind = nd_steps_pay(from, bytes) ? ND_RECORD_STEPS : ND_RECORD_LZ4;
	if (*kind == ND_RECORD_STEPS) {
		nd_steps_make(agent->steps, from, bytes);
		source = agent->steps;
	}
	/* a stream of one block each: so its table is not cleared, but after a failure */
	LZ4_resetStream_fast(lz4);
	packed = LZ4_compress_fast_continue(lz4, source, to, (int)bytes, (int)room, LZ4_FAST);
	if (packed > 0)
		return (uint32_t)packed;
	LZ4_initStream(lz4, sizeof *lz4);
	return 0;
}

/* Pages that lie together compress alike. */
static void like_note(struct nd_agent *agent, uint32_t raw, uint32_t packed)
{
	agent->like_bytes = packed * ND_PAGE_BYTES / raw;
}

static uint32_t like(const struct nd_agent *agent, uint32_t raw)
{
	return agent->like_bytes * raw / ND_PAGE_BYTES;
}

/*
 * What is left of a page, compressed where that pays: its length, or 0.  Pages that do not
 * compress lie together, and each costs tries: after some in a row most are passed over.
 */
static uint32_t rest_compress(struct nd_agent *agent, const uint8_t *from, uint32_t left)
{
	uint32_t packed;

	if (agent->page_raw)
		return 0;
	packed = compress(agent, from, left, agent->packed, left - left / 8, &agent->packed_kind);
	like_note(agent, left, packed ? packed : left);
	if (packed) {
		agent->lz4_misses = 0;
	} else if (left == ND_PAGE_BYTES && ++agent->lz4_misses >= LZ4_MISSES) {
		agent->page_raw = true;
		agent->lz4_pass = LZ4_PASSED;
	}
	return packed;
}

/*
 * A page that compresses, to left_packed, but does not fit: as many of its grains as probably
 * do.  True if something was written.
 */
static bool piece_compress(struct pack *p, const uint8_t *from, uint64_t phys, uint32_t left,
			   uint32_t left_packed)
{
	struct nd_agent *agent = p->agent;
	size_t room = nd_data_room(&p->writer);
	uint32_t grains = left / ND_GRAIN_BYTES;
	uint32_t try_grains;

	if (room < ROOM_MIN)
		return false;
	/* an eighth off, for the parts of a page are not alike */
	try_grains = (uint32_t)(grains * room / left_packed * 7 / 8);
	if (try_grains >= grains)
		try_grains = grains - 1;
	for (; try_grains >= 8; try_grains -= try_grains / 4) {
		uint32_t raw = try_grains * ND_GRAIN_BYTES;
		enum nd_record_kind kind;
		uint32_t packed =
			compress(agent, from, raw, nd_data_space(&p->writer), room, &kind);

		if (packed && packed < raw) {
			nd_data_add(&p->writer, phys, raw, kind, nd_data_space(&p->writer), packed);
			agent->offset += raw;
			agent->packed_bytes = 0;
			like_note(agent, raw, packed);
			return true;
		}
	}
	return false;
}

static bool piece_raw(struct pack *p, const uint8_t *from, uint64_t phys, uint32_t left)
{
	uint32_t room = (uint32_t)nd_data_room(&p->writer) / ND_GRAIN_BYTES * ND_GRAIN_BYTES;
	uint32_t bytes = left < room ? left : room;

	if (!bytes)
		return false;
	nd_data_add(&p->writer, phys, bytes, ND_RECORD_RAW, from, bytes);
	p->agent->offset += bytes;
	return true;
}

/* So that it is not compressed whole first only to learn that. */
static bool looks_too_long(const struct pack *p, uint32_t left)
{
	uint32_t packed = like(p->agent, left);

	return !p->agent->page_raw && packed < left - left / 8 && packed > nd_data_room(&p->writer);
}

/* Writes what fits of the page from the agent's offset on; true when that was its end. */
static bool page_write(struct pack *p, const uint8_t *page, uint64_t page_phys, uint32_t have)
{
	struct nd_agent *agent = p->agent;
	uint32_t left = stretch_find(agent, have);

	for (; left && !p->full; left = stretch_find(agent, have)) {
		const uint8_t *from = page + agent->offset;
		uint64_t phys = page_phys + agent->offset;

		if (nd_data_room(&p->writer) < ND_GRAIN_BYTES) {
			p->full = true;
			break;
		}
		if (!agent->packed_bytes || agent->packed_phys != phys) {
			if (looks_too_long(p, left) &&
			    piece_compress(p, from, phys, left, like(agent, left)))
				continue;
			agent->packed_phys = phys;
			agent->packed_bytes = rest_compress(agent, from, left);
		}
		if (!agent->packed_bytes) {
			/* once a page has begun raw, the rest of it is tried again, unless it
			 * is passed over: its parts may differ, and it is cheap beside sending it
			 */
			p->full = !piece_raw(p, from, phys, left);
		} else if (agent->packed_bytes <= nd_data_room(&p->writer)) {
			nd_data_add(&p->writer, phys, left, agent->packed_kind, agent->packed,
				    agent->packed_bytes);
			agent->offset += left;
			agent->packed_bytes = 0;
		} else if (!piece_compress(p, from, phys, left, agent->packed_bytes)) {
			if (p->writer.used == sizeof(struct nd_wire_data))
				piece_raw(p, from, phys, left); /* or it would never end */
			p->full = true;
		}
	}
	return !left;
}

static void page_pack(struct pack *p)
{
	struct nd_agent *agent = p->agent;
	const struct nd_wire_extent *e = &read_first(agent)->extent[agent->extent];
	uint64_t phys = e->phys + (uint64_t)agent->page * ND_PAGE_BYTES;
	const void *page = agent->config.page(agent->config.page_ctx, phys);
	enum page_kind kind = PAGE_DATA;

	if (!page)
		kind = PAGE_ABSENT;
	else if (agent->offset == 0 && !agent->packed_bytes && !e->have && page_is_zero(page))
		kind = PAGE_ZERO;
	if (kind != PAGE_DATA) {
		if (!run_add(p, kind, phys)) {
			p->full = true;
			return;
		}
		if (kind == PAGE_ZERO)
			agent->zero_pages++;
		else
			agent->absent_pages++;
		page_next(agent);
		return;
	}
	run_flush(p);
	if (page_write(p, page, phys, e->have)) {
		agent->pages_sent++;
		page_next(agent);
	}
}

size_t nd_pack_data(struct nd_agent *agent, void *buffer)
{
	const struct nd_agent_read *read = read_first(agent);
	struct pack p = {.agent = agent, .run_kind = PAGE_DATA};
	bool last;
	size_t bytes;

	nd_data_begin(&p.writer, buffer, agent->session, 0, read->read_id, (uint16_t)agent->index);
	if (agent->sent_bytes < read->budget_bytes)
		while (!p.full && !read_is_packed(agent) && p.scanned++ < ND_AGENT_SCAN_PAGES)
			page_pack(&p);
	run_flush(&p);

	agent->sent_bytes += p.writer.used + (nd_agent_is_keyed(agent) ? ND_WIRE_TAG_BYTES : 0);
	last = read_is_packed(agent) || agent->sent_bytes >= read->budget_bytes ||
	       agent->index == INDEX_LAST;
	bytes = nd_data_end(&p.writer, last ? ND_DATA_LAST : 0);
	agent->index++;
	if (last)
		nd_pack_drop(agent);
	return bytes;
}
