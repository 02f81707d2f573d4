/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dumps.h - the dumps that lie below a folder, and what else machines sent, for netdumpctl. */
#ifndef NETDUMP_SERVER_DUMPS_H
#define NETDUMP_SERVER_DUMPS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "server/kind.h"
#include "server/partial.h"

#define ND_DUMP_PATH_BYTES 600

struct nd_dump {
	char path[ND_DUMP_PATH_BYTES]; /* HOST/FOLDER */
	const char *folder;            /* within path */
	json_t *info;                  /* NULL: not there or unreadable */
	const struct nd_kind *kind;
	bool is_partial;
	struct nd_partial partial; /* if it is */
};

struct nd_dumps {
	struct nd_dump **dump;
	size_t count, room;
	bool unread; /* a folder could not be opened: a message said so */
};

/* All dumps below DIR, oldest first.  False: errno; what could be read is there nevertheless. */
bool nd_dumps_read(struct nd_dumps *all, int top);
void nd_dumps_free(struct nd_dumps *all);

/* The one dump that ID names; NULL and a message: none, or several. */
struct nd_dump *nd_dumps_find(const struct nd_dumps *all, const char *id);

/* A string of info.json, "" if it has none. */
const char *nd_dump_text(const struct nd_dump *d, const char *key);
/* How much of its memory is there. */
unsigned int nd_dump_percent(const struct nd_dump *d);
/* info.json, and what is seen from outside. */
json_t *nd_dump_json(const struct nd_dump *d);

#endif
