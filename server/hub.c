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
#include <unistd.h>

#include "server/give.h"
#include "server/hearsay.h"
#include "server/log.h"
#include "server/table.h"

#define FINISHED_MAX 1024
#define PROBE_POOL   65536 /* what machines that never answered may have in flight */
#define UNPROVEN_MS  5000  /* after which such a one is forgotten */
#define OVER_MS      30000 /* a finished one leaves the table, and is only remembered */
#define IDLE_WAIT_MS 1000

struct finished {
	uint64_t session;
	uint8_t token[ND_HELLO_TOKEN_BYTES];
	enum nd_done_status status;
	char text[ND_DONE_TEXT_BYTES];
};

struct nd_hub {
	struct nd_hub_options options;
	struct nd_env env;
	struct nd_quota quota;
	struct nd_door door;
	struct nd_hearsay hearsay;
	struct nd_pace pace, probes;
	atomic_uint maps; /* being written */
	struct nd_table table;
	uint64_t finish_ms;                     /* when threads were last asked for news */
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
	nd_log_under(ND_LID_REFUSALS, h->now.ms, "%s:%u: %s (%llu so far)", ip,
		     ntohs(from->sin_port), why, (unsigned long long)h->refused);
}

static void machine_send(void *context, struct nd_machine *m, const struct nd_wire_header *message)
{
	struct nd_hub *h = context;
	struct nd_seat *seat = m->turn.owner;

	nd_door_send(&h->door, &seat->pass, &m->address, message);
}

static void finished_remember(struct nd_hub *h, const struct nd_wire_hello *hello,
			      enum nd_done_status status, const char *text)
{
	struct finished *f = &h->finished[h->finished_next++ % FINISHED_MAX];

	f->session = hello->header.session;
	memcpy(f->token, hello->token, sizeof f->token);
	f->status = status;
	snprintf(f->text, sizeof f->text, "%s", text);
}

static void machine_remember(struct nd_hub *h, const struct nd_machine *m)
{
	char path[2 * ND_STORE_NAME_BYTES];

	snprintf(path, sizeof path, "%.63s/%.63s", m->host, m->store.name);
	finished_remember(h, &m->hello, m->status, m->status == ND_DONE_COMPLETE ? path : m->why);
}

static void done_send(struct nd_hub *h, const struct sockaddr_in *to,
		      const struct nd_wire_hello *hello, enum nd_done_status status,
		      const char *text)
{
	struct nd_wire_done done;

	nd_done_init(&done, hello->header.session, 1, status, text);
	nd_door_reply(&h->door, to, hello, &done.header);
}

/* Whether the session is over already, by our memory or by what lies on the disk. */
static bool finished_answer(struct nd_hub *h, const struct sockaddr_in *from,
			    const struct nd_wire_hello *hello)
{
	char host[ND_STORE_NAME_BYTES], path[2 * ND_STORE_NAME_BYTES];

	for (unsigned int i = 0; i < FINISHED_MAX; i++) {
		const struct finished *f = &h->finished[i];

		if (f->session == hello->header.session &&
		    !memcmp(f->token, hello->token, sizeof f->token)) {
			done_send(h, from, hello, f->status, f->text);
			return true;
		}
	}
	nd_store_host_name(host, hello->host, hello->mac);
	if (!nd_store_finished(h->options.top, host, hello->header.session, hello->token, path,
			       sizeof path))
		return false;
	finished_remember(h, hello, ND_DONE_COMPLETE, path);
	done_send(h, from, hello, ND_DONE_COMPLETE, path);
	return true;
}

static enum nd_class class_of(const struct nd_machine *m)
{
	if (m->phase >= ND_ANSWER)
		return m->phase == ND_OVER ? ND_REMEMBERED : ND_FINISHING;
	return m->proven ? ND_LIVE : ND_UNPROVEN;
}

static uint64_t due_of(const struct nd_hub *h, const struct nd_machine *m, enum nd_class class)
{
	uint64_t due = nd_machine_due(m, &h->env), gone = UINT64_MAX;

	if (class == ND_REMEMBERED)
		gone = m->heard_ms + OVER_MS;
	if (class == ND_UNPROVEN)
		gone = m->heard_ms + UNPROVEN_MS;
	due = gone < due ? gone : due;
	return due > h->now.ms ? due : h->now.ms + 1;
}

