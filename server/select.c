// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * select.c - which pages of a crashed Linux a dump can do without, by its page structures.
 *
 * mem_section is an array of pointers to arrays of struct mem_section, one for each section of
 * memory (128 MiB); section_mem_map in it is where the section's struct pages would begin if page
 * 0 were its first, with flags in the low bits.  Kernel documentation: mm/memory-model.
 * What the levels leave out: makedumpfile(8), and the order in which it asks its questions.
 */
#include "server/select.h"

#include <stdlib.h>
#include <string.h>

#include "netdump/wire.h"

#define STRETCH_PAGES      131072u /* 512 MiB, whose struct pages are 8 MiB */
#define STRUCT_BYTES_MAX   96u
#define RAM_PAGES_MAX      (1ull << 26)
#define SECTION_BITS_MIN   22 /* no block of the buddy system crosses sections */
#define SECTION_BITS_MAX   36
#define SECTION_PRESENT    1u
#define SECTION_FLAGS      0x1fu
#define MAPPING_ANONYMOUS  1u
#define HEAD_IS_ELSEWHERE  1u /* in compound_head: this is a tail */
#define BLOCK_ORDER_MAX    18 /* 1 GiB: the largest page there is */
#define FREE_ORDERS_MAX    16
#define EXCLUDED_SPANS_MAX (1u << 18)
#define REST_SPANS_MAX     (1u << 14)
#define NONE               UINT64_MAX

/* From VMCOREINFO; offsets are such that the field ends within its structure. */
struct shape {
	uint64_t page_bytes, flags, mapcount, mapping, private, compound_head, dtor, order;
	uint64_t section_bytes, section_map, section_bits, sections, roots, free_orders;
	uint64_t lru, private_bit, swapcache, swapbacked, slab, hwpoison, head_mask;
	uint64_t buddy_mapcount, offline_mapcount, hugetlb_dtor;
};

struct nd_select {
	struct shape shape;
	unsigned int level;
	const struct nd_pages *ram;
	uint64_t at;                /* the page to go on with */
	uint64_t least, rest_least; /* pages of the shortest run that excluded, rest have still */
	bool over;
	struct nd_pages excluded, rest, read;
	uint8_t *structs; /* of STRETCH_PAGES, within a step */
};

static bool shape_find(const struct nd_vmcoreinfo *v, struct shape *s)
{
	const struct {
		bool (*find)(const struct nd_vmcoreinfo *, const char *, uint64_t *);
		const char *name;
		uint64_t *to;
		bool may_lack;
	} want[] = {
		{nd_vmcoreinfo_size, "page", &s->page_bytes, false},
		{nd_vmcoreinfo_offset, "page.flags", &s->flags, false},
		{nd_vmcoreinfo_offset, "page._mapcount", &s->mapcount, false},
		{nd_vmcoreinfo_offset, "page.mapping", &s->mapping, false},
		{nd_vmcoreinfo_offset, "page.private", &s->private, false},
		{nd_vmcoreinfo_offset, "page.compound_head", &s->compound_head, false},
		{nd_vmcoreinfo_offset, "page.compound_dtor", &s->dtor, false},
		{nd_vmcoreinfo_offset, "page.compound_order", &s->order, false},
		{nd_vmcoreinfo_size, "mem_section", &s->section_bytes, false},
		{nd_vmcoreinfo_offset, "mem_section.section_mem_map", &s->section_map, false},
		{nd_vmcoreinfo_number, "SECTION_SIZE_BITS", &s->section_bits, false},
		{nd_vmcoreinfo_symbol, "mem_section", &s->sections, false},
		{nd_vmcoreinfo_length, "mem_section", &s->roots, false},
		{nd_vmcoreinfo_length, "zone.free_area", &s->free_orders, false},
		{nd_vmcoreinfo_number, "PG_lru", &s->lru, false},
		{nd_vmcoreinfo_number, "PG_private", &s->private_bit, false},
		{nd_vmcoreinfo_number, "PG_swapcache", &s->swapcache, false},
		{nd_vmcoreinfo_number, "PG_swapbacked", &s->swapbacked, false},
		{nd_vmcoreinfo_number, "PG_slab", &s->slab, false},
		{nd_vmcoreinfo_number, "PG_head_mask", &s->head_mask, false},
		{nd_vmcoreinfo_number, "PAGE_BUDDY_MAPCOUNT_VALUE", &s->buddy_mapcount, false},
		{nd_vmcoreinfo_number, "PG_hwpoison", &s->hwpoison, true},
		{nd_vmcoreinfo_number, "PAGE_OFFLINE_MAPCOUNT_VALUE", &s->offline_mapcount, true},
		{nd_vmcoreinfo_number, "HUGETLB_PAGE_DTOR", &s->hugetlb_dtor, true},
	};

	for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
		*want[i].to = NONE;
		if (!want[i].find(v, want[i].name, want[i].to) && !want[i].may_lack)
			return false;
	}
	return true;
}

