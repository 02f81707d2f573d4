/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * select_test.c - what each level leaves out, and whom it does not believe.
 *
 * Memory is 64 pages, which one large page maps at KERNEL; page structures say that there are
 * 1,024, of which the dump has all but HOLE.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "netdump/wire.h"
#include "server/select.h"

#define PAGES    64
#define FRAMES   1024u
#define HOLE     512u /* and the one behind it */
#define KERNEL   0xffffffff80000000u
#define PGD      0x1000u
#define ROOTS    0x4000u
#define SECTIONS 0x5000u
#define STRUCTS  0x10000u
#define STRUCT   64u

#define LRU        (1ull << 4)
#define SLAB       (1ull << 9)
#define SWAPCACHE  (1ull << 10)
#define PRIVATE    (1ull << 13)
#define HEAD       (1ull << 16)
#define SWAPBACKED (1ull << 19)
#define HWPOISON   (1ull << 23)
#define ANONYMOUS  (0x1000 | 1ull)
#define FREE       -129
#define OFFLINE    -257
#define HUGETLB    2

static uint8_t memory[PAGES * ND_PAGE_BYTES];
static bool here[PAGES];
static char info[2048];
static struct nd_vmcoreinfo vmcoreinfo;
static struct nd_pages ram;

static const char shape[] =
	"PAGESIZE=4096\nSYMBOL(swapper_pg_dir)=ffffffff80001000\nNUMBER(phys_base)=0\n"
	"SYMBOL(mem_section)=ffffffff80004000\nLENGTH(mem_section)=4096\nSIZE(mem_section)=32\n"
	"OFFSET(mem_section.section_mem_map)=0\nNUMBER(SECTION_SIZE_BITS)=27\nSIZE(page)=64\n"
	"OFFSET(page.flags)=0\nOFFSET(page.mapping)=24\nOFFSET(page._mapcount)=48\n"
	"OFFSET(page.private)=40\nOFFSET(page.compound_dtor)=16\nOFFSET(page.compound_order)=17\n"
	"OFFSET(page.compound_head)=8\nLENGTH(zone.free_area)=11\nNUMBER(PG_lru)=4\n"
	"NUMBER(PG_private)=13\nNUMBER(PG_swapcache)=10\nNUMBER(PG_swapbacked)=19\n"
	"NUMBER(PG_slab)=9\nNUMBER(PG_hwpoison)=23\nNUMBER(PG_head_mask)=65536\n"
	"NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)=-129\nNUMBER(HUGETLB_PAGE_DTOR)=2\n"
	"NUMBER(PAGE_OFFLINE_MAPCOUNT_VALUE)=-257\n";

static enum nd_mem_status page_get(void *context, uint64_t page, const uint8_t **data)
{
	(void)context;
	if (page >= PAGES)
		return ND_MEM_ABSENT;
	if (!here[page]) {
		here[page] = true;
		return ND_MEM_WAIT;
	}
	*data = memory + page * ND_PAGE_BYTES;
	return ND_MEM_OK;
}

static void put64(uint32_t phys, uint64_t value)
{
	memcpy(memory + phys, &value, sizeof value);
}

static void info_put(const char *text)
{
	vmcoreinfo = (struct nd_vmcoreinfo){info, strlen(text)};
	memcpy(info, text, vmcoreinfo.bytes);
}

static int setup(void **state)
{
	(void)state;
	memset(memory, 0, sizeof memory);
	memset(here, true, sizeof here);
	info_put(shape);
	put64(PGD + 511 * 8, 0x2000 | 0x63);
	put64(0x2000 + 510 * 8, 0x3000 | 0x63);
	put64(0x3000, 0 | 0x1e3);
	put64(ROOTS, KERNEL + SECTIONS);
	put64(SECTIONS, (KERNEL + STRUCTS) | 0xd); /* present, with memory, early */
	nd_pages_add(&ram, 0, HOLE);
	nd_pages_add(&ram, HOLE + 2, FRAMES - HOLE - 2);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	nd_pages_free(&ram);
	return 0;
}

struct frame {
	uint64_t flags, mapping, private;
	int mapcount;
	uint8_t dtor, order; /* in the next structure */
	bool tail;
};

static void frame_put(uint32_t page, const struct frame *f)
{
	uint32_t at = STRUCTS + page * STRUCT;

	put64(at, f->flags);
	put64(at + 8, f->tail);
	put64(at + 24, f->mapping);
	put64(at + 40, f->private);
	memcpy(memory + at + 48, &f->mapcount, 4);
	if (f->flags & HEAD) {
		memory[at + STRUCT + 16] = f->dtor;
		memory[at + STRUCT + 17] = f->order;
	}
}

