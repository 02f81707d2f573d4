/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * map.h - map.json: what of a dump that is not complete lies on the disk, durably.
 *
 *   version, session    of the file, of the dump
 *   bytes, head_bytes, head_sum, extents    the file's layout
 *   chunk_bytes, sums   a checksum for each chunk, over the pages that are there
 *   missing, absent     spans of pages: not there yet; that the machine could not read
 *   past                what is to go on counting; only info.c looks into it
 *   seal                HMAC-SHA-256 over all of that, as compact text; the key is the
 *                       session's token, which is nowhere on the disk
 *
 * A map is a snapshot, written after what it claims has been synced.  Pure: text in and out.
 */
#ifndef NETDUMP_SERVER_MAP_H
#define NETDUMP_SERVER_MAP_H

#include <jansson.h>

#include "server/sums.h"
#include "server/vmcore.h"

#define ND_MAP_VERSION   1
#define ND_MAP_BYTES_MAX (4u << 20)
/* Spans in a list; of missing ones beyond that whole chunks are given up. */
#define ND_MAP_SPANS_MAX 16384

struct nd_map {
	uint64_t session;
	uint8_t token[ND_HELLO_TOKEN_BYTES];
	struct nd_vmcore layout;
	uint64_t *sum; /* one for each chunk of the layout */
	struct nd_pages missing, absent;
	json_t *past;
};

/*
 * A snapshot of what is passed; takes the reference to past.  Where more than
 * ND_MAP_SPANS_MAX spans are missing, chunks that are not whole are missing altogether.
 * NULL: no memory.
 */
struct nd_map *nd_map_make(uint64_t session, const uint8_t token[ND_HELLO_TOKEN_BYTES],
			   const struct nd_vmcore *v, const struct nd_sums *sums,
			   const struct nd_pages *missing, const struct nd_pages *absent,
			   json_t *past);
void nd_map_free(struct nd_map *map);

/* malloc'ed; NULL: no memory. */
char *nd_map_text(const struct nd_map *map);

/* A map of this session; token NULL: never mind its seal.  NULL: *why says what is wrong. */
struct nd_map *nd_map_parse(const char *text, size_t bytes, uint64_t session, const uint8_t *token,
			    const char **why);

/* Whether the map is of a file with this layout (head_sum apart) and size. */
bool nd_map_fits(const struct nd_map *map, const struct nd_vmcore *v, uint64_t file_bytes);

#endif