static bool field_fits(uint64_t offset, uint64_t bytes, uint64_t whole)
{
	return bytes <= whole && offset <= whole - bytes;
}

static bool shape_makes_sense(const struct shape *s)
{
	const uint64_t bits[] = {s->lru, s->private_bit, s->swapcache, s->swapbacked, s->slab};

	for (size_t i = 0; i < sizeof bits / sizeof *bits; i++)
		if (bits[i] > 63)
			return false;
	return (s->hwpoison <= 63 || s->hwpoison == NONE) && s->page_bytes <= STRUCT_BYTES_MAX &&
	       field_fits(s->flags, 8, s->page_bytes) &&
	       field_fits(s->mapcount, 4, s->page_bytes) &&
	       field_fits(s->mapping, 8, s->page_bytes) &&
	       field_fits(s->private, 8, s->page_bytes) &&
	       field_fits(s->compound_head, 8, s->page_bytes) &&
	       field_fits(s->dtor, 1, s->page_bytes) && field_fits(s->order, 1, s->page_bytes) &&
	       s->section_bytes && s->section_bytes <= STRUCT_BYTES_MAX &&
	       field_fits(s->section_map, 8, s->section_bytes) &&
	       s->section_bits >= SECTION_BITS_MIN && s->section_bits <= SECTION_BITS_MAX &&
	       s->free_orders && s->free_orders <= FREE_ORDERS_MAX;
}

struct nd_select *nd_select_new(const struct nd_vmcoreinfo *v, unsigned int level,
				const struct nd_pages *ram, const char **why)
{
	struct nd_select *s = calloc(1, sizeof *s);
	char page_size[8];

	*why = "out of memory";
	if (!s)
		return NULL;
	if (ram->total > RAM_PAGES_MAX) {
		*why = "more than 256 GiB of memory, whose page structures would be held too long";
		goto out;
	}
	s->level = level;
	s->ram = ram;
	s->least = s->rest_least = 1;
	s->over = !ram->spans;
	s->at = ram->spans ? ram->span[0].page : 0;
	if (!nd_vmcoreinfo_text(v, "PAGESIZE", page_size, sizeof page_size) ||
	    strcmp(page_size, "4096") || !shape_find(v, &s->shape))
		*why = "VMCOREINFO does not describe page structures as Linux 5.10 to 6.2 do";
	else if (!shape_makes_sense(&s->shape))
		*why = "VMCOREINFO's page structures make no sense";
	else
		return s;
out:
	nd_select_free(s);
	return NULL;
}

void nd_select_free(struct nd_select *s)
{
	if (!s)
		return;
	nd_pages_free(&s->excluded);
	nd_pages_free(&s->rest);
	nd_pages_free(&s->read);
	free(s);
}

bool nd_select_over(const struct nd_select *s)
{
	return s->over;
}

const struct nd_pages *nd_select_read(const struct nd_select *s)
{
	return &s->read;
}

struct nd_pages *nd_select_excluded(struct nd_select *s)
{
	return &s->excluded;
}

const struct nd_pages *nd_select_rest(const struct nd_select *s)
{
	return &s->rest;
}

static bool bit(uint64_t flags, uint64_t at)
{
	return at < 64 && flags >> at & 1;
}

/* A page of the cache, be it of files or of what is swapped. */
static bool is_cache(const struct shape *s, uint64_t flags)
{
	return bit(flags, s->lru) || (bit(flags, s->swapbacked) && bit(flags, s->swapcache));
}

