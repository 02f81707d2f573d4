// SPDX-License-Identifier: GPL-2.0-or-later
/* map.c - map.json: what of a dump that is not complete lies on the disk, durably. */
#include "server/map.h"

#include <bearssl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_MAX (UINT64_MAX / ND_PAGE_BYTES)

void nd_map_free(struct nd_map *map)
{
	if (!map)
		return;
	nd_vmcore_free(&map->layout);
	nd_pages_free(&map->missing);
	nd_pages_free(&map->absent);
	json_decref(map->past);
	free(map->sum);
	free(map);
}

static bool layout_copy(struct nd_vmcore *to, const struct nd_vmcore *from)
{
	*to = *from;
	to->fd = -1;
	to->extent = calloc(from->extents + 1, sizeof *to->extent);
	if (!to->extent)
		return false;
	if (from->extents)
		memcpy(to->extent, from->extent, from->extents * sizeof *to->extent);
	return true;
}

static uint64_t chunks_of(const struct nd_vmcore *layout)
{
	uint64_t bytes = nd_sums_chunk_bytes(layout->bytes);

	return (layout->bytes + bytes - 1) / bytes;
}

/* Chunks of which something is missing are missing as a whole: few spans, whatever came. */
static bool missing_coarsen(struct nd_map *map)
{
	uint64_t chunk_bytes = nd_sums_chunk_bytes(map->layout.bytes);
	struct nd_pages all = {0};
	uint64_t done = 0; /* chunks below this are */

	for (size_t i = 0; i < map->missing.spans; i++) {
		const struct nd_span *s = &map->missing.span[i];
		uint64_t page = s->page, end = s->page + s->count;

		while (page < end) {
			uint64_t offset = nd_vmcore_offset(&map->layout, page);
			uint64_t chunk = offset / chunk_bytes;

			if (chunk >= done && offset != UINT64_MAX) {
				map->sum[chunk] = 0;
				if (!nd_vmcore_pages_at(&map->layout, chunk * chunk_bytes,
							(chunk + 1) * chunk_bytes, &all)) {
					nd_pages_free(&all);
					return false;
				}
				done = chunk + 1;
			}
			/* A span lies in one extent, so the rest of the chunk follows the page. */
			page += offset == UINT64_MAX
					? 1
					: ((chunk + 1) * chunk_bytes - offset) / ND_PAGE_BYTES;
		}
	}
	nd_pages_free(&map->missing);
	map->missing = all;
	return true;
}

struct nd_map *nd_map_make(uint64_t session, const uint8_t token[ND_HELLO_TOKEN_BYTES],
			   const struct nd_vmcore *v, const struct nd_sums *sums,
			   const struct nd_pages *missing, const struct nd_pages *absent,
			   json_t *past)
{
	struct nd_map *map = calloc(1, sizeof *map);

	if (!map) {
		json_decref(past);
		return NULL;
	}
	map->session = session;
	memcpy(map->token, token, sizeof map->token);
	map->past = past;
	map->sum = calloc(sums->chunks + 1, sizeof *map->sum);
	if (!past || !map->sum || !layout_copy(&map->layout, v) ||
	    !nd_pages_copy(&map->missing, missing) || !nd_pages_copy(&map->absent, absent))
		goto err;
	for (size_t i = 0; i < sums->chunks; i++)
		map->sum[i] = sums->chunk[i].sum;
	if (map->missing.spans > ND_MAP_SPANS_MAX && !missing_coarsen(map))
		goto err;
	return map;
err:
	nd_map_free(map);
	return NULL;
}

static json_t *hex_make(uint64_t value)
{
	return json_sprintf("%016" PRIx64, value);
}

static json_t *pages_make(const struct nd_pages *pages)
{
	json_t *list = json_array();

	for (size_t i = 0; i < pages->spans; i++)
		json_array_append_new(list, json_pack("[I, I]", (json_int_t)pages->span[i].page,
						      (json_int_t)pages->span[i].count));
	return list;
}

