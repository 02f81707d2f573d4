// SPDX-License-Identifier: GPL-2.0-or-later
/* loop.c - the event loop: socket, clock, signals; all else is the hub's. */
#include "server/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
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
	bool strangers; /* there may be more of them, but not before a millisecond is over */
	uint64_t strangers_ms;
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

/* Handshakes need it, and the kernel has had the time to gather some by now. */
static void random_draw(void *context, void *to, size_t bytes)
{
	(void)context;
	if (getrandom(to, bytes, 0) != (ssize_t)bytes)
		abort();
}

static void datagram_take(void *context, const struct sockaddr_in *from, void *datagram,
			  size_t bytes)
{
	struct loop *l = context;

	nd_hub_datagram(l->hub, l->now, from, datagram, bytes);
}

static int watch(int epoll, int how, int fd, uint32_t what)
{
	struct epoll_event event = {.events = what, .data = {.fd = fd}};

	return epoll_ctl(epoll, how, fd, &event);
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
static bool dumps_take(struct loop *l)
{
	for (int i = 0; i < BATCHES; i++) {
		clock_read(&l->now);
		if (!nd_link_receive(l->link->dumps, ND_LINK_BATCH, datagram_take, l))
			return true;
	}
	return false;
}

/*
 * A few of them, and no more HELLOs than the hub has time for: the others wait, or the kernel
 * drops them, which is cheapest.  epoll is told again that we listen when all are taken.
 */
static void strangers_take(struct loop *l)
{
	unsigned int most;

	if (!l->strangers || l->now.ms == l->strangers_ms)
		return;
	l->strangers_ms = l->now.ms;
	most = nd_hub_welcome(l->hub, l->now);
	if (!most)
		return;
	l->strangers = nd_link_receive(l->link->strangers, most, datagram_take, l);
	if (!l->strangers)
		watch(l->epoll, EPOLL_CTL_MOD, l->link->strangers, EPOLLIN | EPOLLONESHOT);
}

/* Milliseconds until there is something to do, for epoll. */
static int wait_ms(const struct loop *l)
{
	uint64_t due_ms = l->due_ms;
	struct nd_now now;

	clock_read(&now);
	if (l->strangers && l->strangers_ms + 1 < due_ms)
		due_ms = l->strangers_ms + 1;
	return due_ms > now.ms ? (int)(due_ms - now.ms) : 0;
}

static void loop_turn(struct loop *l)
{
	struct epoll_event events[4];
	int count = epoll_wait(l->epoll, events, 4, wait_ms(l));

	for (int i = 0; i < count; i++) {
		if (events[i].data.fd == l->signals)
			l->stop = true;
		else if (events[i].data.fd == l->link->strangers)
			l->strangers = true;
	}
	if (dumps_take(l) || l->now.ms - l->ticked_ms >= TICK_MAX_MS) {
		l->ticked_ms = l->now.ms;
		l->due_ms = nd_hub_tick(l->hub, l->now);
	}
	strangers_take(l);
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

	if (l.epoll < 0 || l.signals < 0 || l.events < 0 ||
	    watch(l.epoll, EPOLL_CTL_ADD, l.signals, EPOLLIN) ||
	    watch(l.epoll, EPOLL_CTL_ADD, l.events, EPOLLIN) ||
	    watch(l.epoll, EPOLL_CTL_ADD, link->dumps, EPOLLIN) ||
	    watch(l.epoll, EPOLL_CTL_ADD, link->strangers, EPOLLIN | EPOLLONESHOT))
		return errno;
	l.hub = nd_hub_new(&(struct nd_hub_options){
		.top = options->top,
		.drivers = options->drivers,
		.machines_max = options->machines_max,
		.silence_ms = options->silence_ms,
		.map_ms = options->map_ms,
		.level = options->level,
		.quota = options->quota,
		.pool_bytes = link->pool_bytes,
		.event_fd = l.events,
		.keys = options->keys,
		.random = random_draw,
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