/* What a compound page's second structure says of all of it; an order that cannot be is 0. */
static unsigned int compound_order(const struct shape *s, const uint8_t *second, uint64_t page)
{
	unsigned int order = second[s->order];

	return order < 64 && !(page & ((1ull << order) - 1)) ? order : 0;
}

/*
 * Pages from this one on that the level does without, 0: it is wanted.  `second` is the structure
 * behind its own, NULL: not known.  NONE: this cannot be.
 */
static uint64_t run_of(const struct shape *s, unsigned int level, uint64_t page, const uint8_t *own,
		       const uint8_t *second)
{
	uint64_t flags = nd_u64_at(own + s->flags), order = 0;
	uint32_t mapcount = nd_u32_at(own + s->mapcount);
	bool is_slab = bit(flags, s->slab), is_huge = false, is_out;
	bool is_anonymous = !is_slab && nd_u64_at(own + s->mapping) & MAPPING_ANONYMOUS;
	bool is_file = is_cache(s, flags) && !is_anonymous;

	if (!level || nd_u64_at(own + s->compound_head) & HEAD_IS_ELSEWHERE)
		return 0;
	if ((level & ND_LEVEL_FREE) && !is_slab && mapcount == (uint32_t)s->buddy_mapcount) {
		order = nd_u64_at(own + s->private);
		if (order >= s->free_orders || page & ((1ull << order) - 1))
			return NONE;
		return 1ull << order;
	}
	if ((flags & s->head_mask) && second) {
		order = compound_order(s, second, page);
		is_huge = second[s->dtor] == s->hugetlb_dtor;
	}
	is_out = (is_file && (level & ND_LEVEL_CACHE_PRIVATE)) ||
		 (is_file && (level & ND_LEVEL_CACHE) && !bit(flags, s->private_bit)) ||
		 ((is_anonymous || is_huge) && (level & ND_LEVEL_USER)) ||
		 bit(flags, s->hwpoison) ||
		 (!is_slab && s->offline_mapcount != NONE &&
		  mapcount == (uint32_t)s->offline_mapcount);
	if (!is_out)
		return 0;
	return order > BLOCK_ORDER_MAX ? NONE : 1ull << order;
}

/*
 * Where the structures of a section would begin if page 0 were its first; *virt 0: it has
 * none.
 */
static enum nd_mem_status section_find(const struct shape *s, struct nd_xlat *x, uint64_t section,
				       uint64_t *virt)
{
	uint64_t per_root = ND_PAGE_BYTES / s->section_bytes, root = 0;
	enum nd_mem_status status;

	*virt = 0;
	if (section / per_root >= s->roots)
		return ND_MEM_OK;
	status =
		nd_xlat_read(x, s->sections + section / per_root * sizeof root, &root, sizeof root);
	if (status != ND_MEM_OK || !root)
		return status;
	status = nd_xlat_read(x, root + section % per_root * s->section_bytes + s->section_map,
			      virt, sizeof *virt);
	*virt = *virt & SECTION_PRESENT ? *virt & ~(uint64_t)SECTION_FLAGS : 0;
	return status;
}

/* Reads structures, and notes where they lie. */
static enum nd_mem_status structs_read(struct nd_select *s, struct nd_xlat *x, uint64_t virt,
				       uint8_t *to, uint64_t bytes)
{
	enum nd_mem_status status;

	if (bytes - 1 > UINT64_MAX - virt)
		return ND_MEM_ABSENT;
	status = nd_xlat_read(x, virt, to, bytes);
	for (uint64_t done = 0; status == ND_MEM_OK && done < bytes;
	     done += ND_PAGE_BYTES - (virt + done) % ND_PAGE_BYTES) {
		uint64_t phys;

		status = nd_xlat_find(x, virt + done, &phys);
		if (status == ND_MEM_OK && !nd_pages_add(&s->read, phys / ND_PAGE_BYTES, 1))
			status = ND_MEM_BAD;
	}
	return status;
}

/*
 * The structures of [s->at, end), each where it belongs in s->structs.  A page without any gets
 * zeros, which say that it is wanted.
 */
static enum nd_mem_status stretch_read(struct nd_select *s, struct nd_xlat *x, uint64_t end)
{
	const struct shape *shape = &s->shape;
	uint64_t per_section = 1ull << (shape->section_bits - 12), page = s->at;
	enum nd_mem_status status = ND_MEM_OK;

