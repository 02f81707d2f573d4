// SPDX-License-Identifier: GPL-2.0-or-later
/* flips.c - see flips.h.  Which bits: the ends of each range, the rest drawn from a fixed seed. */
#include "flips.h"

#include <stdbool.h>
#include <string.h>

#include "bare.h"
#include "stub/common/seal.h"

#define RANGE_FLIPS 64
#define BLOCK_FLIPS 400

static uint32_t drawn = 0x5EA1ED;

static uint32_t draw(uint32_t below)
{
	drawn ^= drawn << 13;
	drawn ^= drawn >> 17;
	drawn ^= drawn << 5;
	return drawn % below;
}

static uint32_t bit_choose(uint32_t number, uint32_t bytes)
{
	if (number == 0)
		return 0;
	return number == 1 ? 8 * bytes - 1 : draw(8 * bytes);
}

static void bit_flip(uint32_t from_phys, uint32_t bit)
{
	*(volatile uint8_t *)phys(from_phys + bit / 8) ^= (uint8_t)(1u << bit % 8);
}

static void range_check(uint32_t entry, uint32_t handoff_phys, struct nd_seal_range range)
{
	const struct nd_handoff *h = phys(handoff_phys);
	bool is_dini = range.phys == h->dini_phys;

	for (uint32_t i = 0; i < RANGE_FLIPS; i++) {
		uint32_t bit = bit_choose(i, range.bytes);

		bit_flip(range.phys, bit);
		CHECK(!nd_seal_holds(h));
		if (!is_dini)
			CHECK(guest_call(entry, ND_DINI_ENTER, 0, handoff_phys) == ND_REFUSED_SEAL);
		bit_flip(range.phys, bit);
	}
}

void flips_check(uint32_t entry, uint32_t handoff_phys)
{
	struct nd_handoff *h = phys(handoff_phys);

	CHECK(nd_seal_holds(h));
	for (uint32_t i = 0; i < h->seal_count; i++)
		range_check(entry, handoff_phys, h->seal[i]);
	CHECK(memcmp(h->last_words, "fenced memory was changed", 26) == 0);
	CHECK(nd_seal_holds(h));
	for (uint32_t i = 0; i < BLOCK_FLIPS; i++) {
		uint32_t bit = bit_choose(i, offsetof(struct nd_handoff, last_words));

		bit_flip(handoff_phys, bit);
		CHECK(guest_call(entry, ND_DINI_ENTER, 0, handoff_phys) == ND_REFUSED_HANDOFF);
		bit_flip(handoff_phys, bit);
	}
	CHECK(nd_handoff_valid(h));
}
