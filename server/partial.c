// SPDX-License-Identifier: GPL-2.0-or-later
/* partial.c - how far a dump that is not complete has come, as its folder tells. */
#include "server/partial.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "server/store.h"

#define STEP_BYTES (1u << 18)

void nd_partial_look(struct nd_partial *p, int dir, const char *file, uint64_t session)
{
	struct stat st;
	size_t bytes;
	char *text;
	int error = nd_store_text(dir, "map.json", ND_MAP_BYTES_MAX, &text, &bytes);

	memset(p, 0, sizeof *p);
	if (error == ENOENT)
		p->why_not = "it has no map";
	else if (error)
		p->why_not = "its map cannot be read";
	else
		p->map = nd_map_parse(text, bytes, session, NULL, &p->why_not);
	free(text);
	if (!p->map)
		return;
	if (p->map->layout.pages)
		p->percent =
			(unsigned int)(100 - (p->map->missing.total * 100 + p->map->layout.pages -
					      1) / p->map->layout.pages);
	if (fstatat(dir, file, &st, AT_SYMLINK_NOFOLLOW) ||
	    (uint64_t)st.st_size != p->map->layout.bytes)
		p->why_not = "its map is of another file";
}

void nd_partial_free(struct nd_partial *p)
{
	nd_map_free(p->map);
	p->map = NULL;
}

/* Makes zeros, which count nothing, of pages in data that are not there yet. */
static void missing_clear(const struct nd_map *map, size_t *at, uint64_t offset, uint8_t *data,
			  size_t bytes)
{
	for (; *at < map->missing.spans; ++*at) {
		const struct nd_span *s = &map->missing.span[*at];
		uint64_t from = nd_vmcore_offset(&map->layout, s->page);
		uint64_t to = from + s->count * ND_PAGE_BYTES, stop = offset + bytes;

		if (from >= stop)
			return;
		if (from < offset)
			from = offset;
		if (from < to)
			memset(data + (from - offset), 0, (to < stop ? to : stop) - from);
		if (to > stop)
			return;
	}
}

int nd_partial_verify(const struct nd_partial *p, int vmcore, uint64_t *chunks, uint64_t *wrong)
{
	static uint8_t step[STEP_BYTES];
	const struct nd_vmcore *v = &p->map->layout;
	uint64_t chunk_bytes = nd_sums_chunk_bytes(v->bytes), sum = 0, at = 0;
	size_t span = 0;

	*chunks = *wrong = 0;
	while (at < v->bytes) {
		uint64_t chunk_end = (at / chunk_bytes + 1) * chunk_bytes;
		uint64_t end = chunk_end < v->bytes ? chunk_end : v->bytes;
		size_t bytes = end - at < STEP_BYTES ? end - at : STEP_BYTES;
		int error;

		error = nd_store_read(vmcore, step, bytes, at);
		if (error)
			return error;
		missing_clear(p->map, &span, at, step, bytes);
		sum += nd_sums_file(v, at, step, bytes);
		at += bytes;
		if (at < end)
			continue;
		*wrong += sum != p->map->sum[(at - 1) / chunk_bytes];
		++*chunks;
		sum = 0;
	}
	return 0;
}
