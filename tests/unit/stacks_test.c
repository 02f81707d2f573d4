/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stacks_test.c - which stacks are wanted, by notes that may say anything. */
#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "netdump/wire.h"
#include "server/stacks.h"

#define PAGES  64
#define KERNEL 0xffffffff80000000u
#define PGD    0x1000u
#define DESC   336u

static uint8_t memory[PAGES * ND_PAGE_BYTES];
static bool here[PAGES];
static uint8_t notes[4096];
static size_t used;
static const char info[] = "SYMBOL(swapper_pg_dir)=ffffffff80001000\nNUMBER(phys_base)=0\n";
static const struct nd_vmcoreinfo vmcoreinfo = {info, sizeof info - 1};

static enum nd_mem_status page_get(void *context, uint64_t page, const uint8_t **data)
{
	(void)context;
	if (page >= PAGES)
		return ND_MEM_ABSENT;
	if (page > 3 && !here[page]) {
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

static void note_put(uint32_t type, uint32_t desc_bytes, uint64_t rsp)
{
	Elf64_Nhdr n = {5, desc_bytes, type};
	size_t desc = used + sizeof n + 8;

	memcpy(notes + used, &n, sizeof n);
	memcpy(notes + used + sizeof n, "CORE", 5);
	if (desc_bytes >= 272)
		memcpy(notes + desc + 264, &rsp, sizeof rsp);
	used = desc + (desc_bytes + 3) / 4 * 4;
}

static int setup(void **state)
{
	(void)state;
	memset(memory, 0, sizeof memory);
	memset(here, 0, sizeof here);
	memset(notes, 0, sizeof notes);
	used = 0;
	put64(PGD + 511 * 8, 0x2000 | 0x63);
	put64(0x2000 + 510 * 8, 0x3000 | 0x63);
	put64(0x3000, 0 | 0x1e3);
	return 0;
}

static enum nd_mem_status want(size_t bytes)
{
	const struct nd_mem mem = {page_get, NULL};
	struct nd_xlat *x = nd_xlat_new(&mem, &vmcoreinfo, NULL, 0);
	enum nd_mem_status status = nd_stacks_want(x, notes, bytes);

	nd_xlat_free(x);
	return status;
}

static unsigned int pages_wanted(void)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < PAGES; i++)
		n += here[i];
	return n;
}

static void all_cpus_stacks_are_wanted_at_once(void **state)
{
	(void)state;
	note_put(NT_PRSTATUS, DESC, KERNEL + 0x13ef8);
	note_put(0, 100, 0); /* of another kind */
	note_put(NT_PRSTATUS, DESC, KERNEL + 0x20000);
	assert_int_equal(want(used), ND_MEM_WAIT);
	assert_int_equal(pages_wanted(), 8);
	assert_true(here[0x10] && here[0x13] && here[0x20] && here[0x23]);
	assert_int_equal(want(used), ND_MEM_OK);
}

static void what_is_no_stack_is_left(void **state)
{
	(void)state;
	note_put(NT_PRSTATUS, DESC, 0x7ffc00001000);        /* a process's */
	note_put(NT_PRSTATUS, DESC, KERNEL + (1ull << 30)); /* not mapped */
	note_put(NT_PRSTATUS, DESC, UINT64_MAX);
	note_put(NT_PRSTATUS, 268, 0); /* too short for registers */
	assert_int_equal(want(used), ND_MEM_OK);
	assert_int_equal(pages_wanted(), 0);
	note_put(NT_PRSTATUS, DESC, KERNEL + 0x8000);
	for (size_t cut = 0; cut < used; cut++) /* wherever the notes end */
		assert_int_equal(want(cut), ND_MEM_OK);
	assert_int_equal(want(used), ND_MEM_WAIT);
	assert_int_equal(pages_wanted(), 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(all_cpus_stacks_are_wanted_at_once, setup),
		cmocka_unit_test_setup(what_is_no_stack_is_left, setup),
	};

	return cmocka_run_group_tests_name("stacks", tests, NULL, NULL);
}
