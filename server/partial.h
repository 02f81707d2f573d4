/* SPDX-License-Identifier: GPL-2.0-or-later */
/* partial.h - how far a dump that is not complete has come, as its folder tells. */
#ifndef NETDUMP_SERVER_PARTIAL_H
#define NETDUMP_SERVER_PARTIAL_H

#include "server/map.h"

struct nd_partial {
	struct nd_map *map;  /* NULL: none that can be read */
	const char *why_not; /* a server would start over with it; NULL: it would go on */
	unsigned int percent;
};

/* Looks at an open folder whose info.json names the session and whose file is so called.  To be
 * freed. */
void nd_partial_look(struct nd_partial *p, int dir, const char *file, uint64_t session);
void nd_partial_free(struct nd_partial *p);

/* Reads back what the map says is there.  0, or errno; *wrong of *chunks are not as they came. */
int nd_partial_verify(const struct nd_partial *p, int vmcore, uint64_t *chunks, uint64_t *wrong);

#endif