static void layout_make(json_t *o, const struct nd_map *map)
{
	const struct nd_vmcore *v = &map->layout;
	json_t *extents = json_array(), *sums = json_array();

	for (size_t i = 0; i < v->extents; i++)
		json_array_append_new(extents, json_pack("[I, I]", (json_int_t)v->extent[i].page,
							 (json_int_t)v->extent[i].count));
	for (uint64_t i = 0; i < chunks_of(v); i++)
		json_array_append_new(sums, hex_make(map->sum[i]));
	json_object_set_new(o, "bytes", json_integer((json_int_t)v->bytes));
	json_object_set_new(o, "head_bytes", json_integer((json_int_t)v->head_bytes));
	json_object_set_new(o, "head_sum", hex_make(v->head_sum));
	json_object_set_new(o, "extents", extents);
	json_object_set_new(o, "chunk_bytes",
			    json_integer((json_int_t)nd_sums_chunk_bytes(v->bytes)));
	json_object_set_new(o, "sums", sums);
}

#define SEAL_TEXT_BYTES (2 * br_sha256_SIZE + 1)

/* Over the whole object but its seal.  False: no memory. */
static bool seal_make(const json_t *o, const uint8_t token[ND_HELLO_TOKEN_BYTES],
		      char seal[SEAL_TEXT_BYTES])
{
	char *text = json_dumps(o, JSON_COMPACT | JSON_PRESERVE_ORDER);
	uint8_t sum[br_sha256_SIZE];
	br_hmac_key_context key;
	br_hmac_context hmac;

	if (!text)
		return false;
	br_hmac_key_init(&key, &br_sha256_vtable, token, ND_HELLO_TOKEN_BYTES);
	br_hmac_init(&hmac, &key, 0);
	br_hmac_update(&hmac, text, strlen(text));
	br_hmac_out(&hmac, sum);
	for (size_t i = 0; i < sizeof sum; i++)
		snprintf(seal + 2 * i, 3, "%02x", sum[i]);
	free(text);
	return true;
}

char *nd_map_text(const struct nd_map *map)
{
	json_t *o = json_object();
	char *text = NULL, seal[SEAL_TEXT_BYTES];

	json_object_set_new(o, "version", json_integer(ND_MAP_VERSION));
	json_object_set_new(o, "session", hex_make(map->session));
	layout_make(o, map);
	json_object_set_new(o, "missing", pages_make(&map->missing));
	json_object_set_new(o, "absent", pages_make(&map->absent));
	json_object_set(o, "past", map->past);
	/* A map without one of its keys cannot be read: no memory leaves no half-truth. */
	if (seal_make(o, map->token, seal) && !json_object_set_new(o, "seal", json_string(seal)))
		text = json_dumps(o, JSON_COMPACT | JSON_PRESERVE_ORDER);
	json_decref(o);
	return text;
}

static bool number_get(const json_t *value, uint64_t max, uint64_t *to)
{
	json_int_t number = json_integer_value(value);

	*to = (uint64_t)number;
	return json_is_integer(value) && number >= 0 && *to <= max;
}

static bool hex_get(const json_t *value, uint64_t *to)
{
	const char *text = json_string_value(value);

	if (!text || strlen(text) != 16 || strspn(text, "0123456789abcdef") != 16)
		return false;
	*to = strtoull(text, NULL, 16);
	return true;
}

/* Pairs [page, count], ascending and disjoint. */
static bool pages_get(const json_t *list, size_t max, struct nd_pages *pages)
{
	uint64_t page, count, next = 0;
	size_t i;
	json_t *pair;

	if (!json_is_array(list) || json_array_size(list) > max)
		return false;
	json_array_foreach(list, i, pair)
	{
		if (json_array_size(pair) != 2 ||
		    !number_get(json_array_get(pair, 0), PAGE_MAX, &page) ||
		    !number_get(json_array_get(pair, 1), PAGE_MAX, &count) || !count ||
		    page < next || count > PAGE_MAX - page || !nd_pages_add(pages, page, count))
			return false;
		next = page + count;
	}
	return true;
}

