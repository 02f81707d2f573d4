/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * seal_test.c - no bit of what the seal covers flips unseen, neither by a stub nor by DINI, and
 * the gate's code is covered.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dini/boot.h"
#include "dini/seal.h"
#include "stub/common/seal.h"
#include "tests/fuzz/shim/phys.h"

#define MEMORY_BYTES 0x10000u

uint8_t *nd_fuzz_phys; /* this memory, for both */
struct nd_boot nd_boot;
struct nd_last_words nd_last_words;

static struct nd_handoff block;

static int memory_open(void **state)
{
	/* Of any length, side by side, out of order, as many as there can be. */
	static const struct nd_seal_range ranges[ND_SEAL_RANGES_MAX] = {
		{0x1000, 256}, {0x8000, 1}, {0x1100, 64}, {0x4FFD, 7},
		{0x4FF0, 13},  {0x6000, 0}, {0, 16},      {MEMORY_BYTES - 200, 200},
	};

	(void)state;
	nd_fuzz_phys = malloc(MEMORY_BYTES);
	for (uint32_t i = 0; i < MEMORY_BYTES; i++)
		nd_fuzz_phys[i] = (uint8_t)(i * 2654435761u >> 24);
	memset(&block, 0, sizeof block);
	memcpy(block.seal, ranges, sizeof ranges);
	block.seal_count = ND_SEAL_RANGES_MAX;
	for (uint32_t i = 0; i < block.seal_count; i++)
		block.seal_crc =
			nd_crc32(block.seal_crc, nd_fuzz_phys + ranges[i].phys, ranges[i].bytes);
	return 0;
}

static int memory_close(void **state)
{
	(void)state;
	free(nd_fuzz_phys);
	return 0;
}

static void seal_is(bool whole)
{
	const char *why = "";

	assert_int_equal(nd_seal_holds(&block), whole);
	assert_int_equal(nd_seal_check(&block, &why), whole ? 0 : ND_REFUSED_SEAL);
	assert_string_equal(why, whole ? "" : "fenced memory was changed");
}

static void every_flipped_bit_breaks_it(void **state)
{
	(void)state;
	seal_is(true);
	for (uint32_t i = 0; i < block.seal_count; i++) {
		const struct nd_seal_range *range = &block.seal[i];

		for (uint32_t bit = 0; bit < 8 * range->bytes; bit++) {
			uint8_t *at = nd_fuzz_phys + range->phys + bit / 8;

			*at ^= (uint8_t)(1u << bit % 8);
			seal_is(false);
			*at ^= (uint8_t)(1u << bit % 8);
		}
	}
	seal_is(true);
}

static void what_lies_beside_does_not_count(void **state)
{
	(void)state;
	for (uint32_t at = 0; at < MEMORY_BYTES; at++) {
		bool covered = false;

		for (uint32_t i = 0; i < block.seal_count; i++)
			covered |= at - block.seal[i].phys < block.seal[i].bytes;
		nd_fuzz_phys[at] ^= covered ? 0 : 0xFF;
	}
	seal_is(true);
}

#define BLOCK_PHYS 0x2000u
#define GATE_PHYS  0x8000u

/* What a sound machine's boot leaves, with only the code of the gate sealed. */
static void block_make(void)
{
	block = (struct nd_handoff){
		.version = ND_HANDOFF_VERSION,
		.bytes = sizeof block,
		.seal_count = 1,
		.seal = {{GATE_PHYS, 0x1000}},
		.gate_entry_phys = GATE_PHYS + 0x40,
		.gate_call_phys = GATE_PHYS + 0x1000,
		.tx_slots_phys = GATE_PHYS + 0x2000,
		.rx_slots_phys = GATE_PHYS + 0x4000,
		.tx_slots = 4,
		.rx_slots = 4,
		.slot_bytes = ND_GATE_SLOT_BYTES,
		.low_copy_phys = GATE_PHYS + 0x100,
		.server_count = 1,
		.security = ND_SECURITY_PLAIN,
	};
	memcpy(block.signature, ND_HANDOFF_SIGNATURE, sizeof block.signature);
}

/* Checksums that fit, whatever stands there. */
static const char *block_refused(void)
{
	struct nd_handoff taken;
	const char *why;

	block.crc = nd_handoff_crc(&block);
	memcpy(nd_fuzz_phys + BLOCK_PHYS, &block, sizeof block);
	if (nd_seal_block_take(BLOCK_PHYS, &taken, &why) == 0) {
		assert_null(why);
		return "";
	}
	return why;
}

static void the_gate_is_entered_under_the_seal_only(void **state)
{
	static const struct {
		uint32_t entry_phys;
		const char *refused;
	} cases[] = {
		{GATE_PHYS, ""},
		{GATE_PHYS + 0xFFF, ""},
		{GATE_PHYS - 1, "the gate is not under the seal"},
		{GATE_PHYS + 0x1000, "the gate is not under the seal"},
		{0x100000, "the gate is not below 1 MiB"},
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		block_make();
		block.gate_entry_phys = cases[i].entry_phys;
		assert_string_equal(block_refused(), cases[i].refused);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_flipped_bit_breaks_it, memory_open,
						memory_close),
		cmocka_unit_test_setup_teardown(what_lies_beside_does_not_count, memory_open,
						memory_close),
		cmocka_unit_test_setup_teardown(the_gate_is_entered_under_the_seal_only,
						memory_open, memory_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
