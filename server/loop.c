// SPDX-License-Identifier: GPL-2.0-or-later
/* loop.c - the event loop: socket, clock, signals; all else is the hub's. */
#include "server/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "server/log.h"

#define BATCHES     8  /* in a row, so that timers and signals get their turn */
#define TICK_MAX_MS 50 /* timers wait no longer for a socket that is never empty */

struct loop {
	struct nd_link *link;
	struct nd_hub *hub;
	struct nd_now now;
	int epoll, signals, events;
	uint64_t ticked_ms, due_ms; /* the hub's timers: when looked at, and when to */
	bool stop;
};

static void clock_read(struct nd_now *now)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	now->ms = (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
	clock_gettime(CLOCK_REALTIME, &t);
	now->s = (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void link_send(void *context, const struct sockaddr_in *to, const void *datagram,
		      size_t bytes)
{
	nd_link_send(context, to, datagram, bytes);
}

static void datagram_take(void *context, const struct sockaddr_in *from, void *datagram,
			  size_t bytes)
{
	struct loop *l = context;

	nd_hub_datagram(l->hub, l->now, from, datagram, bytes);
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

/*
 * Takes what has arrived.  Each batch has the time at which it was fetched, so that when the
 * socket is found empty nothing that came before l->now is unread: a timer that is due
 * then is not due because this process had no CPU.
 */
static bool socket_drain(struct loop *l)
{
	for (int i = 0; i < BATCHES; i++) {
		clock_read(&l->now);
		if (!nd_link_receive(l->link, datagram_take, l))
			return true;
	}
	return false;
}

/* Milliseconds until the hub's timers, for epoll. */
static int wait_ms(const struct loop *l)
{
	struct nd_now now;

	clock_read(&now);
	return l->due_ms > now.ms ? (int)(l->due_ms - now.ms) : 0;
}

static void loop_turn(struct loop *l)
{
	struct epoll_event events[4];
	uint64_t ignored;
	int count = epoll_wait(l->epoll, events, 4, wait_ms(l));

	for (int i = 0; i < count; i++) {
		if (events[i].data.fd == l->signals)
			l->stop = true;
		else if (events[i].data.fd == l->events &&
			 read(l->events, &ignored, sizeof ignored) < 0)
			continue; /* looked at by the hub's tick in any case */
	}
	if (socket_drain(l) || l->now.ms - l->ticked_ms >= TICK_MAX_MS) {
		l->ticked_ms = l->now.ms;
		l->due_ms = nd_hub_tick(l->hub, l->now);
	}
}

int nd_loop_run(struct nd_link *link, const struct nd_loop_options *options)
{
	struct loop l = {
		.link = link,
		.epoll = epoll_create1(EPOLL_CLOEXEC),
		.signals = signals_open(),
		.events = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
	};
	int error = 0;

	if (l.epoll < 0 || l.signals < 0 || l.events < 0 || watch(l.epoll, l.signals) ||
	    watch(l.epoll, link->fd) || watch(l.epoll, l.events))
		return errno;
	l.hub = nd_hub_new(&(struct nd_hub_options){
		.top = options->top,
		.machines_max = options->machines_max,
		.silence_ms = options->silence_ms,
		.map_ms = options->map_ms,
		.quota = options->quota,
		.pool_bytes = link->pool_bytes,
		.event_fd = l.events,
		.send = link_send,
		.context = link,
	});
	if (!l.hub)
		error = ENOMEM;
	while (!error && !l.stop)
		loop_turn(&l);
	if (l.hub) {
		nd_log("stopped; %llu datagrams were refused",
		       (unsigned long long)nd_hub_refused(l.hub));
		clock_read(&l.now);
		nd_hub_stop(l.hub, l.now);
	}
	close(l.events);
	close(l.signals);
	close(l.epoll);
	return error;
}
