/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xen_test.c - Xen's crash note, and where its first domain's memory is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "netdump/wire.h"
#include "server/xen.h"

#define PAGES   8
#define EXTRA   0x1ff8u /* it runs into the next page, and on */
#define LIST    3u      /* page frames */
#define MIDDLE  4u
#define LEAF    5u
#define CRASH   0x1000001u
#define NO_PAGE UINT64_MAX

static uint8_t memory[PAGES * ND_PAGE_BYTES];
static uint64_t waiting;

static enum nd_mem_status page_get(void *context, uint64_t page, const uint8_t **data)
{
	(void)context;
	if (page == waiting)
		return ND_MEM_WAIT;
	if (page >= PAGES)
		return ND_MEM_ABSENT;
	*data = memory + page * ND_PAGE_BYTES;
	return ND_MEM_OK;
}

static const struct nd_mem mem = {page_get, NULL};

static void entry_put(uint64_t frame, unsigned int entry, uint64_t value)
{
	memcpy(memory + frame * ND_PAGE_BYTES + entry * sizeof value, &value, sizeof value);
}

/* The first domain's frame 1 << 18 | 2 << 9 | 3 is the machine's 0x12345. */
#define DOMAIN_FRAME (1u << 18 | 2u << 9 | 3u)

static int machine_make(void **state)
{
	(void)state;
	memset(memory, 0, sizeof memory);
	waiting = NO_PAGE;
	memcpy(memory + EXTRA, ".7-pre\n", 8);
	entry_put(LIST, 1, MIDDLE);
	entry_put(MIDDLE, 2, LEAF);
	entry_put(LEAF, 3, 0x12345);
	entry_put(LEAF, 4, UINT64_MAX);
	return 0;
}

static struct nd_xen xen_make(void)
{
	const uint64_t info[10] = {4, 17, EXTRA, 0, 0, 0, 0, 0, 0, LIST};
	struct nd_xen xen = {0};

	nd_xen_note(&xen, "Xen", 4, CRASH, (const uint8_t *)info, sizeof info);
	return xen;
}

static void only_its_own_note_is_taken(void **state)
{
	const uint64_t info[10] = {4, 17};
	const uint8_t *desc = (const uint8_t *)info;
	struct nd_xen xen = {0};

	(void)state;
	nd_xen_note(&xen, "Xen", 4, CRASH + 1, desc, sizeof info);
	nd_xen_note(&xen, "XEN", 4, CRASH, desc, sizeof info);
	nd_xen_note(&xen, "Xen", 3, CRASH, desc, sizeof info);
	nd_xen_note(&xen, "Xen", 4, CRASH, desc, sizeof info - 1);
	assert_false(xen.runs);
	nd_xen_note(&xen, "Xen", 4, CRASH, desc, sizeof info);
	assert_true(xen.runs);
}

static void its_version_is_read(void **state)
{
	struct nd_xen xen = xen_make();
	char text[ND_XEN_VERSION_BYTES];

	(void)state;
	assert_int_equal(nd_xen_version(&xen, &mem, text), ND_MEM_OK);
	assert_string_equal(text, "4.17.7-pre");
	waiting = EXTRA / ND_PAGE_BYTES + 1;
	assert_int_equal(nd_xen_version(&xen, &mem, text), ND_MEM_WAIT);
	waiting = NO_PAGE;
	xen.extra_phys = UINT64_MAX - 3;
	assert_int_equal(nd_xen_version(&xen, &mem, text), ND_MEM_OK);
	assert_string_equal(text, "4.17");
	xen.major = UINT64_MAX;
	xen.extra_phys = EXTRA;
	memset(memory + EXTRA, 'x', 32);
	assert_int_equal(nd_xen_version(&xen, &mem, text), ND_MEM_OK);
	assert_string_equal(text, "295.17xxxxxxxxxxxxxxx");
}

static void a_frame_is_found(void **state)
{
	struct nd_xen xen = xen_make();
	uint64_t frame = 0;

	(void)state;
	for (waiting = LIST; waiting <= LEAF; waiting++)
		assert_int_equal(nd_xen_frame(&xen, &mem, DOMAIN_FRAME, &frame), ND_MEM_WAIT);
	waiting = NO_PAGE;
	assert_int_equal(nd_xen_frame(&xen, &mem, DOMAIN_FRAME, &frame), ND_MEM_OK);
	assert_int_equal(frame, 0x12345);
}

static void what_has_no_place_is_absent(void **state)
{
	struct nd_xen xen = xen_make();
	uint64_t frame = 0;

	(void)state;
	assert_int_equal(nd_xen_frame(&xen, &mem, DOMAIN_FRAME + 1, &frame), ND_MEM_ABSENT);
	assert_int_equal(nd_xen_frame(&xen, &mem, DOMAIN_FRAME + 2, &frame), ND_MEM_ABSENT);
	assert_int_equal(nd_xen_frame(&xen, &mem, 0, &frame), ND_MEM_ABSENT);
	assert_int_equal(nd_xen_frame(&xen, &mem, DOMAIN_FRAME | 1u << 27, &frame), ND_MEM_ABSENT);
	entry_put(MIDDLE, 2, PAGES);
	assert_int_equal(nd_xen_frame(&xen, &mem, DOMAIN_FRAME, &frame), ND_MEM_ABSENT);
	entry_put(MIDDLE, 2, 1ull << 52 | LEAF); /* times a page's bytes, LEAF */
	assert_int_equal(nd_xen_frame(&xen, &mem, DOMAIN_FRAME, &frame), ND_MEM_ABSENT);
	entry_put(LEAF, 3, 1ull << 40);
	entry_put(MIDDLE, 2, LEAF);
	assert_int_equal(nd_xen_frame(&xen, &mem, DOMAIN_FRAME, &frame), ND_MEM_ABSENT);
	entry_put(0, 1, MIDDLE);
	entry_put(LEAF, 3, 0x12345);
	xen.list_frame = 0;
	assert_int_equal(nd_xen_frame(&xen, &mem, DOMAIN_FRAME, &frame), ND_MEM_ABSENT);
	assert_int_equal(frame, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(only_its_own_note_is_taken, machine_make),
		cmocka_unit_test_setup(its_version_is_read, machine_make),
		cmocka_unit_test_setup(a_frame_is_found, machine_make),
		cmocka_unit_test_setup(what_has_no_place_is_absent, machine_make),
	};

	return cmocka_run_group_tests_name("xen", tests, NULL, NULL);
}
