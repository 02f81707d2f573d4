// SPDX-License-Identifier: GPL-2.0-or-later
/* agent.c - DINI's side of netdump/wire.h: who is spoken to, and when.  Any mode. */
#include "dini/agent.h"

#include <string.h>

#include "dini/pack.h"
#include "wire/message.h"

void nd_agent_init(struct nd_agent *agent, const struct nd_agent_config *config, uint64_t now_ms)
{
	memset(agent, 0, sizeof *agent);
	agent->config = *config;
	agent->config.host[ND_HOST_NAME_BYTES - 1] = 0;
	agent->config.reason[ND_HELLO_REASON_BYTES - 1] = 0;
	if (config->security > ND_AGENT_NKPSK0)
		agent->config.security = ND_AGENT_NONE;
	nd_handshake_init(&agent->handshake, config->seed);
	nd_handshake_draw(&agent->handshake, &agent->session, sizeof agent->session);
	agent->session += !agent->session;
	nd_handshake_draw(&agent->handshake, agent->token, sizeof agent->token);
	agent->start_ms = now_ms;
	agent->heard_ms = now_ms;
	agent->hello_ms = now_ms;
	agent->hello_wait_ms = ND_AGENT_HELLO_FAST_MS;
}

bool nd_agent_done(const struct nd_agent *agent)
{
	return agent->done;
}

bool nd_agent_is_keyed(const struct nd_agent *agent)
{
	return agent->config.security >= ND_AGENT_NK;
}

void nd_agent_wipe(struct nd_agent *agent)
{
	nd_noise_wipe(agent, sizeof *agent);
}

static int server_find(const struct nd_agent *agent, const struct nd_agent_peer *from)
{
	for (unsigned int i = 0; i < agent->config.server_count; i++)
		if (memcmp(agent->config.server[i].ip, from->ip, sizeof from->ip) == 0 &&
		    agent->config.server[i].port == from->port)
			return (int)i;
	return -1;
}

/*
 * What is over leaves the queue, then this one joins it.  False if there is no room, or it
 * is an old one: both happen, and cost nothing.  One without extents only says to wait on,
 * so HELLOs get no more frequent.
 */
static bool read_take(struct nd_agent *agent, const struct nd_wire_read *read)
{
	struct nd_agent_read *slot;

	while (agent->queue_count && agent->queue[agent->queue_first].read_id <= read->settled_id)
		nd_pack_drop(agent);
	if (!read->extent_count)
		return true;
	agent->hello_wait_ms = ND_AGENT_IDLE_MS;
	if (read->read_id <= agent->last_read_id || agent->queue_count == ND_READ_QUEUE)
		return false;
	slot = &agent->queue[(agent->queue_first + agent->queue_count) % ND_READ_QUEUE];
	slot->read_id = read->read_id;
	slot->budget_bytes = read->budget_bytes;
	slot->extent_count = read->extent_count;
	memcpy(slot->extent, read->extent, read->extent_count * sizeof read->extent[0]);
	agent->queue_count++;
	agent->last_read_id = read->read_id;
	return true;
}

static uint32_t pieces_of(uint64_t total_bytes)
{
	return (uint32_t)((total_bytes + ND_GIVE_BYTES - 1) / ND_GIVE_BYTES);
}

/* As many as may be asked for, from the first that is missing on. */
static void take_next(struct nd_agent *agent, uint64_t now_ms)
{
	struct nd_take *t = &agent->take;
	uint32_t left = pieces_of(t->total_bytes) - t->first;

	t->count = left < ND_TAKE_MAX ? left : ND_TAKE_MAX;
	t->have = 0;
	t->due_ms = now_ms;
}

static bool piece_take(struct nd_agent *agent, const struct nd_wire_give *give, uint64_t now_ms)
{
	const size_t fixed = offsetof(struct nd_wire_give, piece);
	struct nd_take *t = &agent->take;

	if (!agent->config.take || give->total_bytes > agent->config.take_room_bytes)
		return false;
	/* the first comes unasked; of another answer, too, by a server that has begun anew */
	if (!give->index && give->total_bytes != t->total_bytes)
		*t = (struct nd_take){.total_bytes = give->total_bytes, .count = 1};
	if (give->total_bytes != t->total_bytes || give->index < t->first ||
	    give->index - t->first >= t->count || (t->have >> (give->index - t->first) & 1))
		return false;
	agent->config.take(agent->config.take_ctx, (uint64_t)give->index * ND_GIVE_BYTES,
			   give->piece, give->header.length - fixed);
	t->have |= 1u << (give->index - t->first);
	t->due_ms = now_ms + ND_AGENT_TAKE_MS;
	while (t->have & 1) {
		t->have >>= 1;
		t->first++;
		t->count--;
	}
	if (!t->count)
		take_next(agent, now_ms);
	return true;
}

