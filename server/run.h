/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * run.h - memory that has come in a row, to be written to the file in one piece.
 *
 * A datagram brings less than 1.5 KiB and a record often less than a page, but what a write
 * costs is mostly the call, and what the kernel does for a page it does for several at once.
 * What waits here is not in the file yet: it is written before anyone is told that it is there.
 */
#ifndef NETDUMP_SERVER_RUN_H
#define NETDUMP_SERVER_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ND_RUN_BYTES 32768u

struct nd_run {
	uint64_t phys; /* of its first byte */
	size_t bytes;
	uint8_t *data; /* NULL: nothing waits */
};

/* Whether these bytes follow on the run, and there is room for them.  An empty one takes any that
 * fit. */
bool nd_run_fits(const struct nd_run *run, uint64_t phys, size_t bytes);

/* Adds bytes that fit.  False: no memory. */
bool nd_run_add(struct nd_run *run, uint64_t phys, const uint8_t *data, size_t bytes);

/* Forgets them. */
void nd_run_clear(struct nd_run *run);

#endif
