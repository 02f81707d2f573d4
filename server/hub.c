// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hub.c - all machines at once: their table, the memory of finished sessions.
 *
 * Everything is bounded: machines by an option, finished sessions by a ring.  When the
 * table is full a machine that has never answered makes room; one that has, never.
 */
#include "server/hub.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/log.h"
#include "server/machine.h"
#include "server/plan.h"

#define FINISHED_MAX     1024
#define WINDOW_MIN_BYTES (2 * ND_PLAN_READ_BYTES_MIN)
#define UNPROVEN_MS      5000  /* a machine that never answered is forgotten after this */
#define OVER_MS          30000 /* a finished one leaves the table, and is only remembered */
#define IDLE_WAIT_MS     1000

struct finished {
	uint64_t session;
	in_addr_t ip;
	enum nd_done_status status;
	char text[ND_DONE_TEXT_BYTES];
};

struct nd_hub {
	struct nd_hub_options options;
	struct nd_env env;
	struct nd_quota quota;
	struct nd_machine **machine;            /* options->machines_max of them, NULL: free */
	struct finished finished[FINISHED_MAX]; /* a ring */
	unsigned int finished_next;
	uint64_t refused;
	struct nd_now now;
};

static void refuse(struct nd_hub *h, const struct sockaddr_in *from, const char *why)
{
	char ip[INET_ADDRSTRLEN] = "?";

	h->refused++;
	inet_ntop(AF_INET, &from->sin_addr, ip, sizeof ip);
	nd_log_refusal(h->now.ms, "%s:%u: %s (%llu so far)", ip, ntohs(from->sin_port), why,
		       (unsigned long long)h->refused);
}

/* What may be in flight is shared out evenly: no incast when a whole rack dies at once. */
static void window_share(struct nd_hub *h)
{
	uint32_t sending = 0, share;

	for (unsigned int i = 0; i < h->options.machines_max; i++)
		sending += h->machine[i] && h->machine[i]->phase < ND_FINISH;
	share = h->options.pool_bytes / 4 * 3 / (sending ? sending : 1);

	if (share > ND_PLAN_WINDOW_BYTES)
		share = ND_PLAN_WINDOW_BYTES;
	h->env.window_bytes = share < WINDOW_MIN_BYTES ? WINDOW_MIN_BYTES : share;
}

static struct nd_machine *machine_find(struct nd_hub *h, uint64_t session)
{
	for (unsigned int i = 0; i < h->options.machines_max; i++)
		if (h->machine[i] && h->machine[i]->session == session)
			return h->machine[i];
	return NULL;
}

static bool machine_unproven(const struct nd_machine *m)
{
	return m->phase == ND_PROBE && m->store.dir < 0;
}

static void machine_remove(struct nd_hub *h, unsigned int at)
{
	nd_machine_free(h->machine[at]);
	h->machine[at] = NULL;
	window_share(h);
}

/*
 * A free place in the table; if need be that of one that is finished and remembered, or of
 * the oldest machine that never answered.
 */
static int place_find(struct nd_hub *h)
{
	int finished = -1, oldest = -1, at;

	for (unsigned int i = 0; i < h->options.machines_max; i++) {
		struct nd_machine *m = h->machine[i];

		if (!m)
			return (int)i;
		if (m->remembered)
			finished = (int)i;
		else if (machine_unproven(m) &&
			 (oldest < 0 || m->started_ms < h->machine[oldest]->started_ms))
			oldest = (int)i;
	}
	at = finished >= 0 ? finished : oldest;
	if (at >= 0)
		machine_remove(h, (unsigned int)at);
	return at;
}

static void finished_remember(struct nd_hub *h, const struct nd_machine *m)
{
	struct finished *f = &h->finished[h->finished_next++ % FINISHED_MAX];

	f->session = m->session;
	f->ip = m->address.sin_addr.s_addr;
	f->status = m->status;
	if (m->status == ND_DONE_COMPLETE)
		snprintf(f->text, sizeof f->text, "%.63s/%.63s", m->host, m->store.name);
	else
		snprintf(f->text, sizeof f->text, "%s", m->why);
}

static void done_send(struct nd_hub *h, const struct sockaddr_in *to, uint64_t session,
		      enum nd_done_status status, const char *text)
{
	struct nd_wire_done done;

	nd_done_init(&done, session, 1, status, text);
	h->options.send(h->options.context, to, &done, sizeof done);
}

/* Whether the session is over already, by our memory or by what lies on the disk. */
static bool finished_answer(struct nd_hub *h, const struct sockaddr_in *from,
			    const struct nd_wire_hello *hello)
{
	char host[ND_STORE_NAME_BYTES], path[2 * ND_STORE_NAME_BYTES];

	for (unsigned int i = 0; i < FINISHED_MAX; i++) {
		const struct finished *f = &h->finished[i];

		if (f->session == hello->header.session && f->ip == from->sin_addr.s_addr) {
			done_send(h, from, f->session, f->status, f->text);
			return true;
		}
	}
	nd_store_host_name(host, hello->host, hello->mac);
	if (!nd_store_finished(h->options.top, host, hello->header.session, path, sizeof path))
		return false;
	done_send(h, from, hello->header.session, ND_DONE_COMPLETE, path);
	return true;
}

