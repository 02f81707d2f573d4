/* SPDX-License-Identifier: GPL-2.0-or-later */
/* handoff_test.c - the hand-over block's checksum finds every flipped bit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "netdump/handoff.h"

static void crc_is_the_published_one(void **state)
{
	(void)state;
	/* The check value of CRC-32 (IEEE 802.3). */
	assert_int_equal(nd_crc32(0, "123456789", 9), 0xcbf43926);
	assert_int_equal(nd_crc32(nd_crc32(0, "1234", 4), "56789", 5), 0xcbf43926);
}

static void every_flipped_bit_is_seen(void **state)
{
	(void)state;
	static struct nd_handoff good, bad;

	memset(&good, 0, sizeof good);
	memcpy(good.signature, ND_HANDOFF_SIGNATURE, sizeof good.signature);
	good.version = ND_HANDOFF_VERSION;
	good.bytes = sizeof good;
	good.crc = nd_handoff_crc(&good);
	assert_true(nd_handoff_valid(&good));
	for (size_t bit = 0; bit < offsetof(struct nd_handoff, last_words) * 8; bit++) {
		bad = good;
		((uint8_t *)&bad)[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		assert_false(nd_handoff_valid(&bad));
	}
	/* The last words are written at the crash, and do not count. */
	bad = good;
	bad.last_words[0] = 'x';
	assert_true(nd_handoff_valid(&bad));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crc_is_the_published_one),
		cmocka_unit_test(every_flipped_bit_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
