// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * agent.c - DINI's agent between a server that asks anything and a network that does
 * anything.  What it sends is held against what it was asked, and against the memory.
 *
 *   set-up u8: bits 0-1: servers; bits 2-3: which memory; bits 4-5: enum nd_agent_security
 *   then steps: what u8, and what each takes (step_run)
 */
#include <lz4.h>

#include "dini/agent.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/server.h"
#include "wire/steps.h"

#define STEPS_MAX   100 /* of one input */
#define DRAIN_MAX   16  /* datagrams that one step takes out */
#define PAGES       48u /* of memory, with a hole in it */
#define BASE_PHYS   0x100000ull
#define HOLE_FIRST  20u
#define HOLE_END    23u
#define SERVERS     5u /* the last is none of DINI's */
#define ASKED_MAX   32 /* READs that are remembered: more than DINI can hold */
#define LZ4_RAW_MAX 65536

/* A READ that the agent took, and how far its answer is. */
struct asked {
	struct nd_wire_read read;
	bool over;
	uint32_t next_index;
	uint64_t sent_bytes, covered_bytes;
	uint64_t next_phys;
	bool wrapped; /* the last byte there is was sent */
};

static uint8_t memory[4][PAGES][ND_PAGE_BYTES];
static struct nd_agent agent;
static struct nd_fuzz_server server[SERVERS];
static const uint8_t psk[ND_WIRE_KEY_BYTES] = {1, 2, 3};
static struct asked asked[ASKED_MAX];
static unsigned int asked_next, variant;
static uint32_t read_id; /* the latest that was made here */
static uint64_t now_ms, hello_ms, pages_lent;
static bool hello_seen;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	uint32_t noise = 1;

	(void)argc;
	(void)argv;
	for (uint8_t i = 0; i < SERVERS; i++)
		nd_fuzz_server_init(&server[i], i);
	for (unsigned int v = 0; v < 4; v++)
		for (unsigned int i = 0; i < PAGES; i++)
			for (unsigned int k = 0; k < ND_PAGE_BYTES; k++) {
				unsigned int kind = (i / (v + 1) + v) % 5;

				noise = noise * 1664525 + 1013904223;
				memory[v][i][k] =
					kind == 0   ? 0
					: kind == 1 ? (uint8_t)((k * (i + 1)) >> 7)
					: kind == 2 ? (uint8_t)(noise >> 24)
					: kind == 3 ? (k < 2048 ? (uint8_t)(noise >> 24)
								: (uint8_t)(k >> 6))
						    : (k % 64 < 24 ? (uint8_t)(noise >> 24) : 0);
			}
	return 0;
}

/* The page's bytes; NULL: there is none, or it is in the hole. */
static const uint8_t *page_at(uint64_t phys)
{
	uint64_t page = (phys - BASE_PHYS) / ND_PAGE_BYTES;

	if (phys < BASE_PHYS || page >= PAGES || (page >= HOLE_FIRST && page < HOLE_END))
		return NULL;
	return memory[variant][page];
}

static const void *page_lend(void *ctx, uint64_t phys)
{
	(void)ctx;
	ND_MUST(phys % ND_PAGE_BYTES == 0);
	pages_lent++;
	return page_at(phys);
}

static struct asked *asked_find(uint32_t id)
{
	for (unsigned int i = 0; i < ASKED_MAX; i++)
		if (asked[i].read.read_id == id)
			return &asked[i];
	return NULL;
}

/*
 * Holds every stretch of [phys, phys + bytes) against the extent that asked for it; have: and
 * against what of a page is not to be sent.
 */
static void asked_must(const struct asked *a, uint64_t phys, uint64_t bytes, bool have)
{
	while (bytes) {
		const struct nd_wire_extent *e = NULL;
		uint64_t part, room;

		for (unsigned int i = 0; i < a->read.extent_count && !e; i++) {
			e = &a->read.extent[i];
			if (phys < e->phys || phys - e->phys >= (uint64_t)e->pages * ND_PAGE_BYTES)
				e = NULL;
		}
		ND_MUST(e);
		room = (uint64_t)e->pages * ND_PAGE_BYTES - (phys - e->phys);
		part = room < bytes ? room : bytes;
		for (uint64_t at = phys - e->phys; have && e->have && at < phys - e->phys + part;
		     at += ND_GRAIN_BYTES)
			ND_MUST(!(e->have >> at / ND_HAVE_BYTES & 1));
		phys += part;
		bytes -= part;
	}
}

