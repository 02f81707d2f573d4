/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * timers.h - what is due when: a heap, so that a thousand machines cost no more than those
 * that have something to do.
 *
 * A timer that is put off stays where it is: it comes up at its old time, and its owner
 * puts it back.  So an arriving datagram, which puts a timeout off, costs nothing here.
 * Pure: no clock.
 */
#ifndef NETDUMP_SERVER_TIMERS_H
#define NETDUMP_SERVER_TIMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nd_timer {
	uint64_t due_ms; /* not before; may be too early */
	size_t at;       /* in the heap, from 1; 0: not there */
};

struct nd_timers {
	struct nd_timer **heap; /* from 1 */
	size_t count, room;
};

/* For up to `room` timers.  False: no memory. */
bool nd_timers_init(struct nd_timers *t, size_t room);
void nd_timers_free(struct nd_timers *t);

/* Due at due_ms at the latest; never with UINT64_MAX, if it is not in there. */
void nd_timers_set(struct nd_timers *t, struct nd_timer *timer, uint64_t due_ms);
void nd_timers_drop(struct nd_timers *t, struct nd_timer *timer);

/* Takes one that is due off the heap; NULL: none. */
struct nd_timer *nd_timers_expired(struct nd_timers *t, uint64_t now_ms);

/* When the first is due; UINT64_MAX: none. */
uint64_t nd_timers_due(const struct nd_timers *t);

#endif
