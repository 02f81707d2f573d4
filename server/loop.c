// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * loop.c - the server: its machines, its memory of finished sessions, its event loop.
 *
 * Everything is bounded: machines by an option, finished sessions by a ring.  When the
 * table is full a machine that has never answered makes room; one that has, never.
 */
#include "server/loop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

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

struct loop {
	struct nd_link *link;
	const struct nd_loop_options *options;
	struct nd_env env;
	struct nd_machine **machine;            /* options->machines_max of them, NULL: free */
	struct finished finished[FINISHED_MAX]; /* a ring */
	unsigned int finished_next;
	uint64_t refused;
	uint64_t now_ms;
	double now_s;
};

static void clock_read(struct loop *l)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	l->now_ms = (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
	clock_gettime(CLOCK_REALTIME, &t);
	l->now_s = (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void refuse(struct loop *l, const struct sockaddr_in *from, const char *why)
{
	char ip[INET_ADDRSTRLEN] = "?";

	l->refused++;
	inet_ntop(AF_INET, &from->sin_addr, ip, sizeof ip);
	nd_log_refusal(l->now_ms, "%s:%u: %s (%llu so far)", ip, ntohs(from->sin_port), why,
		       (unsigned long long)l->refused);
}

static void env_send(void *context, const struct sockaddr_in *to, const void *message, size_t bytes)
{
	struct loop *l = context;

	nd_link_send(l->link, to, message, bytes);
}

/* What may be in flight is shared out evenly: no incast when a whole rack dies at once. */
static void window_share(struct loop *l)
{
	uint32_t sending = 0, share;

	for (unsigned int i = 0; i < l->options->machines_max; i++)
		sending += l->machine[i] && l->machine[i]->phase < ND_FINISH;
	share = l->link->pool_bytes / 4 * 3 / (sending ? sending : 1);

	if (share > ND_PLAN_WINDOW_BYTES)
		share = ND_PLAN_WINDOW_BYTES;
	l->env.window_bytes = share < WINDOW_MIN_BYTES ? WINDOW_MIN_BYTES : share;
}

static struct nd_machine *machine_find(struct loop *l, uint64_t session)
{
	for (unsigned int i = 0; i < l->options->machines_max; i++)
		if (l->machine[i] && l->machine[i]->session == session)
			return l->machine[i];
	return NULL;
}

static bool machine_unproven(const struct nd_machine *m)
{
	return m->phase == ND_PROBE && m->store.dir < 0;
}

static void machine_remove(struct loop *l, unsigned int at)
{
	nd_machine_free(l->machine[at]);
	l->machine[at] = NULL;
	window_share(l);
}

/*
 * A free place in the table; if need be that of one that is finished and remembered, or of
 * the oldest machine that never answered.
 */
static int place_find(struct loop *l)
{
	int finished = -1, oldest = -1, at;

	for (unsigned int i = 0; i < l->options->machines_max; i++) {
		struct nd_machine *m = l->machine[i];

		if (!m)
			return (int)i;
		if (m->remembered)
			finished = (int)i;
		else if (machine_unproven(m) &&
			 (oldest < 0 || m->started_ms < l->machine[oldest]->started_ms))
			oldest = (int)i;
	}
	at = finished >= 0 ? finished : oldest;
	if (at >= 0)
		machine_remove(l, (unsigned int)at);
	return at;
}

static void finished_remember(struct loop *l, const struct nd_machine *m)
{
	struct finished *f = &l->finished[l->finished_next++ % FINISHED_MAX];

	f->session = m->session;
	f->ip = m->address.sin_addr.s_addr;
	f->status = m->status;
	if (m->status == ND_DONE_COMPLETE)
		snprintf(f->text, sizeof f->text, "%.63s/%.63s", m->host, m->store.name);
	else
		snprintf(f->text, sizeof f->text, "%s", m->why);
}

static void done_send(struct loop *l, const struct sockaddr_in *to, uint64_t session,
		      enum nd_done_status status, const char *text)
{
	struct nd_wire_done done;

	nd_done_init(&done, session, 1, status, text);
	nd_link_send(l->link, to, &done, sizeof done);
}

/* Whether the session is over already, by our memory or by what lies on the disk. */
static bool finished_answer(struct loop *l, const struct sockaddr_in *from,
			    const struct nd_wire_hello *hello)
{
	char host[ND_STORE_NAME_BYTES], path[2 * ND_STORE_NAME_BYTES];

	for (unsigned int i = 0; i < FINISHED_MAX; i++) {
		const struct finished *f = &l->finished[i];

		if (f->session == hello->header.session && f->ip == from->sin_addr.s_addr) {
			done_send(l, from, f->session, f->status, f->text);
			return true;
		}
	}
	nd_store_host_name(host, hello->host, hello->mac);
	if (!nd_store_finished(l->options->top, host, hello->header.session, path, sizeof path))
		return false;
	done_send(l, from, hello->header.session, ND_DONE_COMPLETE, path);
	return true;
}

static void hello_take(struct loop *l, const struct sockaddr_in *from,
		       const struct nd_wire_hello *hello)
{
	struct nd_machine *m;
	char ip[INET_ADDRSTRLEN] = "?";
	int at;

	if (finished_answer(l, from, hello))
		return;
	at = place_find(l);
	if (at < 0) {
		refuse(l, from, "a HELLO, but the table of machines is full");
		return;
	}
	m = nd_machine_new(hello, from, l->now_ms, l->now_s);
	if (!m) {
		refuse(l, from, "a HELLO, but memory is out");
		return;
	}
	l->machine[at] = m;
	window_share(l);
	inet_ntop(AF_INET, &from->sin_addr, ip, sizeof ip);
	nd_log_event(l->now_ms, "%s: HELLO from %s, session %016llx: %s", m->host, ip,
		     (unsigned long long)m->session,
		     hello->reason[0] ? hello->reason : "no reason");
	nd_machine_hello(m, &l->env, hello, l->now_ms, l->now_s);
}

static void message_take(void *context, const struct sockaddr_in *from,
			 const struct nd_wire_header *header)
{
	struct loop *l = context;
	struct nd_machine *m = machine_find(l, header->session);

	if (header->type != ND_HELLO && header->type != ND_DATA) {
		refuse(l, from, "a message that only a server sends");
	} else if (m && (m->address.sin_addr.s_addr != from->sin_addr.s_addr ||
			 m->address.sin_port != from->sin_port)) {
		refuse(l, from, "a session of another address");
	} else if (header->type == ND_HELLO) {
		if (m)
			nd_machine_hello(m, &l->env, (const struct nd_wire_hello *)header,
					 l->now_ms, l->now_s);
		else
			hello_take(l, from, (const struct nd_wire_hello *)header);
	} else if (m) {
		uint64_t before = m->counts.refused;

		nd_machine_data(m, &l->env, (const struct nd_wire_data *)header, l->now_ms,
				l->now_s);
		if (m->counts.refused != before)
			refuse(l, from, "DATA that does not unpack, or with an absurd index");
	} else {
		refuse(l, from, "DATA of an unknown session");
	}
}

static void datagram_refuse(void *context, const struct sockaddr_in *from, size_t bytes,
			    enum nd_message_error why)
{
	char text[96];

	snprintf(text, sizeof text, "a datagram of %zu bytes: %s", bytes,
		 nd_message_error_text(why));
	refuse(context, from, text);
}

/* Timers of all machines; returns how long nothing will be due. */
static int machines_tick(struct loop *l)
{
	uint64_t due = l->now_ms + IDLE_WAIT_MS;

	for (unsigned int i = 0; i < l->options->machines_max; i++) {
		struct nd_machine *m = l->machine[i];
		uint64_t next;

		if (!m)
			continue;
		nd_machine_tick(m, &l->env, l->now_ms, l->now_s);
		if (m->phase == ND_OVER && !m->remembered) {
			finished_remember(l, m);
			m->remembered = true;
			window_share(l);
		}
		if ((m->phase == ND_OVER && l->now_ms - m->heard_ms > OVER_MS) ||
		    (machine_unproven(m) && l->now_ms - m->heard_ms > UNPROVEN_MS)) {
			machine_remove(l, i);
			continue;
		}
		next = nd_machine_due(m, &l->env);
		if (m->phase < ND_OVER && next < due)
			due = next;
	}
	return due > l->now_ms ? (int)(due - l->now_ms) : 0;
}

/* Dumps under way are kept as incomplete; no DONE, so another server may take them over. */
static void machines_stop(struct loop *l)
{
	l->env.send = NULL;
	for (unsigned int i = 0; i < l->options->machines_max; i++)
		if (l->machine[i])
			nd_machine_stop(l->machine[i], &l->env, l->now_s);
	for (unsigned int i = 0; i < l->options->machines_max; i++)
		nd_machine_free(l->machine[i]);
	free(l->machine);
}

static int watch(int epoll, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data = {.fd = fd}};

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

static int signals_open(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void loop_turn(struct loop *l, int epoll, int signals, bool *stop)
{
	struct nd_link_handler handler = {message_take, datagram_refuse, l};
	struct epoll_event events[4];
	uint64_t ignored;
	int count;

	clock_read(l);
	count = epoll_wait(epoll, events, 4, machines_tick(l));
	clock_read(l);
	for (int i = 0; i < count; i++) {
		if (events[i].data.fd == signals)
			*stop = true;
		else if (events[i].data.fd == l->link->fd)
			nd_link_receive(l->link, &handler);
		else if (read(l->env.event_fd, &ignored, sizeof ignored) < 0)
			continue; /* looked at by machines_tick() in any case */
	}
}

int nd_loop_run(struct nd_link *link, const struct nd_loop_options *options)
{
	struct loop *l = calloc(1, sizeof *l);
	int epoll = epoll_create1(EPOLL_CLOEXEC), signals = signals_open(), error = 0;
	bool stop = false;

	if (!l)
		return ENOMEM;
	l->link = link;
	l->options = options;
	l->machine = calloc(options->machines_max, sizeof(struct nd_machine *));
	l->env = (struct nd_env){
		.send = env_send,
		.context = l,
		.top = options->top,
		.event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.silence_ms = options->silence_ms,
	};
	window_share(l);
	if (!l->machine || epoll < 0 || signals < 0 || l->env.event_fd < 0 ||
	    watch(epoll, signals) || watch(epoll, link->fd) || watch(epoll, l->env.event_fd))
		error = errno;
	while (!error && !stop)
		loop_turn(l, epoll, signals, &stop);
	if (l->machine)
		machines_stop(l);
	nd_log("stopped; %llu datagrams were refused", (unsigned long long)l->refused);
	close(l->env.event_fd);
	close(signals);
	close(epoll);
	free(l);
	return error;
}
