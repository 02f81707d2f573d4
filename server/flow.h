/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * flow.h - the READs of one machine: when they are sent, given up, and asked for again.
 *
 * A machine answers its READs in order, so what was lost shows by what comes behind it:
 *
 *   a READ, or some DATA      a later READ's DATA arrive first, or the READ's own end does
 *   the last DATA or READ     nothing arrives: after `late` (rtt.h) their budget goes back to
 *                             the pool, which lets one more READ out, whose DATA then
 *                             overtake; if nothing more is to be asked, after `timeout` all
 *                             is asked for again
 *   everything, for longer    one READ per timeout, which doubles up to two seconds; a HELLO
 *                             from the machine ends that at once
 *
 * No sockets and no clock in here.
 */
#ifndef NETDUMP_SERVER_FLOW_H
#define NETDUMP_SERVER_FLOW_H

#include "server/machine.h"

/* Sends as many READs as the machine's share, its queue and the pool allow. */
void nd_flow_fill(struct nd_machine *m, const struct nd_env *env, uint64_t now_ms);

/* A READ of nothing: the server is there, and has no question now. */
void nd_flow_keepalive(struct nd_machine *m, const struct nd_env *env, uint64_t now_ms);
/* The same if the machine waits for us, and is about to ask whether we are still there. */
void nd_flow_soothe(struct nd_machine *m, const struct nd_env *env, uint64_t now_ms);

/* A checked DATA came, before its records are credited. */
enum nd_reads_seen nd_flow_saw(struct nd_machine *m, const struct nd_env *env,
			       const struct nd_wire_data *data, uint64_t now_ms);

/* The machine has answered: it takes part in the common pool from now on. */
void nd_flow_prove(struct nd_machine *m, const struct nd_env *env);

/* Closes READs from which nothing more will come. */
void nd_flow_reap(struct nd_machine *m, const struct nd_env *env, uint64_t now_ms);
/* Closes all: nothing of what is missing will come any more. */
void nd_flow_close_all(struct nd_machine *m, const struct nd_env *env, uint64_t now_ms);

/* Time went by.  Whether there may be something to ask now. */
bool nd_flow_tick(struct nd_machine *m, const struct nd_env *env, uint64_t now_ms);
/* When nd_flow_tick() has something to do; UINT64_MAX: never. */
uint64_t nd_flow_due(const struct nd_machine *m);

/* Asked often enough, unasked: from now on only a HELLO brings it another READ. */
bool nd_flow_probed(const struct nd_machine *m);

/* Whether a machine that says HELLO while READs are open will not answer them any more. */
bool nd_flow_lost(const struct nd_machine *m, const struct nd_wire_hello *hello, uint64_t now_ms);

#endif
