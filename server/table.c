// SPDX-License-Identifier: GPL-2.0-or-later
/* table.c - the places for machines: by session, and by what they may be turned out for. */
#include "server/table.h"

#include <stdlib.h>

/* Sessions are random, but a stranger may choose them: chains are bounded by the seats. */
static struct nd_seat **bucket_of(const struct nd_table *t, uint64_t session)
{
	return &t->bucket[(session * 0x9e3779b97f4a7c15u >> 32) & (t->buckets - 1)];
}

static void list_add(struct nd_table *t, struct nd_seat *seat, enum nd_class class)
{
	seat->class = class;
	seat->next = NULL;
	seat->previous = t->last[class];
	if (seat->previous)
		seat->previous->next = seat;
	else
		t->first[class] = seat;
	t->last[class] = seat;
}

static void list_remove(struct nd_table *t, struct nd_seat *seat)
{
	if (seat->previous)
		seat->previous->next = seat->next;
	else
		t->first[seat->class] = seat->next;
	if (seat->next)
		seat->next->previous = seat->previous;
	else
		t->last[seat->class] = seat->previous;
}

bool nd_table_init(struct nd_table *t, unsigned int seats)
{
	*t = (struct nd_table){.seats = seats, .buckets = 1};
	while (t->buckets < 2 * seats)
		t->buckets *= 2;
	t->seat = calloc(seats, sizeof *t->seat);
	t->bucket = calloc(t->buckets, sizeof(struct nd_seat *));
	if (!t->seat || !t->bucket || !nd_timers_init(&t->timers, seats)) {
		nd_table_free(t);
		return false;
	}
	for (unsigned int i = 0; i < seats; i++)
		list_add(t, &t->seat[i], ND_FREE);
	return true;
}

void nd_table_free(struct nd_table *t)
{
	for (unsigned int i = 0; t->seat && i < t->seats; i++) {
		nd_machine_free(t->seat[i].machine);
		nd_pass_wipe(&t->seat[i].pass);
	}
	nd_timers_free(&t->timers);
	free(t->seat);
	free(t->bucket);
	*t = (struct nd_table){0};
}

struct nd_seat *nd_table_next(const struct nd_table *t, uint64_t session,
			      const struct nd_seat *seat)
{
	struct nd_seat *next = seat ? seat->chain : *bucket_of(t, session);

	while (next && next->session != session)
		next = next->chain;
	return next;
}

static bool address_is(const struct nd_machine *m, const struct sockaddr_in *address)
{
	return m->address.sin_addr.s_addr == address->sin_addr.s_addr &&
	       m->address.sin_port == address->sin_port;
}

struct nd_seat *nd_table_find(const struct nd_table *t, uint64_t session,
			      const struct sockaddr_in *address)
{
	struct nd_seat *seat = nd_table_next(t, session, NULL);

	while (seat && !address_is(seat->machine, address))
		seat = nd_table_next(t, session, seat);
	return seat;
}

struct nd_seat *nd_table_vacancy(const struct nd_table *t)
{
	if (t->first[ND_FREE])
		return t->first[ND_FREE];
	return t->first[ND_REMEMBERED] ? t->first[ND_REMEMBERED] : t->first[ND_UNPROVEN];
}

void nd_table_sit(struct nd_table *t, struct nd_seat *seat, struct nd_machine *m)
{
	struct nd_seat **bucket = bucket_of(t, m->session);

	/* Behind the others: strangers who choose its hash do not make a dump's look-ups longer. */
	while (*bucket)
		bucket = &(*bucket)->chain;
	seat->machine = m;
	seat->session = m->session;
	seat->chain = NULL;
	*bucket = seat;
	nd_table_move(t, seat, ND_UNPROVEN);
}

void nd_table_leave(struct nd_table *t, struct nd_seat *seat)
{
	struct nd_seat **link = bucket_of(t, seat->session);

	while (*link != seat)
		link = &(*link)->chain;
	*link = seat->chain;
	nd_timers_drop(&t->timers, &seat->timer);
	nd_machine_free(seat->machine);
	seat->machine = NULL;
	nd_pass_wipe(&seat->pass);
	nd_table_move(t, seat, ND_FREE);
}

void nd_table_move(struct nd_table *t, struct nd_seat *seat, enum nd_class class)
{
	if (seat->class == class)
		return;
	list_remove(t, seat);
	list_add(t, seat, class);
}

struct nd_seat *nd_seat_of(struct nd_timer *timer)
{
	return (struct nd_seat *)((char *)timer - offsetof(struct nd_seat, timer));
}
