/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * printk_test.c - the log ring: whole, wrapped, and mangled.
 *
 * Memory is 64 pages; one page table maps them at KERNEL, 2 MiB at a time, so virtual and
 * physical addresses differ by a constant.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "netdump/wire.h"
#include "server/printk.h"

#define PAGES     64
#define KERNEL    0xffffffff80000000u
#define PGD       0x1000u
#define RB        0x5000u
#define DESCS     0x6000u
#define INFOS     0x8000u
#define TEXT      0xa000u
#define COUNT     16u
#define TEXT_SIZE 256u

static uint8_t memory[PAGES * ND_PAGE_BYTES];
static bool here[PAGES];
static unsigned int waits;

static const char info[] = "SYMBOL(swapper_pg_dir)=ffffffff80001000\nNUMBER(phys_base)=0\n"
			   "SYMBOL(prb)=ffffffff80004ff8\nSIZE(printk_ringbuffer)=88\n"
			   "OFFSET(printk_ringbuffer.desc_ring)=0\n"
			   "OFFSET(printk_ringbuffer.text_data_ring)=48\n"
			   "SIZE(prb_desc_ring)=48\nOFFSET(prb_desc_ring.count_bits)=0\n"
			   "OFFSET(prb_desc_ring.descs)=8\nOFFSET(prb_desc_ring.infos)=16\n"
			   "OFFSET(prb_desc_ring.head_id)=24\nOFFSET(prb_desc_ring.tail_id)=32\n"
			   "SIZE(prb_desc)=24\nOFFSET(prb_desc.state_var)=0\n"
			   "OFFSET(prb_desc.text_blk_lpos)=8\nOFFSET(prb_data_blk_lpos.begin)=0\n"
			   "OFFSET(prb_data_blk_lpos.next)=8\nSIZE(printk_info)=88\n"
			   "OFFSET(printk_info.ts_nsec)=8\nOFFSET(printk_info.text_len)=16\n"
			   "OFFSET(prb_data_ring.size_bits)=0\nOFFSET(prb_data_ring.data)=8\n"
			   "OFFSET(atomic_long_t.counter)=0\n";
static const struct nd_vmcoreinfo vmcoreinfo = {info, sizeof info - 1};

static struct nd_xen xen;
static struct nd_vmcoreinfo described; /* what of vmcoreinfo is known to a walk */
static uint64_t cr3;

static enum nd_mem_status page_get(void *context, uint64_t page, const uint8_t **data)
{
	(void)context;
	if (page >= PAGES)
		return ND_MEM_ABSENT;
	if (!here[page]) {
		here[page] = true;
		waits++;
		return ND_MEM_WAIT;
	}
	*data = memory + page * ND_PAGE_BYTES;
	return ND_MEM_OK;
}

static void put64(uint32_t phys, uint64_t value)
{
	memcpy(memory + phys, &value, sizeof value);
}

static void desc_put(uint64_t id, uint64_t state, uint64_t begin, uint64_t next)
{
	uint32_t at = DESCS + (uint32_t)(id % COUNT) * 24;

	put64(at, state << 62 | id);
	put64(at + 8, begin);
	put64(at + 16, next);
}

static void record_put(uint64_t id, uint64_t state, uint64_t begin, uint64_t next, uint32_t text_at,
		       uint64_t ts_ns, const char *text)
{
	uint32_t at = INFOS + (uint32_t)(id % COUNT) * 88;
	uint16_t length = (uint16_t)strlen(text);

	desc_put(id, state, begin, next);
	put64(at + 8, ts_ns);
	memcpy(memory + at + 16, &length, 2);
	put64(TEXT + text_at, id);
	memcpy(memory + TEXT + text_at + 8, text, length);
}

/* Three records: one plain, one of two lines, one that wraps to the ring's start. */
static void ring_make(void)
{
	xen = (struct nd_xen){0};
	described = vmcoreinfo;
	cr3 = 0;
	memset(memory, 0, sizeof memory);
	memset(here, true, sizeof here);
	put64(PGD + 511 * 8, 0x2000 | 0x63);
	put64(0x2000 + 510 * 8, 0x3000 | 0x63);
	put64(0x3000, 0 | 0x1e3);
	put64(0x4ff8, KERNEL + RB);
	memory[RB] = 4; /* count_bits */
	put64(RB + 8, KERNEL + DESCS);
	put64(RB + 16, KERNEL + INFOS);
	put64(RB + 24, 22);  /* head */
	put64(RB + 32, 20);  /* tail */
	memory[RB + 48] = 8; /* size_bits */
	put64(RB + 56, KERNEL + TEXT);
	record_put(20, 2, 512 + 160, 512 + 184, 160, 1000000000, "first");
	record_put(21, 1, 512 + 184, 512 + 208, 184, 1500000000, "two\nlines\t\1");
	record_put(22, 2, 512 + 208, 768 + 72, 0, 2000001000,
		   "Kernel panic - not syncing: it wraps, so it starts over");
}

static const char expected[] =
	"[    1.000000] first\n"
	"[    1.500000] two\n"
	"[    1.500000] lines\t\\x01\n"
	"[    2.000001] Kernel panic - not syncing: it wraps, so it starts over\n";

