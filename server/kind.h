/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kind.h - what a HELLO is about: the memory of a machine that crashed, or what a living system
 * sends, which is read in the same way, but is a file as it is and no ELF core.
 */
#ifndef NETDUMP_SERVER_KIND_H
#define NETDUMP_SERVER_KIND_H

#include <stdbool.h>

#include "netdump/wire.h"

struct nd_kind {
	const char *name;   /* in info.json */
	const char *noun;   /* in sentences */
	const char *file;   /* that what comes lies in */
	uint64_t bytes_max; /* 0: not limited here */
	bool passing;       /* the file goes when it is complete */
};

extern const struct nd_kind nd_kinds[ND_HELLO_KINDS];

/* As info.json calls it; NULL and what is unknown: a dump, as all were once. */
const struct nd_kind *nd_kind_named(const char *name);

/* Whether a checked HELLO has what its kind must have.  False: `why`. */
bool nd_kind_fits(const struct nd_wire_hello *hello, char why[ND_DONE_TEXT_BYTES]);

#define ND_KIND_TITLE_BYTES 64
/* What a log is called: its name without folders, and without characters that could do harm. */
void nd_kind_title(char to[ND_KIND_TITLE_BYTES], const char *said);

#endif