/* Whether what is said about the memory is true. */
static void content_must(const struct nd_record *r)
{
	static uint8_t raw[LZ4_RAW_MAX];
	const uint8_t *said = r->stored;

	if (r->kind == ND_RECORD_ABSENT) {
		for (unsigned int i = 0; i < PAGES; i++) {
			uint64_t phys = BASE_PHYS + i * ND_PAGE_BYTES;

			ND_MUST(!page_at(phys) || phys + ND_PAGE_BYTES <= r->phys ||
				phys > r->phys + (r->raw_bytes - 1));
		}
		return;
	}
	ND_MUST(r->kind != ND_RECORD_ZERO || r->raw_bytes <= PAGES * ND_PAGE_BYTES);
	if (r->kind == ND_RECORD_LZ4 || r->kind == ND_RECORD_STEPS) {
		ND_MUST(LZ4_decompress_safe((const char *)r->stored, (char *)raw,
					    (int)r->stored_bytes, sizeof raw) == (int)r->raw_bytes);
		if (r->kind == ND_RECORD_STEPS)
			nd_steps_undo(raw, r->raw_bytes);
		said = raw;
	}
	for (uint32_t at = 0; at < r->raw_bytes; at += ND_GRAIN_BYTES) {
		static const uint8_t zeros[ND_GRAIN_BYTES];
		uint64_t phys = r->phys + at;
		const uint8_t *page = page_at(phys);

		ND_MUST(page &&
			!memcmp(page + phys % ND_PAGE_BYTES,
				r->kind == ND_RECORD_ZERO ? zeros : said + at, ND_GRAIN_BYTES));
	}
}

static uint64_t wanted_bytes(const struct nd_wire_read *read)
{
	uint64_t bytes = 0;

	for (unsigned int i = 0; i < read->extent_count; i++)
		bytes += (uint64_t)read->extent[i].pages * ND_PAGE_BYTES -
			 (uint64_t)__builtin_popcount(read->extent[i].have) * ND_HAVE_BYTES;
	return bytes;
}

static void data_must(const struct nd_wire_data *data, size_t bytes)
{
	struct asked *a = asked_find(data->read_id);
	struct nd_record_reader reader;
	struct nd_record r;

	ND_MUST(a && !a->over);
	ND_MUST(data->index == a->next_index++);
	ND_MUST(a->sent_bytes < a->read.budget_bytes || !data->record_count);
	nd_record_first(&reader, data);
	while (nd_record_next(&reader, &r)) {
		ND_MUST(!a->wrapped && r.phys >= a->next_phys);
		asked_must(a, r.phys, r.raw_bytes, r.kind != ND_RECORD_ABSENT);
		content_must(&r);
		a->next_phys = r.phys + r.raw_bytes;
		a->wrapped = a->next_phys < r.phys;
		a->covered_bytes += r.raw_bytes;
	}
	a->sent_bytes += bytes;
	if (!(data->flags & ND_DATA_LAST))
		return;
	a->over = true;
	ND_MUST(a->sent_bytes >= a->read.budget_bytes || data->index == UINT16_MAX ||
		a->covered_bytes >= wanted_bytes(&a->read));
}

static void hello_must(const struct nd_wire_hello *hello)
{
	ND_MUST(!hello_seen || now_ms - hello_ms >= ND_AGENT_HELLO_FAST_MS);
	ND_MUST(hello->last_read_id <= read_id || !read_id);
	hello_seen = true;
	hello_ms = now_ms;
}

static int server_of(const struct nd_agent_peer *to)
{
	for (unsigned int i = 0; i < agent.config.server_count; i++)
		if (!memcmp(agent.config.server[i].ip, to->ip, sizeof to->ip) &&
		    agent.config.server[i].port == to->port)
			return (int)i;
	return -1;
}

