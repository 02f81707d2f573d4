/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * keep.h - what a machine's dump needs so that nothing of it is lost: its file taken up again
 * after a restart, maps of it while it arrives, chunks that the disk spoilt asked for
 * again, and an end where the disk is full.
 */
#ifndef NETDUMP_SERVER_KEEP_H
#define NETDUMP_SERVER_KEEP_H

#include "server/machine.h"

/*
 * The machine's folder, made (or taken over) when the first valid DATA is here.  False:
 * `why`; there is no folder, or it is as it was.
 */
bool nd_keep_open(struct nd_machine *m, const struct nd_env *env, uint64_t now_ms, double now_s,
		  char why[ND_WHY_BYTES]);

/*
 * The file gets its layout and its head, and its thread; m->pending is what is missing of it,
 * which is all, or what the map of an earlier life of the server says.  False: `why`.
 */
bool nd_keep_begin(struct nd_machine *m, const struct nd_env *env, char why[ND_WHY_BYTES]);

/* A page's grains have all come, and count `sum`: it belongs to its chunk now. */
void nd_keep_page(struct nd_machine *m, uint64_t page, uint64_t sum);

/*
 * Memory for the file, which gets it when there is enough to be worth a write, or at
 * nd_keep_flush().  False: `why`; nothing of the chunks of what waited counts as there, and these
 * bytes are the caller's to nd_keep_unsure().
 */
bool nd_keep_write(struct nd_machine *m, uint64_t phys, const uint8_t *data, size_t bytes,
		   char why[ND_WHY_BYTES]);
bool nd_keep_flush(struct nd_machine *m, char why[ND_WHY_BYTES]);

/* These bytes of memory came, but will not be written: nothing of their chunks counts as there. */
void nd_keep_unsure(struct nd_machine *m, uint64_t phys, size_t bytes);

/* All reads are closed and the dump ends: m->pending is all that is missing. */
void nd_keep_settle(struct nd_machine *m);

/* A snapshot of what is there, flushed.  NULL: no layout yet, or no memory. */
struct nd_map *nd_keep_map(const struct nd_machine *m);

/*
 * What the thread has to say, a map once in a while, a look at the disk's room: after every
 * DATA, when the eventfd counted up, and when nd_keep_due() says.
 */
void nd_keep_tick(struct nd_machine *m, const struct nd_env *env, uint64_t now_ms, double now_s);
uint64_t nd_keep_due(const struct nd_machine *m);

#endif