	nd_pages_free(&s->read);
	while (page < end && status <= ND_MEM_WAIT) {
		const struct nd_span *span = nd_pages_next(s->ram, page);
		uint64_t stop = (page / per_section + 1) * per_section, virt;
		enum nd_mem_status one;

		if (!span || span->page >= end)
			break;
		if (span->page > page) {
			page = span->page;
			continue;
		}
		if (stop > span->page + span->count)
			stop = span->page + span->count;
		if (stop > end)
			stop = end;
		one = section_find(shape, x, page / per_section, &virt);
		if (one == ND_MEM_OK && virt)
			one = structs_read(s, x, virt + page * shape->page_bytes,
					   s->structs + (page - s->at) * shape->page_bytes,
					   (stop - page) * shape->page_bytes);
		status = nd_mem_worse(status, one);
		page = stop;
	}
	return status;
}

/* Adds what of [page, page + count) is there; of too many runs the shortest go.  False: no memory.
 */
static bool run_add(const struct nd_select *s, struct nd_pages *to, uint64_t *least,
		    size_t spans_max, uint64_t page, uint64_t count)
{
	uint64_t end = page + count;

	while (page < end) {
		const struct nd_span *span = nd_pages_next(s->ram, page);
		uint64_t stop;

		if (!span || span->page >= end)
			break;
		page = page > span->page ? page : span->page;
		stop = span->page + span->count < end ? span->page + span->count : end;
		if (!nd_pages_add(to, page, stop - page))
			return false;
		page = stop;
	}
	while (to->spans > spans_max)
		nd_pages_prune(to, *least *= 2);
	return true;
}

/* *run: pages from this one on that are judged with it.  NULL, or what is wrong. */
static const char *page_judge(struct nd_select *s, uint64_t page, const uint8_t *own,
			      const uint8_t *second, uint64_t *run)
{
	uint64_t out = run_of(&s->shape, s->level, page, own, second), rest;
	bool ok = true;

	*run = 1;
	if (out == NONE)
		return "the page structures are damaged";
	if (out) {
		ok = run_add(s, &s->excluded, &s->least, EXCLUDED_SPANS_MAX, page, out);
		*run = out;
	} else {
		rest = run_of(&s->shape, ND_LEVEL_MAX, page, own, second);
		if (rest && rest != NONE)
			ok = run_add(s, &s->rest, &s->rest_least, REST_SPANS_MAX, page, rest);
	}
	return ok ? NULL : "out of memory";
}

/* *next: where to go on, which is behind `end` where a large page reaches there. */
static enum nd_mem_status stretch_judge(struct nd_select *s, uint64_t end, uint64_t *next,
					const char **why)
{
	uint64_t page = s->at, bytes = s->shape.page_bytes;

	while (page < end) {
		const struct nd_span *span = nd_pages_next(s->ram, page);
		const uint8_t *own = s->structs + (page - s->at) * bytes;
		const char *wrong;
		uint64_t run;

		if (!span || span->page > page) {
			page = span ? span->page : end;
			continue;
		}
		wrong = page_judge(s, page, own, page + 1 < end ? own + bytes : NULL, &run);
		if (wrong) {
			*why = wrong;
			return ND_MEM_BAD;
		}
		page += run;
	}
	*next = page;
	return ND_MEM_OK;
}

enum nd_mem_status nd_select_step(struct nd_select *s, struct nd_xlat *x, const char **why)
{
	const struct nd_span *span = nd_pages_next(s->ram, s->at);
	enum nd_mem_status status;
	uint64_t end;

	if (!span || s->over) {
		s->over = true;
		return ND_MEM_OK;
	}
	if (span->page > s->at)
		s->at = span->page;
	end = (s->at / STRETCH_PAGES + 1) * STRETCH_PAGES;
	*why = "out of memory";
	s->structs = calloc(STRETCH_PAGES, s->shape.page_bytes);
	if (!s->structs)
		return ND_MEM_BAD;
	*why = "the page structures cannot be read";
	status = stretch_read(s, x, end);
	if (status == ND_MEM_OK)
		status = stretch_judge(s, end, &s->at, why);
	free(s->structs);
	s->structs = NULL;
	s->over = status == ND_MEM_OK && !nd_pages_next(s->ram, s->at);
	return status;
}