/* What is sent next, if anything is. */
static bool datagram_out(void)
{
	void *buffer = malloc(ND_WIRE_DATAGRAM_MAX);
	const struct nd_wire_header *message;
	struct nd_agent_peer to = {0};
	size_t bytes;

	ND_MUST(buffer);
	pages_lent = 0;
	bytes = nd_agent_output(&agent, buffer, ND_WIRE_DATAGRAM_MAX, now_ms, &to);
	ND_MUST(bytes <= ND_WIRE_DATAGRAM_MAX && pages_lent <= ND_AGENT_SCAN_PAGES);
	if (bytes) {
		ND_MUST(!nd_agent_done(&agent) && agent.config.security != ND_AGENT_NONE);
		ND_MUST(server_of(&to) >= 0);
		message = nd_fuzz_server_open(&server[server_of(&to)], buffer, bytes);
		ND_MUST(message->session == agent.session);
		if (message->type == ND_DATA)
			data_must((const void *)message, bytes);
		else
			hello_must((const void *)message);
	}
	free(buffer);
	return bytes != 0;
}

static struct nd_agent_peer peer(unsigned int number)
{
	return (struct nd_agent_peer){{10, 0, 2, (uint8_t)(2 + number % SERVERS)}, ND_WIRE_PORT};
}

/* A READ was taken: what it asks for, and what it says is over. */
static void read_remember(const struct nd_wire_read *read)
{
	struct asked *a = &asked[asked_next];

	for (unsigned int i = 0; i < ASKED_MAX; i++)
		asked[i].over |= asked[i].read.read_id <= read->settled_id;
	if (agent.last_read_id != read->read_id || !read->extent_count)
		return;
	memset(a, 0, sizeof *a);
	memcpy(&a->read, read, read->header.length);
	asked_next = (asked_next + 1) % ASKED_MAX;
	read_id = read->read_id;
}

/*
 * Sends a message, and damages it if the input says so; if the agent took it, it was whole,
 * genuine, and one that a server may send.  how: bits 0-2: which server; bit 3: it comes from
 * another's address; bits 4-5: enum nd_fuzz_way; bit 6: damaged.
 */
static void message_in(struct nd_input *in, unsigned int how, const void *message, size_t bytes)
{
	unsigned int number = (how & 7) % SERVERS, place = number + (how >> 3 & 1);
	struct nd_agent_peer from = peer(place);
	uint8_t *buffer = malloc(ND_WIRE_DATAGRAM_MAX + ND_HANDSHAKE_EXTRA), *exact;
	const struct nd_wire_header *h = message;
	static struct nd_agent before;
	uint32_t refused = agent.refused;
	bool genuine;

	ND_MUST(buffer);
	bytes = nd_fuzz_server_seal(&server[number], buffer, message, bytes, how >> 4 & 3,
				    &genuine);
	if (how & 0x40 && bytes) {
		uint16_t at = nd_input_u16(in);

		buffer[at % bytes] ^= nd_input_u8(in) | 1;
		genuine = !server[number].keyed;
	}
	if (place != number)
		genuine = !server[number].keyed;
	exact = realloc(buffer, bytes ? bytes : 1);
	ND_MUST(exact);
	if (bytes > ND_WIRE_DATAGRAM_MAX)
		before = agent;
	nd_agent_input(&agent, &from, exact, bytes, now_ms);
	/* Inside the agent no sanitizer sees where a copy ends. */
	before.refused = agent.refused;
	ND_MUST(bytes <= ND_WIRE_DATAGRAM_MAX || !memcmp(&agent, &before, sizeof agent));
	if (!server[number].keyed)
		h = (const void *)exact;
	if (agent.refused == refused) {
		ND_MUST(genuine && place % SERVERS < agent.config.server_count);
		ND_MUST(agent.config.security != ND_AGENT_NONE);
		ND_MUST(nd_message_check(h, h->length) == ND_MESSAGE_OK);
		ND_MUST(h->session == agent.session);
		ND_MUST(h->type == ND_READ || h->type == ND_DONE);
		if (h->type == ND_READ)
			read_remember((const void *)h);
	}
	free(exact);
}