/* NULL: it went well. */
static const char *run(unsigned int level, struct nd_pages *excluded)
{
	const struct nd_mem mem = {page_get, NULL};
	const char *why = NULL;
	struct nd_select *s = nd_select_new(&vmcoreinfo, level, &ram, &why);
	unsigned int rounds = 0;

	while (s && !nd_select_over(s)) {
		struct nd_xlat *x = nd_xlat_new(&mem, &vmcoreinfo, NULL, 0);
		enum nd_mem_status status = x ? nd_select_step(s, x, &why) : ND_MEM_BAD;

		why = x ? why : "no page table";
		nd_xlat_free(x);
		assert_true(++rounds < 2 * PAGES);
		if (status > ND_MEM_WAIT)
			goto out;
	}
	if (s) {
		nd_pages_copy(excluded, nd_select_excluded(s));
		why = NULL;
	}
out:
	nd_select_free(s);
	return why;
}

static void each_level_leaves_out_its_own(void **state)
{
	static const struct {
		struct frame frame;
		uint32_t page;
		unsigned int levels; /* a bit for each single one that leaves it out */
		uint64_t count;
	} row[] = {
		/* 0 */ {{.flags = 0}, 64, 0, 0},
		/* 1: page cache */ {{.flags = LRU, .mapping = 0x1000}, 64, 2 | 4, 1},
		/* 2 */ {{.flags = LRU | PRIVATE, .mapping = 0x1000}, 64, 4, 1},
		/* 3: its mapping is gone */ {{.flags = LRU}, 64, 2 | 4, 1},
		/* 4: anonymous */ {{.flags = LRU | SWAPBACKED, .mapping = ANONYMOUS}, 64, 8, 1},
		/* 5: of a driver, not in a list */ {{.mapping = ANONYMOUS}, 64, 8, 1},
		/* 6: swapped */ {{.flags = SWAPBACKED | SWAPCACHE}, 64, 2 | 4, 1},
		/* 7: the bit has another meaning */ {{.flags = SWAPCACHE}, 64, 0, 0},
		/* 8: slab reuses mapping */ {{.flags = SLAB, .mapping = ANONYMOUS}, 64, 0, 0},
		/* 9 */ {{.mapcount = FREE}, 64, 16, 1},
		/* 10 */ {{.mapcount = FREE, .private = 4}, 64, 16, 16},
		/* 11: slab reuses _mapcount */ {{.flags = SLAB, .mapcount = FREE}, 64, 0, 0},
		/* 12: huge, anonymous */
		{{.flags = LRU | HEAD, .mapping = ANONYMOUS, .order = 5, .dtor = 1}, 64, 8, 32},
		/* 13: of hugetlbfs */
		{{.flags = HEAD, .mapping = 0x1000, .order = 6, .dtor = HUGETLB}, 64, 8, 64},
		/* 14: large, of the cache */
		{{.flags = LRU | HEAD, .order = 2, .dtor = 1}, 64, 2 | 4, 4},
		/* 15: large, of the kernel */ {{.flags = HEAD, .order = 2, .dtor = 1}, 64, 0, 0},
		/* 16: it cannot be that large here */
		{{.flags = LRU | HEAD, .order = 5, .dtor = 1}, 68, 2 | 4, 1},
		/* 17: nor anywhere */
		{{.flags = LRU | HEAD, .order = 70, .dtor = 1}, 64, 2 | 4, 1},
		/* 18: broken memory */ {{.flags = HWPOISON}, 64, 1 | 2 | 4 | 8 | 16, 1},
		/* 19 */ {{.mapcount = OFFLINE}, 64, 1 | 2 | 4 | 8 | 16, 1},
		/* 20: a tail goes with its head */ {{.flags = LRU, .tail = true}, 64, 0, 0},
	};

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		for (unsigned int level = 1; level <= ND_LEVEL_FREE; level *= 2) {
			struct nd_pages excluded = {0};
			bool out = row[i].levels & level;

			teardown(state);
			setup(state);
			frame_put(row[i].page, &row[i].frame);
			assert_null(run(level, &excluded));
			if (excluded.total != (out ? row[i].count : 0) ||
			    (out && excluded.span[0].page != row[i].page))
				fail_msg("row %zu, level %u: %llu pages", i, level,
					 (unsigned long long)excluded.total);
			nd_pages_free(&excluded);
		}
	}
}