static void seat_leave(struct nd_hub *h, struct nd_seat *seat)
{
	struct nd_machine *m = seat->machine;

	nd_pace_leave(m->proven ? &h->pace : &h->probes, &m->turn);
	nd_table_leave(&h->table, seat);
}

/* Its next HELLO is as good as a first: it is taken up from the disk, or there is room by then. */
static bool may_return(const struct nd_machine *m)
{
	return m->suspended || m->status == ND_DONE_REFUSED;
}

/* Something happened to a machine: its class, and when to look at it next. */
static void seat_settle(struct nd_hub *h, struct nd_seat *seat)
{
	struct nd_machine *m = seat->machine;
	enum nd_class class = class_of(m);

	if (class == ND_REMEMBERED && may_return(m)) {
		seat_leave(h, seat);
		return;
	}
	if (class == ND_REMEMBERED && seat->class != ND_REMEMBERED)
		machine_remember(h, m);
	if (class >= ND_FINISHING)
		nd_pace_leave(m->proven ? &h->pace : &h->probes, &m->turn);
	nd_table_move(&h->table, seat, class);
	nd_timers_set(&h->table.timers, &seat->timer, due_of(h, m, class));
}

/* Machines that waited for the pool ask, as far as it reaches. */
static void turns_call(struct nd_hub *h)
{
	struct nd_pace *const pool[] = {&h->pace, &h->probes};

	for (size_t i = 0; i < sizeof pool / sizeof *pool; i++) {
		struct nd_turn *turn;

		while ((turn = nd_pace_next(pool[i]))) {
			struct nd_seat *seat = turn->owner;

			nd_machine_ask(seat->machine, &h->env, h->now.ms);
			seat_settle(h, seat);
		}
	}
}

/* Another address has the same session and token. */
static bool is_rival(const struct nd_seat *seat, const struct nd_wire_hello *hello)
{
	return !memcmp(seat->machine->hello.token, hello->token, sizeof hello->token);
}

/* Whether a machine of this session and token has been heard under its keys. */
static bool is_claimed(const struct nd_hub *h, const struct nd_wire_hello *hello)
{
	const uint64_t session = hello->header.session;
	struct nd_seat *seat = NULL;

	while ((seat = nd_table_next(&h->table, session, seat)))
		if (seat->class != ND_UNPROVEN && is_rival(seat, hello))
			return true;
	return false;
}

/* It is known now who said the HELLO, and who only repeated it. */
static void rivals_leave(struct nd_hub *h, const struct nd_seat *proven)
{
	struct nd_seat *seat = nd_table_next(&h->table, proven->session, NULL);

	while (seat) {
		struct nd_seat *next = nd_table_next(&h->table, proven->session, seat);

		if (seat != proven && is_rival(seat, &proven->machine->hello))
			seat_leave(h, seat);
		seat = next;
	}
}

/* Whether nothing will come of what it is about: it is told so, and has no seat. */
static bool kind_refuse(struct nd_hub *h, const struct sockaddr_in *from,
			const struct nd_wire_hello *hello)
{
	enum nd_done_status status = ND_DONE_REFUSED;
	char why[ND_DONE_TEXT_BYTES];

	if (nd_kind_fits(hello, why)) {
		if (hello->kind != ND_HELLO_DRIVERS || h->options.drivers >= 0)
			return false;
		status = ND_DONE_INCOMPLETE;
		snprintf(why, sizeof why, "this server has no driver catalogue (--drivers DIR)");
	}
	done_send(h, from, hello, status, why);
	refuse(h, from, why);
	return true;
}