/* A READ that is well formed: near the memory mostly, extents ascending. */
static void read_in(struct nd_input *in)
{
	unsigned int how = nd_input_u8(in), count = nd_input_u8(in) % (ND_READ_EXTENTS_MAX + 1);
	uint32_t id = read_id + nd_input_u8(in) % 4, settled = id - nd_input_u8(in) % 16;
	struct nd_wire_read *read = malloc(sizeof *read);
	uint64_t phys = BASE_PHYS - 2 * ND_PAGE_BYTES;

	ND_MUST(read);
	nd_read_init(read, agent.session, 1, id, settled < id ? settled : 0, nd_input_u16(in) * 2u);
	for (unsigned int i = 0; i < count; i++) {
		uint8_t far = nd_input_u8(in), pages = nd_input_u8(in);
		uint32_t have = pages ? 0 : nd_input_u32(in);

		phys += far < 250 ? (far % 32) * (uint64_t)ND_PAGE_BYTES
				  : (uint64_t)nd_input_u32(in) << (far - 250) * 7 << 12;
		if (nd_read_extent_add(read, phys, pages < 250 ? pages % 32 + 1 : 1u << pages % 32,
				       have))
			phys += (uint64_t)read->extent[read->extent_count - 1].pages *
				ND_PAGE_BYTES;
	}
	message_in(in, how, read, read->header.length);
	free(read);
}

/* Any bytes; bit 7 of how: with a header that fits them. */
static void bytes_in(struct nd_input *in)
{
	unsigned int how = nd_input_u8(in);
	size_t wanted = nd_input_u16(in) % (ND_WIRE_DATAGRAM_MAX + 64), bytes;
	uint8_t *message = nd_input_exact(in, wanted, &bytes);
	struct nd_wire_header *h = (void *)message;

	if (bytes < sizeof *h) {
		how &= ~0x30u;
	} else if (how & 0x80) {
		h->magic = ND_WIRE_MAGIC;
		h->version = ND_WIRE_VERSION;
		h->session = agent.session;
	}
	if (how & 0x30)
		h->type &= (uint8_t)~ND_FORM_MASK;
	if (how & 0xb0 && bytes >= sizeof *h)
		h->length = (uint16_t)bytes;
	message_in(in, how, message, bytes);
	free(message);
}

static void step_run(struct nd_input *in)
{
	unsigned int what = nd_input_u8(in);

	switch (what % 8) {
	case 0:
	case 1:
		for (unsigned int i = 0; i <= what / 8 % DRAIN_MAX && datagram_out(); i++)
			;
		break;
	case 2:
		now_ms += nd_input_u16(in);
		break;
	case 3:
	case 4:
		bytes_in(in);
		break;
	default:
		read_in(in);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static const struct nd_agent wiped;
	struct nd_input in = {data, bytes};
	uint8_t how = nd_input_u8(&in);
	struct nd_agent_config config = {
		.security = how >> 4 & 3,
		.seed = {how},
		.server_count = how % 4 + 1,
		.server = {peer(0), peer(1), peer(2), peer(3)},
		.has_psk = (how >> 4 & 3) == ND_AGENT_NKPSK0,
		.host = "fuzz",
		.range_count = 1,
		.range = {{BASE_PHYS, PAGES * ND_PAGE_BYTES, 1, 0}},
		.page = page_lend,
	};

	memcpy(config.psk, psk, sizeof psk);
	for (unsigned int i = 0; i < SERVERS; i++) {
		nd_fuzz_server_reset(&server[i], config.security, config.has_psk ? psk : NULL);
		if (i < ND_AGENT_SERVERS_MAX)
			memcpy(config.server_key[i], server[i].public_key, ND_WIRE_KEY_BYTES);
	}
	memset(asked, 0, sizeof asked);
	variant = how >> 2 & 3;
	read_id = 0;
	hello_seen = false;
	now_ms = 1000;
	nd_agent_init(&agent, &config, now_ms);
	for (unsigned int i = 0; i < STEPS_MAX && nd_input_more(&in); i++)
		step_run(&in);
	/* Whatever came, it still speaks up. */
	now_ms += ND_AGENT_HELLO_MAX_MS;
	ND_MUST(datagram_out() || nd_agent_done(&agent) || config.security == ND_AGENT_NONE);
	nd_agent_wipe(&agent);
	ND_MUST(!memcmp(&agent, &wiped, sizeof agent));
	ND_MUST(!datagram_out());
	return 0;
}
