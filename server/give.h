/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * give.h - the answer to a request for drivers, given in pieces to a machine that takes them.
 *
 * The request has come like memory; it is looked up (answer.h), and the first piece is sent,
 * again and again, until the machine says TAKE, which from then on says what is sent.  A TAKE
 * of none ends it.
 *
 * No sockets and no clock in here.
 */
#ifndef NETDUMP_SERVER_GIVE_H
#define NETDUMP_SERVER_GIVE_H

#include "server/machine.h"

/* Whether it is still to be looked up: the machine waits for us. */
bool nd_give_waits(const struct nd_machine *m);

/* The phase is ND_ANSWER: looks up, sends the first piece, or ends it where there is no answer. */
void nd_give_tick(struct nd_machine *m, const struct nd_env *env, uint64_t now_ms, double now_s);
/* When that has something to do; UINT64_MAX: never. */
uint64_t nd_give_due(const struct nd_machine *m);

/* The machine says HELLO in this phase, so it has heard nothing for long: the first piece again. */
void nd_give_again(struct nd_machine *m);

/* NULL, or why a TAKE is refused. */
const char *nd_give_take(struct nd_machine *m, const struct nd_env *env,
			 const struct nd_wire_take *take, uint64_t now_ms, double now_s);

#endif