/* The layout again, from its extents; what it says of itself must be what follows from them. */
static bool layout_get(const json_t *o, struct nd_vmcore *v)
{
	uint64_t bytes, head_bytes, chunk_bytes, offset;
	struct nd_pages extents = {0};
	bool ok = number_get(json_object_get(o, "bytes"), ND_VMCORE_BYTES_MAX * 2, &bytes) &&
		  number_get(json_object_get(o, "head_bytes"), bytes, &head_bytes) &&
		  number_get(json_object_get(o, "chunk_bytes"), UINT64_MAX, &chunk_bytes) &&
		  hex_get(json_object_get(o, "head_sum"), &v->head_sum) &&
		  pages_get(json_object_get(o, "extents"), ND_CORE_PARTS_MAX, &extents) &&
		  head_bytes % ND_PAGE_BYTES == 0 && chunk_bytes == nd_sums_chunk_bytes(bytes) &&
		  extents.total == (bytes - head_bytes) / ND_PAGE_BYTES &&
		  bytes % ND_PAGE_BYTES == 0;

	v->fd = -1;
	if (ok)
		v->extent = calloc(extents.spans + 1, sizeof *v->extent);
	ok = ok && v->extent;
	if (ok) {
		v->bytes = bytes;
		v->head_bytes = offset = head_bytes;
		v->pages = extents.total;
		v->extents = extents.spans;
		for (size_t i = 0; i < extents.spans; i++) {
			v->extent[i] = (struct nd_vmcore_extent){extents.span[i].page,
								 extents.span[i].count, offset};
			offset += extents.span[i].count * ND_PAGE_BYTES;
		}
	}
	nd_pages_free(&extents);
	return ok;
}

static bool sums_get(const json_t *list, struct nd_map *map)
{
	size_t i;
	json_t *value;

	if (json_array_size(list) != chunks_of(&map->layout))
		return false;
	map->sum = calloc(json_array_size(list) + 1, sizeof *map->sum);
	if (!map->sum)
		return false;
	json_array_foreach(list, i, value) if (!hex_get(value, &map->sum[i])) return false;
	return true;
}

/* Whether the file has a place for every page of the set. */
static bool layout_holds(const struct nd_vmcore *v, const struct nd_pages *pages)
{
	struct nd_pages rest = {0};
	bool holds = nd_pages_copy(&rest, pages);

	for (size_t i = 0; i < v->extents && holds; i++)
		holds = nd_pages_remove(&rest, v->extent[i].page, v->extent[i].count);
	holds = holds && !rest.total;
	nd_pages_free(&rest);
	return holds;
}

/* Takes the seal off the object. */
static bool seal_holds(json_t *o, const uint8_t token[ND_HELLO_TOKEN_BYTES])
{
	json_t *named = json_incref(json_object_get(o, "seal"));
	const char *text = json_string_value(named);
	char seal[SEAL_TEXT_BYTES];
	bool holds = text && !json_object_del(o, "seal") && seal_make(o, token, seal) &&
		     !strcmp(text, seal);

	json_decref(named);
	return holds;
}

static const char *map_get(json_t *o, uint64_t session, const uint8_t *token, struct nd_map *map)
{
	uint64_t version;

	if (!number_get(json_object_get(o, "version"), UINT32_MAX, &version))
		return "it is no map";
	if (version != ND_MAP_VERSION)
		return "it is of another version";
	if (token && !seal_holds(o, token))
		return "its seal is broken";
	if (!hex_get(json_object_get(o, "session"), &map->session) || map->session != session)
		return "it is of another session";
	map->past = json_incref(json_object_get(o, "past"));
	if (!json_is_object(map->past) || !layout_get(o, &map->layout) ||
	    !sums_get(json_object_get(o, "sums"), map))
		return "its layout makes no sense";
	if (!pages_get(json_object_get(o, "missing"), ND_MAP_SPANS_MAX, &map->missing) ||
	    !pages_get(json_object_get(o, "absent"), ND_MAP_SPANS_MAX, &map->absent) ||
	    !layout_holds(&map->layout, &map->missing))
		return "its pages make no sense";
	return NULL;
}

struct nd_map *nd_map_parse(const char *text, size_t bytes, uint64_t session, const uint8_t *token,
			    const char **why)
{
	struct nd_map *map = calloc(1, sizeof *map);
	json_t *o = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, NULL);

	*why = map ? NULL : "out of memory";
	if (!o)
		*why = "it is damaged";
	if (!*why)
		*why = map_get(o, session, token, map);
	json_decref(o);
	if (*why) {
		nd_map_free(map);
		map = NULL;
	}
	return map;
}

bool nd_map_fits(const struct nd_map *map, const struct nd_vmcore *v, uint64_t file_bytes)
{
	const struct nd_vmcore *l = &map->layout;

	if (l->bytes != v->bytes || l->bytes != file_bytes || l->head_bytes != v->head_bytes ||
	    l->extents != v->extents)
		return false;
	for (size_t i = 0; i < v->extents; i++)
		if (l->extent[i].page != v->extent[i].page ||
		    l->extent[i].count != v->extent[i].count)
			return false;
	return true;
}
