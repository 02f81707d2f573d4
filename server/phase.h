/* SPDX-License-Identifier: GPL-2.0-or-later */
/* phase.h - the order in which a machine's memory is understood: header, notes, log, page
 * structures. */
#ifndef NETDUMP_SERVER_PHASE_H
#define NETDUMP_SERVER_PHASE_H

#include "server/machine.h"

/*
 * Goes as far as what has come allows; afterwards pages are pending, or READs are open, or
 * the phase is ND_ANSWER or later.
 */
void nd_phase_advance(struct nd_machine *m, const struct nd_env *env, double now_s);

/* Hands the dump to its thread, complete or not by m->status. */
void nd_phase_finish(struct nd_machine *m, const struct nd_env *env, double now_s);

/* What was to be asked for later is pending now. */
void nd_phase_later(struct nd_machine *m);

/* Adds a remark for info.json. */
void nd_phase_note(struct nd_machine *m, const char *text);

#endif