static void only_pages_of_the_dump_are_left_out(void **state)
{
	struct nd_pages excluded = {0};

	(void)state;
	frame_put(HOLE, &(struct frame){.mapcount = FREE}); /* what is there counts for nothing */
	frame_put(HOLE - 8, &(struct frame){.flags = HEAD | LRU, .order = 3});
	frame_put(HOLE + 256, &(struct frame){.mapcount = FREE, .private = 8});
	frame_put(0, &(struct frame){.flags = LRU | HEAD, .order = 9}); /* up to HOLE */
	assert_null(run(ND_LEVEL_MAX, &excluded));
	assert_int_equal(excluded.spans, 2);
	assert_int_equal(excluded.span[0].count, HOLE);
	assert_int_equal(excluded.span[1].page, HOLE + 256);
	assert_int_equal(excluded.total, HOLE + 256);
	nd_pages_free(&excluded);
}

static void a_block_over_a_hole_is_cut(void **state)
{
	struct nd_pages excluded = {0};

	(void)state;
	frame_put(0, &(struct frame){.mapcount = FREE, .private = 10});
	assert_null(run(ND_LEVEL_FREE, &excluded));
	assert_int_equal(excluded.spans, 2);
	assert_int_equal(excluded.total, FRAMES - 2);
	nd_pages_free(&excluded);
}

/* Only its first page's structure means anything. */
static void a_block_is_taken_whole(void **state)
{
	struct nd_pages excluded = {0};

	(void)state;
	frame_put(64, &(struct frame){.mapcount = FREE, .private = 4});
	frame_put(65, &(struct frame){.mapcount = FREE, .private = 77});
	frame_put(79, &(struct frame){.flags = LRU | HEAD, .order = 0});
	assert_null(run(ND_LEVEL_MAX, &excluded));
	assert_int_equal(excluded.total, 16);
	nd_pages_free(&excluded);
}

/* Broken memory is there at level 0; what 31 leaves out can wait. */
static void what_the_level_has_and_31_has_not_is_the_rest(void **state)
{
	const struct nd_mem mem = {page_get, NULL};
	const char *why;

	(void)state;
	frame_put(64, &(struct frame){.mapcount = FREE, .private = 4});
	frame_put(100, &(struct frame){.flags = LRU});
	frame_put(110, &(struct frame){.flags = HWPOISON});
	for (unsigned int level = 0; level <= ND_LEVEL_MAX; level++) {
		struct nd_select *s = nd_select_new(&vmcoreinfo, level, &ram, &why);
		struct nd_xlat *x = nd_xlat_new(&mem, &vmcoreinfo, NULL, 0);
		uint64_t out =
			(level & ND_LEVEL_FREE ? 16 : 0) + (level & 6 ? 1 : 0) + (level ? 1 : 0);

		while (!nd_select_over(s))
			assert_int_equal(nd_select_step(s, x, &why), ND_MEM_OK);
		assert_int_equal(nd_select_excluded(s)->total, out);
		assert_int_equal(nd_select_rest(s)->total, 18 - out);
		nd_xlat_free(x);
		nd_select_free(s);
	}
}

static void pages_come_when_they_are_wanted(void **state)
{
	struct nd_pages excluded = {0};

	(void)state;
	memset(here, false, sizeof here);
	frame_put(FRAMES - 1, &(struct frame){.flags = LRU});
	assert_null(run(ND_LEVEL_CACHE, &excluded));
	assert_int_equal(excluded.total, 1);
	assert_int_equal(excluded.span[0].page, FRAMES - 1);
	nd_pages_free(&excluded);
}

static void a_section_that_is_not_there_is_wanted(void **state)
{
	struct nd_pages excluded = {0};
	uint64_t page = 1ull << (27 - 12);

	frame_put(64, &(struct frame){.flags = LRU});
	nd_pages_add(&ram, page, 10);              /* its section has no entry */
	nd_pages_add(&ram, page * 128 * 4096, 10); /* nor is there a root for this one */
	assert_null(run(ND_LEVEL_MAX, &excluded));
	assert_int_equal(excluded.total, 1);
	nd_pages_free(&excluded);
	put64(ROOTS + 4096 * 8, KERNEL + SECTIONS); /* behind the last root */
	assert_null(run(ND_LEVEL_MAX, &excluded));
	assert_int_equal(excluded.total, 1);
	nd_pages_free(&excluded);
	put64(SECTIONS, KERNEL + STRUCTS); /* not present */
	assert_null(run(ND_LEVEL_MAX, &excluded));
	assert_int_equal(excluded.total, 0);
	nd_pages_free(&excluded);
	teardown(state);
}