uint64_t nd_agent_taken_bytes(const struct nd_agent *agent)
{
	const struct nd_take *t = &agent->take;

	return t->total_bytes && t->first == pieces_of(t->total_bytes) ? t->total_bytes : 0;
}

/* What another server asked for is of no use to the next, nor its answer. */
static void queue_drop(struct nd_agent *agent)
{
	memset(&agent->take, 0, sizeof agent->take);
	while (agent->queue_count)
		nd_pack_drop(agent);
}

/* A server that will not have this dump leaves it to the others, if there are any. */
static void done_take(struct nd_agent *agent, const struct nd_wire_done *done, unsigned int server)
{
	if (done->status == ND_DONE_REFUSED) {
		agent->unwilling |= 1u << server;
		agent->bound = false;
		agent->hello_wait_ms = ND_AGENT_IDLE_MS;
		queue_drop(agent);
		if (agent->unwilling != (1u << agent->config.server_count) - 1)
			return;
	}
	agent->done = true;
	agent->done_status = done->status;
	memcpy(agent->done_text, done->text, sizeof agent->done_text);
}

/* The plain message in a datagram of our session, or NULL: not genuine, not allowed, not whole. */
static const struct nd_wire_header *message_open(struct nd_agent *agent, const void *payload,
						 size_t bytes, unsigned int server)
{
	const struct nd_wire_header *header = (const void *)agent->input;

	if (bytes < sizeof *header || bytes > sizeof agent->input)
		return NULL;
	memcpy(agent->input, payload, bytes);
	if (header->session != agent->session)
		return NULL;
	if (nd_agent_is_keyed(agent))
		return nd_handshake_open(&agent->handshake, agent->input, bytes, server);
	return nd_plain_open(agent->input, bytes) == ND_MESSAGE_OK ? header : NULL;
}

/* Whether anything that this server says may be listened to. */
static bool server_counts(const struct nd_agent *agent, unsigned int server, uint64_t now_ms)
{
	if (agent->done || agent->config.security == ND_AGENT_NONE ||
	    (agent->unwilling >> server & 1))
		return false;
	return !agent->bound || agent->bound_server == server ||
	       now_ms - agent->heard_ms >= ND_AGENT_FORGET_MS;
}

void nd_agent_input(struct nd_agent *agent, const struct nd_agent_peer *from, const void *payload,
		    size_t bytes, uint64_t now_ms)
{
	const struct nd_wire_header *message;
	int found = server_find(agent, from);
	unsigned int server = (unsigned int)found;
	bool taken = true;

	agent->refused++; /* until it has proved good */
	if (found < 0 || !server_counts(agent, server, now_ms))
		return;
	message = message_open(agent, payload, bytes, server);
	if (!message ||
	    (message->type != ND_READ && message->type != ND_DONE && message->type != ND_GIVE))
		return;

	if (agent->bound && agent->bound_server != server)
		queue_drop(agent);
	agent->heard = true;
	agent->heard_ms = now_ms;
	agent->bound = true;
	agent->bound_server = server;
	agent->hello_server = (server + 1) % agent->config.server_count; /* should this one die */
	if (message->type == ND_DONE)
		done_take(agent, (const void *)message, server);
	else if (message->type == ND_GIVE)
		taken = piece_take(agent, (const void *)message, now_ms);
	else
		taken = read_take(agent, (const void *)message);
	agent->hello_ms = now_ms + agent->hello_wait_ms;
	agent->refused -= taken;
}

/* Copies `from` up to its NUL into a field that is zero already and keeps its last byte. */
static void string_copy(char *to, const char *from, size_t room)
{
	for (size_t i = 0; i + 1 < room && from[i]; i++)
		to[i] = from[i];
}

