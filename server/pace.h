/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pace.h - one budget of bytes in flight, shared by all machines.
 *
 * A READ takes its budget from the pool when it is sent.  It comes back as DATA arrive, when
 * the READ is closed, and when the machine is so late that the bytes can hardly be on their
 * way any more.  Each machine may have an even share in flight; where shares are smaller
 * than a READ, machines wait in a queue and are called in turn, one READ each.  So however
 * many machines crash at once, no more arrives at our port than the pool holds.
 *
 * The pool's size follows the network, round by round; a round is as many datagrams as the
 * pool holds, so there is no clock in it:
 *   - more was lost than chance takes: it shrinks to what got through, and a bit more.  Chance
 *     is what is still lost right after shrinking; above LOST_MAX (pace.c) nothing is chance.
 *     A datagram that chance takes costs one more datagram, and no speed.
 *   - most round trips were slow: it shrinks by an eighth, but not below one machine's window
 *   - else, if it was used and somebody could have used more: it grows, the faster the longer
 *     all is well.
 * What was asked for before the pool last shrank says nothing about its present size.
 *
 * Pure: no I/O, no clock, no allocation.
 */
#ifndef NETDUMP_SERVER_PACE_H
#define NETDUMP_SERVER_PACE_H

#include <stdbool.h>
#include <stdint.h>

#define ND_PACE_FLOOR_BYTES  65536u  /* keeps one machine moving */
#define ND_PACE_WINDOW_BYTES 262144u /* the most that one machine may have in flight */
#define ND_PACE_ROUND_MIN    256u    /* datagrams, below which a share of losses says little */
#define ND_PACE_STEEP        16u     /* good rounds after which the pool grows by half */

/* One machine's place in the pool; all zero before nd_pace_join(). */
struct nd_turn {
	void *owner; /* the caller's */
	struct nd_turn *next, *previous;
	bool waiting, sharing;
	uint32_t out_bytes; /* in flight */
};

struct nd_pace {
	uint32_t size_bytes, ceiling_bytes, out_bytes;
	unsigned int sharing;               /* turns among which the pool is divided */
	struct nd_turn *first, *last;       /* that wait */
	struct nd_turn *called;             /* who may ask although others wait */
	bool fixed;                         /* the size does not change */
	uint32_t era;                       /* how often it shrank */
	unsigned int good;                  /* rounds since */
	unsigned int settling;              /* rounds until losses are judged again */
	uint32_t chance;                    /* thousandths that are lost by chance */
	uint32_t sent, lost, samples, slow; /* of this round */
	uint32_t peak_bytes;                /* the most that was in flight */
	bool wanting;                       /* somebody could have used more */
};

/* The pool starts with one machine's window, or less if the ceiling is below. */
void nd_pace_init(struct nd_pace *p, uint32_t ceiling_bytes);
/* A pool that does not follow anything. */
void nd_pace_init_fixed(struct nd_pace *p, uint32_t size_bytes);

/* Takes part in the sharing, or not any more: then nothing is in flight, and it waits no more. */
void nd_pace_join(struct nd_pace *p, struct nd_turn *turn);
void nd_pace_leave(struct nd_pace *p, struct nd_turn *turn);

/* What one machine that has something to ask may have in flight. */
uint32_t nd_pace_share(struct nd_pace *p);

/* Whether it may send one READ now; else it waits until nd_pace_next() names it. */
bool nd_pace_may(struct nd_pace *p, struct nd_turn *turn);
/* Who is to be asked next; NULL: nobody waits, or the pool is empty. */
struct nd_turn *nd_pace_next(struct nd_pace *p);

void nd_pace_take(struct nd_pace *p, struct nd_turn *turn, uint32_t bytes);
void nd_pace_give(struct nd_pace *p, struct nd_turn *turn, uint32_t bytes);

/* A READ that was sent in `era` is over: datagrams of its answer, and those that were lost. */
void nd_pace_tally(struct nd_pace *p, uint32_t era, uint32_t sent, uint32_t lost);
/* A round trip, slow or not. */
void nd_pace_sample(struct nd_pace *p, bool slow);

#endif
