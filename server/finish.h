/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * finish.h - everything slow about a dump, off the event loop.
 *
 * One thread a dump, so that one machine's disk never makes another wait.  While pages
 * come it reads the file back behind the receiver, computes its SHA-256, and compares each
 * chunk with the checksum of what arrived; it syncs and writes the maps that it is handed.
 * At the end it does every fsync and the rename.
 *
 * Without an eventfd (event_fd below 0) there is no thread: each call does its work before it
 * returns, and the same calls have the same effects in the same order.  The simulator runs it
 * so, and a dump for which no thread is to be had ends so.
 */
#ifndef NETDUMP_SERVER_FINISH_H
#define NETDUMP_SERVER_FINISH_H

#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "netdump/wire.h"
#include "server/map.h"
#include "server/store.h"
#include "server/sums.h"
#include "server/vmcore.h"

struct nd_finish;

/*
 * Starts over a dump whose layout is decided, if it ever will be.  All three are the
 * caller's and must outlive it; of `sums` the thread reads chunks that are stable.  info
 * is info.json while pages come, written before the first map; it is taken, whatever happens.
 * event_fd is counted up whenever nd_finish_poll() has news.  NULL: no memory, or no thread.
 */
struct nd_finish *nd_finish_start(const struct nd_store *store, const struct nd_vmcore *vmcore,
				  const struct nd_sums *sums, json_t *info, int event_fd);

/* Bytes of the file from its start that will not change any more, all of their pages there. */
void nd_finish_stable(struct nd_finish *f, uint64_t bytes);

/*
 * Writes a map, once what it claims is synced; takes it.  nd_finish_mapping(): the last one
 * is not written yet, and another would be dropped.  A map that cannot be written is logged,
 * and the old one stays.  *under_way counts it until then, and must outlive the thread.
 */
void nd_finish_map(struct nd_finish *f, struct nd_map *map, atomic_uint *under_way);
bool nd_finish_mapping(struct nd_finish *f);

/* How a dump ends. */
struct nd_ending {
	bool complete;
	json_t *info;         /* all but checksum and time of the end */
	struct nd_map *map;   /* written if the dump is not complete after all; NULL: none */
	double now_s, base_s; /* wall clock, and that at the crash */
};

/*
 * Nothing more will come.  Complete: read back the rest, sync, write info.json, rename; an
 * incomplete dump is not read back: its holes may be larger than any disk.  Takes info and map.
 */
void nd_finish_end(struct nd_finish *f, const struct nd_ending *ending);

enum nd_finish_news {
	ND_FINISH_NONE,
	ND_FINISH_CHUNK,  /* *chunk does not read back as it came: ask for it again.  A complete
			   * end that was asked for is off. */
	ND_FINISH_FAILED, /* the disk lost what it took, `why`: end it as incomplete */
	ND_FINISH_OVER,   /* ended, as asked; or not complete after all, `why` */
};
/* Whether that has anything to tell: for the many dumps that have not. */
bool nd_finish_tells(const struct nd_finish *f);
enum nd_finish_news nd_finish_poll(struct nd_finish *f, uint64_t *chunk,
				   char why[ND_DONE_TEXT_BYTES]);

/* After ND_FINISH_OVER: info.json says how it ended.  If not, nd_finish_free() tries once more. */
bool nd_finish_said(const struct nd_finish *f);

/* The server ends: no more reading back; what is not final yet stays incomplete. */
void nd_finish_stop(struct nd_finish *f);

/* Waits for the thread (ends it early if nd_finish_end() was not called) and frees. */
void nd_finish_free(struct nd_finish *f);

#endif