static void structures_that_contradict_themselves_give_all_pages(void **state)
{
	static const struct {
		struct frame frame;
		uint32_t page;
	} row[] = {
		/* 0 */ {{.mapcount = FREE, .private = 11}, 0},
		/* 1 */ {{.mapcount = FREE, .private = UINT64_MAX}, 0},
		/* 2: not where such a block can begin */ {{.mapcount = FREE, .private = 3}, 68},
		/* 3: 2 GiB */ {{.flags = HEAD | LRU, .order = 19}, 0},
	};

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct nd_pages excluded = {0};

		teardown(state);
		setup(state);
		frame_put(row[i].page, &row[i].frame);
		if (!run(ND_LEVEL_MAX, &excluded))
			fail_msg("row %zu was taken", i);
	}
	put64(SECTIONS, 0xffffffffffffffc0u | 1);
	assert_non_null(run(ND_LEVEL_MAX, &ram));
	put64(ROOTS, 0xffffea0000000000u); /* not mapped */
	assert_non_null(run(ND_LEVEL_MAX, &ram));
}

static bool line_has(const char *line, const char *word)
{
	const char *found = strstr(line, word);

	return found && found < strchr(line, '\n');
}

/* Every value is looked at, once left out and once absurd. */
static void vmcoreinfo_must_describe_it_all(void **state)
{
	char text[sizeof shape + 32];
	struct nd_pages excluded = {0};

	(void)state;
	for (const char *line = shape; *line; line = strchr(line, '\n') + 1) {
		size_t before = (size_t)(line - shape), bytes = strcspn(line, "\n") + 1;
		size_t key = strcspn(line, "=") + 1;
		bool optional = line_has(line, "hwpoison") || line_has(line, "HUGETLB") ||
				line_has(line, "PAGE_OFFLINE");
		/* An address, or a value that is only compared. */
		bool any = line_has(line, "SYMBOL") || line_has(line, "phys_base") ||
			   line_has(line, "LENGTH(mem") || line_has(line, "_VALUE") ||
			   line_has(line, "head_mask") || line_has(line, "DTOR");

		memcpy(text, shape, before);
		strcpy(text + before, line + bytes);
		info_put(text);
		if (!run(ND_LEVEL_MAX, &excluded) != optional)
			fail_msg("without %.*s", (int)bytes - 1, line);
		memcpy(text, shape, before + key);
		strcpy(text + before + key, "777777777\n");
		strcat(text, line + bytes);
		info_put(text);
		if (!any && !run(ND_LEVEL_MAX, &excluded))
			fail_msg("with %.*s777777777", (int)key, line);
		nd_pages_free(&excluded);
	}
}

/* Whatever is in memory: it ends, and says nothing of pages that are not the dump's. */
static void any_bytes_end(void **state)
{
	srandom(7);
	for (unsigned int seed = 0; seed < 3000; seed++) {
		struct nd_pages excluded = {0};

		teardown(state);
		setup(state);
		for (unsigned int i = 0; i < 1 + seed % 64; i++)
			memory[(seed % 3 ? STRUCTS : ROOTS) + (uint32_t)random() % 0x10000] =
				(uint8_t)random();
		run(ND_LEVEL_MAX, &excluded);
		for (size_t i = 0; i < excluded.spans; i++)
			for (uint64_t p = 0; p < excluded.span[i].count; p++)
				assert_true(nd_pages_has(&ram, excluded.span[i].page + p));
		nd_pages_free(&excluded);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_level_leaves_out_its_own, setup, teardown),
		cmocka_unit_test_setup_teardown(only_pages_of_the_dump_are_left_out, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_block_over_a_hole_is_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(a_block_is_taken_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(what_the_level_has_and_31_has_not_is_the_rest,
						setup, teardown),
		cmocka_unit_test_setup_teardown(pages_come_when_they_are_wanted, setup, teardown),
		cmocka_unit_test_setup_teardown(a_section_that_is_not_there_is_wanted, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			structures_that_contradict_themselves_give_all_pages, setup, teardown),
		cmocka_unit_test_setup_teardown(vmcoreinfo_must_describe_it_all, setup, teardown),
		cmocka_unit_test_setup_teardown(any_bytes_end, setup, teardown),
	};

	return cmocka_run_group_tests_name("select", tests, NULL, NULL);
}
