/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * table.h - the places for machines: by session and address, and by what they may be turned out
 * for.
 *
 * A session's number is no secret, and its HELLO can be repeated from anywhere.  So each address
 * that says a HELLO has a place of its own, until one has shown that it can read the answer.
 *
 * All look-ups take the same time however many machines there are.
 */
#ifndef NETDUMP_SERVER_TABLE_H
#define NETDUMP_SERVER_TABLE_H

#include "server/door.h"
#include "server/machine.h"
#include "server/timers.h"

enum nd_class {
	ND_FREE,
	ND_UNPROVEN,   /* has not answered a READ */
	ND_LIVE,       /* a dump under way */
	ND_FINISHING,  /* its thread is at work, or it is given what it asked for */
	ND_REMEMBERED, /* over, and the memory of finished sessions has it */
	ND_CLASSES,
};

struct nd_seat {
	struct nd_machine *machine; /* NULL: free */
	uint64_t session;
	enum nd_class class;
	struct nd_seat *next, *previous; /* of its class, longest there first */
	struct nd_seat *chain;           /* with the same hash */
	struct nd_timer timer;
	struct nd_pass pass;
};

struct nd_table {
	struct nd_seat *seat; /* `seats` of them */
	struct nd_seat **bucket;
	unsigned int seats, buckets;
	struct nd_seat *first[ND_CLASSES], *last[ND_CLASSES];
	struct nd_timers timers;
};

/* False: no memory. */
bool nd_table_init(struct nd_table *t, unsigned int seats);
/* Frees the table, and every machine in it. */
void nd_table_free(struct nd_table *t);

struct nd_seat *nd_table_find(const struct nd_table *t, uint64_t session,
			      const struct sockaddr_in *address);
/* All seats of a session, whatever their addresses: the next after `seat`, NULL: the first. */
struct nd_seat *nd_table_next(const struct nd_table *t, uint64_t session,
			      const struct nd_seat *seat);

/*
 * A free seat; if need be that of a machine that is over and remembered, or of the one that
 * has been unproven longest, which is in it still.  NULL: all seats have live machines.
 */
struct nd_seat *nd_table_vacancy(const struct nd_table *t);

/* The machine takes the free seat.  No other has its session and address. */
void nd_table_sit(struct nd_table *t, struct nd_seat *seat, struct nd_machine *m);
void nd_table_leave(struct nd_table *t, struct nd_seat *seat);

/* Another class: it becomes the youngest of that. */
void nd_table_move(struct nd_table *t, struct nd_seat *seat, enum nd_class class);

/* The seat that an expired timer is of. */
struct nd_seat *nd_seat_of(struct nd_timer *timer);

#endif