static void hello_take(struct nd_hub *h, const struct sockaddr_in *from,
		       const struct nd_wire_hello *hello)
{
	struct nd_machine *m;
	struct nd_seat *seat;
	char ip[INET_ADDRSTRLEN] = "?", host[ND_STORE_NAME_BYTES];

	if (is_claimed(h, hello)) {
		refuse(h, from, "a session of another address");
		return;
	}
	if (finished_answer(h, from, hello) || kind_refuse(h, from, hello))
		return;
	nd_store_host_name(host, hello->host, hello->mac);
	if (!nd_store_admits(h->options.top, host, hello->header.session, hello->token)) {
		refuse(h, from, "a HELLO with another token than its session's");
		return;
	}
	seat = nd_table_vacancy(&h->table);
	if (!seat) {
		refuse(h, from, "a HELLO, but the table of machines is full");
		return;
	}
	m = nd_machine_new(hello, from, h->now.ms, h->now.s);
	if (!m) {
		refuse(h, from, "a HELLO, but memory is out");
		return;
	}
	if (seat->machine)
		seat_leave(h, seat);
	nd_table_sit(&h->table, seat, m);
	nd_door_admit(&h->door, &seat->pass, hello);
	m->turn.owner = seat;
	inet_ntop(AF_INET, &from->sin_addr, ip, sizeof ip);
	nd_log_under(ND_LID_EVENTS, h->now.ms, "%s: HELLO from %s, session %016llx: %s%s%s",
		     m->host, ip, (unsigned long long)m->session, hello->kind ? m->kind->noun : "",
		     hello->kind ? ": " : "", hello->reason[0] ? hello->reason : "no reason");
	nd_machine_hello(m, &h->env, hello, h->now.ms, h->now.s);
	seat_settle(h, seat);
}

static void data_take(struct nd_hub *h, const struct sockaddr_in *from, struct nd_seat *seat,
		      const struct nd_wire_data *data)
{
	struct nd_machine *m = seat->machine;
	uint64_t before = m->counts.refused;
	bool proven = m->proven;

	nd_machine_data(m, &h->env, data, h->now.ms, h->now.s);
	if (m->proven && !proven)
		rivals_leave(h, seat);
	if (m->counts.refused != before)
		refuse(h, from, "DATA that does not unpack, or with an absurd index");
}

static void take_take(struct nd_hub *h, const struct sockaddr_in *from, struct nd_seat *seat,
		      const struct nd_wire_take *take)
{
	const char *why = nd_give_take(seat->machine, &h->env, take, h->now.ms, h->now.s);

	if (why)
		refuse(h, from, why);
}

static void seat_hello(struct nd_hub *h, const struct sockaddr_in *from, struct nd_seat *seat,
		       const struct nd_wire_hello *hello)
{
	const char *why = nd_door_admit(&h->door, &seat->pass, hello);

	if (why)
		refuse(h, from, why);
	else
		nd_machine_hello(seat->machine, &h->env, hello, h->now.ms, h->now.s);
}

static void message_take(struct nd_hub *h, const struct sockaddr_in *from, struct nd_seat *seat,
			 const struct nd_wire_header *header)
{
	if (header->type != ND_HELLO && header->type != ND_DATA && header->type != ND_TAKE)
		refuse(h, from, "a message that only a server sends");
	else if (header->type == ND_HELLO && seat)
		seat_hello(h, from, seat, (const struct nd_wire_hello *)header);
	else if (header->type == ND_HELLO)
		hello_take(h, from, (const struct nd_wire_hello *)header);
	else if (!seat)
		refuse(h, from, "DATA or TAKE of an unknown session");
	else if (header->type == ND_TAKE)
		take_take(h, from, seat, (const struct nd_wire_take *)header);
	else
		data_take(h, from, seat, (const struct nd_wire_data *)header);
	if (seat)
		seat_settle(h, seat);
	turns_call(h);
}

/* Of no session, and under no key. */
static void last_words_take(struct nd_hub *h, const struct sockaddr_in *from, const void *datagram,
			    size_t bytes)
{
	enum nd_message_error error = nd_plain_open(datagram, bytes);

	if (error)
		refuse(h, from, nd_message_error_text(error));
	else if (!nd_door_hears(&h->door, h->now.ms))
		refuse(h, from, "last words, but there are too many just now");
	else
		nd_hearsay_take(&h->hearsay, h->now.ms, h->now.s, from, datagram);
}

