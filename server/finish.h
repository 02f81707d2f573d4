/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * finish.h - the slow end of a dump, off the event loop.
 *
 * One thread a dump: it computes the file's SHA-256 behind the receiver while pages still
 * come, and at the end does every fsync and the rename, so that one machine's disk
 * never makes another wait.
 */
#ifndef NETDUMP_SERVER_FINISH_H
#define NETDUMP_SERVER_FINISH_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "server/store.h"

struct nd_finish;

/*
 * Starts the thread over store->vmcore; the store stays the caller's and must outlive it.
 * event_fd (an eventfd) is counted up once when all is over.  NULL: no thread to be had.
 */
struct nd_finish *nd_finish_start(struct nd_store *store, int event_fd);

/* Bytes of the file from its start that will not change any more. */
void nd_finish_stable(struct nd_finish *f, uint64_t bytes);

/*
 * Everything of `bytes` bytes is written: hash the rest, fsync, write info.json (with
 * "sha256" and the time of the end added), rename if complete.  An incomplete dump is not
 * hashed: its holes may be larger than any disk.  Takes the reference to info.  base_s is
 * the wall clock at the crash.
 */
void nd_finish_end(struct nd_finish *f, uint64_t bytes, json_t *info, bool complete, double base_s);

/* Whether the thread is through; error is 0 or the errno of what failed. */
bool nd_finish_over(struct nd_finish *f, int *error);

/* The server ends: no more hashing; what is not final yet stays incomplete. */
void nd_finish_stop(struct nd_finish *f);

/* Waits for the thread (ends it early if nd_finish_end() was not called) and frees. */
void nd_finish_free(struct nd_finish *f);

#endif