static enum nd_mem_status ring_read(char **text)
{
	const struct nd_mem mem = {page_get, NULL};
	size_t bytes;
	FILE *out = open_memstream(text, &bytes);
	struct nd_xlat *x = nd_xlat_new(&mem, &described, &xen, cr3);
	const char *why;
	enum nd_mem_status status;

	assert_non_null(x);
	status = nd_printk_write(x, &vmcoreinfo, out, &why);
	assert_non_null(why);
	nd_xlat_free(x);
	fclose(out);
	return status;
}

static void expect(enum nd_mem_status status, const char *log)
{
	char *text;

	assert_int_equal(ring_read(&text), status);
	if (log)
		assert_string_equal(text, log);
	free(text);
}

static void a_whole_ring(void **state)
{
	(void)state;
	ring_make();
	expect(ND_MEM_OK, expected);
}

static void pages_may_come_late(void **state)
{
	char *text = NULL;
	enum nd_mem_status status;
	int rounds = 0;

	(void)state;
	ring_make();
	memset(here, false, sizeof here);
	waits = 0;
	do {
		free(text);
		status = ring_read(&text);
		if (status == ND_MEM_WAIT)
			assert_string_equal(text, "");
	} while (status == ND_MEM_WAIT && ++rounds < 20);
	assert_int_equal(status, ND_MEM_OK);
	assert_string_equal(text, expected);
	assert_int_equal(rounds, 6); /* three tables, the pointer, the ring, all arrays at once */
	assert_true(waits > 6);
	free(text);
}

/* Its page table's root is not where it says: that is its first domain's number for it. */
static void a_ring_of_xens_first_domain(void **state)
{
	enum { ROOT = 0x20, LIST, MIDDLE, LEAF };

	(void)state;
	ring_make();
	memcpy(memory + ROOT * ND_PAGE_BYTES, memory + PGD, ND_PAGE_BYTES);
	memset(memory + PGD, 0, ND_PAGE_BYTES);
	put64(LIST * ND_PAGE_BYTES, MIDDLE);
	put64(MIDDLE * ND_PAGE_BYTES, LEAF);
	put64(LEAF * ND_PAGE_BYTES + PGD / ND_PAGE_BYTES * 8, ROOT);
	xen = (struct nd_xen){.runs = true, .list_frame = LIST};
	expect(ND_MEM_OK, expected);
	for (uint64_t page = ROOT; page <= LEAF; page++) {
		here[page] = false;
		expect(ND_MEM_WAIT, "");
		expect(ND_MEM_OK, expected);
	}
	put64(LEAF * ND_PAGE_BYTES + PGD / ND_PAGE_BYTES * 8, 0);
	expect(ND_MEM_ABSENT, "");
	/* A processor names the machine's own. */
	described.text = strchr(info, '\n') + 1;
	described.bytes = strlen(described.text);
	cr3 = ROOT * ND_PAGE_BYTES;
	expect(ND_MEM_OK, expected);
}

static void mangled_rings(void **state)
{
	(void)state;
	ring_make();
	memory[RB] = 63; /* count_bits */
	expect(ND_MEM_BAD, "");
	ring_make();
	memory[RB + 48] = 60; /* size_bits */
	expect(ND_MEM_BAD, "");
	ring_make();
	put64(RB + 56, 0xdead000000000000); /* text nowhere */
	expect(ND_MEM_ABSENT, "");
	ring_make();
	put64(RB + 16, UINT64_MAX - 8); /* infos past the end of memory */
	expect(ND_MEM_ABSENT, "");
	ring_make();
	put64(RB + 24, UINT64_MAX); /* a head that is never reached */
	expect(ND_MEM_OK, expected);
	ring_make();
	desc_put(20, 2, 512 + 184, 512 + 160); /* ends before it starts */
	expect(ND_MEM_OK, NULL);
	ring_make();
	desc_put(22, 2, UINT64_MAX - 6, 3); /* no text, and absurd */
	expect(ND_MEM_OK, NULL);
	ring_make();
	memset(memory + INFOS, 0xff, COUNT * 88); /* lengths of 65,535 */
	expect(ND_MEM_OK, NULL);
	ring_make();
	desc_put(21, 0, 512 + 184, 512 + 208); /* reserved: not a record yet */
	expect(ND_MEM_OK, NULL);
}

/* Whatever the ring's pages hold, it ends, and under sanitizers it ends well. */
static void random_rings(void **state)
{
	(void)state;
	for (unsigned int seed = 1; seed <= 300; seed++) {
		char *text;

		ring_make();
		srandom(seed);
		for (int i = 0; i < 40; i++)
			memory[RB + (uint32_t)random() % (INFOS + 0x600 - RB)] ^= (uint8_t)random();
		ring_read(&text);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_ring),
		cmocka_unit_test(pages_may_come_late),
		cmocka_unit_test(a_ring_of_xens_first_domain),
		cmocka_unit_test(mangled_rings),
		cmocka_unit_test(random_rings),
	};

	return cmocka_run_group_tests_name("printk", tests, NULL, NULL);
}