void nd_hub_datagram(struct nd_hub *h, struct nd_now now, const struct sockaddr_in *from,
		     void *datagram, size_t bytes)
{
	enum nd_message_error error = nd_datagram_check(datagram, bytes);
	const struct nd_wire_header *message = datagram;
	const char *why = NULL;
	struct nd_seat *seat = NULL;
	char text[96];

	h->now = now;
	if (error) {
		snprintf(text, sizeof text, "a datagram of %zu bytes: %s", bytes,
			 nd_message_error_text(error));
		refuse(h, from, text);
		return;
	}
	if (nd_datagram_type(message) == ND_LAST_WORDS) {
		last_words_take(h, from, datagram, bytes);
		return;
	}
	seat = nd_table_find(&h->table, message->session, from);
	if (!seat && nd_datagram_type(message) != ND_HELLO &&
	    nd_table_next(&h->table, message->session, NULL))
		why = "a session of another address";
	else
		why = nd_door_open(&h->door, seat ? &seat->pass : NULL, now.ms, datagram, bytes,
				   &message);
	if (why)
		refuse(h, from, why);
	else
		message_take(h, from, seat, message);
}

unsigned int nd_hub_welcome(struct nd_hub *h, struct nd_now now)
{
	return nd_door_welcome(&h->door, now.ms);
}

static void seat_expire(struct nd_hub *h, struct nd_seat *seat)
{
	struct nd_machine *m = seat->machine;
	uint64_t silent_ms = h->now.ms - m->heard_ms;

	if ((seat->class == ND_REMEMBERED && silent_ms >= OVER_MS) ||
	    (seat->class == ND_UNPROVEN && silent_ms >= UNPROVEN_MS)) {
		seat_leave(h, seat);
		return;
	}
	nd_machine_tick(m, &h->env, h->now.ms, h->now.s);
	seat_settle(h, seat);
}

/* Dumps whose threads may have news; now and then also without a word from them. */
static void finishing_check(struct nd_hub *h)
{
	struct nd_seat *next;
	uint64_t news;

	if (h->options.event_fd >= 0 && h->now.ms - h->finish_ms < IDLE_WAIT_MS &&
	    read(h->options.event_fd, &news, sizeof news) < 0)
		return;
	h->finish_ms = h->now.ms;
	for (struct nd_seat *seat = h->table.first[ND_FINISHING]; seat; seat = next) {
		next = seat->next;
		if (!nd_finish_tells(seat->machine->finish) &&
		    !nd_answer_get(seat->machine->answer))
			continue;
		nd_machine_tick(seat->machine, &h->env, h->now.ms, h->now.s);
		seat_settle(h, seat);
	}
}

uint64_t nd_hub_tick(struct nd_hub *h, struct nd_now now)
{
	uint64_t due, idle = now.ms + IDLE_WAIT_MS;
	struct nd_timer *timer;

	h->now = now;
	finishing_check(h);
	while ((timer = nd_timers_expired(&h->table.timers, now.ms)))
		seat_expire(h, nd_seat_of(timer));
	turns_call(h);
	due = nd_timers_due(&h->table.timers);
	return due < idle ? due : idle;
}

/* No DONE is sent, so another server may take the dumps over. */
void nd_hub_stop(struct nd_hub *h, struct nd_now now)
{
	h->env.send = NULL;
	for (unsigned int i = 0; i < h->table.seats; i++)
		if (h->table.seat[i].machine)
			nd_machine_stop(h->table.seat[i].machine, &h->env, now.s);
	nd_table_free(&h->table);
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
	if (!nd_table_init(&h->table, options->machines_max)) {
		free(h);
		return NULL;
	}
	h->options = *options;
	nd_door_init(&h->door, options->keys, options->random, options->send, options->context);
	h->env = (struct nd_env){
		.send = machine_send,
		.context = h,
		.top = options->top,
		.drivers = options->drivers,
		.event_fd = options->event_fd,
		.pace = &h->pace,
		.probes = &h->probes,
		.silence_ms = options->silence_ms,
		.map_ms = options->map_ms,
		.level = options->level,
		.keys = options->keys,
		.maps = &h->maps,
		.quota = &h->quota,
	};
	nd_quota_init(&h->quota, options->top, &options->quota);
	nd_hearsay_init(&h->hearsay, options->top, &h->quota);
	/* A quarter of the buffer stays free for what was not asked for. */
	nd_pace_init(&h->pace, options->pool_bytes / 4 * 3);
	nd_pace_init_fixed(&h->probes, PROBE_POOL);
	return h;
}