static size_t hello_make(struct nd_agent *agent, void *buffer, uint64_t now_ms)
{
	const struct nd_agent_config *c = &agent->config;
	struct nd_wire_hello *hello = buffer;

	nd_hello_init(hello, agent->session, ++agent->seq);
	hello->kind = c->kind;
	hello->state = agent->heard ? ND_HELLO_IDLE : ND_HELLO_NEW;
	hello->elapsed_ms = (uint32_t)(now_ms - agent->start_ms);
	memcpy(hello->mac, c->mac, sizeof hello->mac);
	memcpy(hello->client_ip, c->client_ip, sizeof hello->client_ip);
	hello->read_queue = ND_READ_QUEUE;
	string_copy(hello->host, c->host, sizeof hello->host);
	string_copy(hello->reason, c->reason, sizeof hello->reason);
	hello->elfcorehdr_phys = c->elfcorehdr_phys;
	hello->elfcorehdr_bytes = c->elfcorehdr_bytes;
	hello->cr3 = c->cr3;
	hello->idt_base = c->idt_base;
	hello->last_read_id = agent->last_read_id;
	hello->refused = agent->refused;
	memcpy(hello->token, agent->token, sizeof hello->token);
	for (unsigned int i = 0; i < c->range_count && i < ND_HELLO_RANGES_MAX; i++)
		nd_hello_range_add(hello, c->range[i].phys, c->range[i].bytes, c->range[i].kind);
	return nd_hello_bytes(hello);
}

/* The bound server while it is heard of, else the next that has not said no. */
static unsigned int hello_peer(struct nd_agent *agent, uint64_t now_ms)
{
	unsigned int server;

	if (agent->bound && now_ms - agent->heard_ms < ND_AGENT_FORGET_MS)
		return agent->bound_server;
	do {
		server = agent->hello_server;
		agent->hello_server = (server + 1) % agent->config.server_count;
	} while (agent->unwilling >> server & 1);
	return server;
}

static void hello_schedule(struct nd_agent *agent, uint64_t now_ms)
{
	agent->hellos++;
	if (agent->heard || agent->hellos >= ND_AGENT_HELLO_FAST)
		agent->hello_wait_ms *= 2;
	if (agent->hello_wait_ms > ND_AGENT_HELLO_MAX_MS)
		agent->hello_wait_ms = ND_AGENT_HELLO_MAX_MS;
	agent->hello_ms = now_ms + agent->hello_wait_ms;
}

static size_t hello_output(struct nd_agent *agent, void *buffer, unsigned int server,
			   uint64_t now_ms)
{
	const struct nd_agent_config *c = &agent->config;

	if (!nd_agent_is_keyed(agent))
		return hello_make(agent, buffer, now_ms);
	hello_make(agent, (uint8_t *)buffer + ND_HANDSHAKE_OFFSET, now_ms);
	return nd_handshake_hello(&agent->handshake, buffer, server, c->server_key[server],
				  c->has_psk ? c->psk : NULL);
}

static size_t data_output(struct nd_agent *agent, void *buffer, uint64_t now_ms)
{
	size_t bytes = nd_pack_data(agent, buffer);

	if (nd_agent_is_keyed(agent))
		bytes = nd_sealed_seal(&agent->handshake.keys, buffer);
	else
		((struct nd_wire_header *)buffer)->seq = ++agent->seq;
	if (!agent->queue_count) {
		agent->hello_wait_ms = ND_AGENT_IDLE_MS;
		agent->hello_ms = now_ms + ND_AGENT_IDLE_MS;
	}
	return bytes;
}

/* Asks for pieces; when all are there says so, until the server does. */
static size_t take_output(struct nd_agent *agent, void *buffer, uint64_t now_ms)
{
	struct nd_take *t = &agent->take;

	nd_take_init(buffer, agent->session, 0, t->first, t->count);
	t->due_ms = now_ms + ND_AGENT_TAKE_MS;
	if (nd_agent_is_keyed(agent))
		return nd_sealed_seal(&agent->handshake.keys, buffer);
	((struct nd_wire_header *)buffer)->seq = ++agent->seq;
	return sizeof(struct nd_wire_take);
}

size_t nd_agent_output(struct nd_agent *agent, void *buffer, size_t capacity, uint64_t now_ms,
		       struct nd_agent_peer *to)
{
	unsigned int server = agent->bound_server;
	size_t bytes;

	if (capacity < ND_WIRE_DATAGRAM_MAX || agent->done ||
	    agent->config.security == ND_AGENT_NONE)
		return 0;
	if (agent->queue_count) {
		bytes = data_output(agent, buffer, now_ms);
	} else if (agent->take.total_bytes && now_ms >= agent->take.due_ms) {
		bytes = take_output(agent, buffer, now_ms);
	} else if (now_ms >= agent->hello_ms) {
		server = hello_peer(agent, now_ms);
		bytes = hello_output(agent, buffer, server, now_ms);
		hello_schedule(agent, now_ms);
	} else {
		return 0;
	}
	*to = agent->config.server[server];
	agent->bytes_sent += bytes;
	return bytes;
}