static void hello_take(struct nd_hub *h, const struct sockaddr_in *from,
		       const struct nd_wire_hello *hello)
{
	struct nd_machine *m;
	char ip[INET_ADDRSTRLEN] = "?", host[ND_STORE_NAME_BYTES];
	int at;

	if (finished_answer(h, from, hello))
		return;
	nd_store_host_name(host, hello->host, hello->mac);
	if (!nd_store_admits(h->options.top, host, hello->header.session, hello->token)) {
		refuse(h, from, "a HELLO with another token than its session's");
		return;
	}
	at = place_find(h);
	if (at < 0) {
		refuse(h, from, "a HELLO, but the table of machines is full");
		return;
	}
	m = nd_machine_new(hello, from, h->now.ms, h->now.s);
	if (!m) {
		refuse(h, from, "a HELLO, but memory is out");
		return;
	}
	h->machine[at] = m;
	window_share(h);
	inet_ntop(AF_INET, &from->sin_addr, ip, sizeof ip);
	nd_log_event(h->now.ms, "%s: HELLO from %s, session %016llx: %s", m->host, ip,
		     (unsigned long long)m->session,
		     hello->reason[0] ? hello->reason : "no reason");
	nd_machine_hello(m, &h->env, hello, h->now.ms, h->now.s);
}

static void message_take(struct nd_hub *h, const struct sockaddr_in *from,
			 const struct nd_wire_header *header)
{
	struct nd_machine *m = machine_find(h, header->session);

	if (header->type != ND_HELLO && header->type != ND_DATA) {
		refuse(h, from, "a message that only a server sends");
	} else if (m && (m->address.sin_addr.s_addr != from->sin_addr.s_addr ||
			 m->address.sin_port != from->sin_port)) {
		refuse(h, from, "a session of another address");
	} else if (header->type == ND_HELLO) {
		if (m)
			nd_machine_hello(m, &h->env, (const struct nd_wire_hello *)header,
					 h->now.ms, h->now.s);
		else
			hello_take(h, from, (const struct nd_wire_hello *)header);
	} else if (m) {
		uint64_t before = m->counts.refused;

		nd_machine_data(m, &h->env, (const struct nd_wire_data *)header, h->now.ms,
				h->now.s);
		if (m->counts.refused != before)
			refuse(h, from, "DATA that does not unpack, or with an absurd index");
	} else {
		refuse(h, from, "DATA of an unknown session");
	}
}

void nd_hub_datagram(struct nd_hub *h, struct nd_now now, const struct sockaddr_in *from,
		     void *datagram, size_t bytes)
{
	enum nd_message_error error = nd_message_check(datagram, bytes);
	char text[96];

	h->now = now;
	if (!error) {
		message_take(h, from, datagram);
		return;
	}
	snprintf(text, sizeof text, "a datagram of %zu bytes: %s", bytes,
		 nd_message_error_text(error));
	refuse(h, from, text);
}

uint64_t nd_hub_tick(struct nd_hub *h, struct nd_now now)
{
	uint64_t due = now.ms + IDLE_WAIT_MS;

	h->now = now;
	for (unsigned int i = 0; i < h->options.machines_max; i++) {
		struct nd_machine *m = h->machine[i];
		uint64_t next;

		if (!m)
			continue;
		nd_machine_tick(m, &h->env, h->now.ms, h->now.s);
		if (m->phase == ND_OVER && !m->remembered) {
			if (!m->suspended)
				finished_remember(h, m);
			m->remembered = true;
			window_share(h);
		}
		/* A suspended one is taken up from the disk with its next HELLO. */
		if ((m->phase == ND_OVER && (m->suspended || h->now.ms - m->heard_ms > OVER_MS)) ||
		    (machine_unproven(m) && h->now.ms - m->heard_ms > UNPROVEN_MS)) {
			machine_remove(h, i);
			continue;
		}
		next = nd_machine_due(m, &h->env);
		if (m->phase < ND_OVER && next < due)
			due = next;
	}
	return due;
}

/* No DONE is sent, so another server may take the dumps over. */
void nd_hub_stop(struct nd_hub *h, struct nd_now now)
{
	h->env.send = NULL;
	for (unsigned int i = 0; i < h->options.machines_max; i++)
		if (h->machine[i])
			nd_machine_stop(h->machine[i], &h->env, now.s);
	for (unsigned int i = 0; i < h->options.machines_max; i++)
		nd_machine_free(h->machine[i]);
	free(h->machine);
	free(h);
}

uint64_t nd_hub_refused(const struct nd_hub *h)
{
	return h->refused;
}

struct nd_hub *nd_hub_new(const struct nd_hub_options *options)
{
	struct nd_hub *h = calloc(1, sizeof *h);

	if (!h)
		return NULL;
	h->options = *options;
	h->env = (struct nd_env){
		.send = options->send,
		.context = options->context,
		.top = options->top,
		.event_fd = options->event_fd,
		.silence_ms = options->silence_ms,
		.map_ms = options->map_ms,
		.quota = &h->quota,
	};
	nd_quota_init(&h->quota, options->top, &options->quota);
	h->machine = calloc(options->machines_max, sizeof(struct nd_machine *));
	if (!h->machine) {
		free(h);
		return NULL;
	}
	window_share(h);
	return h;
}
