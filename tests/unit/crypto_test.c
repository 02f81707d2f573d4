// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * crypto_test.c - netdumpd's primitives (server/crypto.c) against published vectors, and against
 * those of the other end, BearSSL's.
 *
 * Sources: RFC 7748, section 5.2; RFC 8439, section 2.8 by way of BearSSL.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <bearssl.h>

#include "server/crypto.h"
#include "wire/crypto.h"

#define KEY        ND_CRYPTO_KEY_BYTES
#define TAG        ND_CRYPTO_TAG_BYTES
#define BYTES_MAX  1500
#define CURVE_RUNS 50

static uint8_t byte_next(void)
{
	static uint32_t state = 1;

	state = state * 1664525u + 1013904223u;
	return (uint8_t)(state >> 24);
}

static void fill(void *to, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		((uint8_t *)to)[i] = byte_next();
}

/* RFC 7748, 5.2, the second vector: its point has the highest bit set, which does not count. */
static void x25519_is_the_published_one(void **state)
{
	static const uint8_t scalar[KEY] = {0x4b, 0x66, 0xe9, 0xd4, 0xd1, 0xb4, 0x67, 0x3c,
					    0x5a, 0xd2, 0x26, 0x91, 0x95, 0x7d, 0x6a, 0xf5,
					    0xc1, 0x1b, 0x64, 0x21, 0xe0, 0xea, 0x01, 0xd4,
					    0x2c, 0xa4, 0x16, 0x9e, 0x79, 0x18, 0xba, 0x0d};
	static const uint8_t point[KEY] = {0xe5, 0x21, 0x0f, 0x12, 0x78, 0x68, 0x11, 0xd3,
					   0xf4, 0xb7, 0x95, 0x9d, 0x05, 0x38, 0xae, 0x2c,
					   0x31, 0xdb, 0xe7, 0x10, 0x6f, 0xc0, 0x3c, 0x3e,
					   0xfc, 0x4c, 0xd5, 0x49, 0xc7, 0x15, 0xa4, 0x93};
	static const uint8_t product[KEY] = {0x95, 0xcb, 0xde, 0x94, 0x76, 0xe8, 0x90, 0x7d,
					     0x7a, 0xad, 0xe4, 0x5c, 0xb4, 0xb8, 0x73, 0xf8,
					     0x8b, 0x59, 0x5a, 0x68, 0x79, 0x9f, 0xa1, 0x52,
					     0xe6, 0xf8, 0xf7, 0x64, 0x7a, 0xac, 0x79, 0x57};
	uint8_t result[KEY];

	(void)state;
	nd_crypto_x25519(result, scalar, point);
	assert_memory_equal(result, product, KEY);
}

static void x25519_agrees_with_bearssl(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < CURVE_RUNS; i++) {
		uint8_t scalar[KEY], point[KEY], result[KEY], theirs[KEY];

		fill(scalar, KEY);
		fill(point, KEY);
		memcpy(theirs, point, KEY);
		br_ec_c25519_m31.mul(theirs, KEY, scalar, KEY, BR_EC_curve25519);
		nd_crypto_x25519(result, scalar, point);
		assert_memory_equal(result, theirs, KEY);
	}
}

static void points_of_small_order_give_zeros(void **state)
{
	static const uint8_t order_8[KEY] = {0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae,
					     0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a,
					     0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd,
					     0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00};
	static const uint8_t order_1[KEY] = {1}, order_2[KEY] = {0}, zeros[KEY];
	const uint8_t *const point[] = {order_8, order_1, order_2};

	(void)state;
	for (size_t i = 0; i < sizeof point / sizeof *point; i++) {
		uint8_t scalar[KEY], result[KEY];

		fill(scalar, KEY);
		fill(result, KEY);
		nd_crypto_x25519(result, scalar, point[i]);
		assert_memory_equal(result, zeros, KEY);
	}
}

/* What BearSSL makes of it; the nonce as RFC 8439 has it. */
static void theirs_seal(const uint8_t *key, uint64_t nonce, const uint8_t *ad, size_t ad_bytes,
			uint8_t *data, size_t bytes)
{
	uint8_t iv[ND_CRYPTO_NONCE_BYTES] = {0};

	for (unsigned int i = 0; i < 8; i++)
		iv[4 + i] = (uint8_t)(nonce >> 8 * i);
	br_poly1305_ctmul_run(key, iv, data, bytes, ad, ad_bytes, data + bytes, br_chacha20_ct_run,
			      1);
}

static void seals_as_bearssl_and_opens(void **state)
{
	(void)state;
	for (size_t bytes = 0; bytes <= BYTES_MAX; bytes++) {
		uint8_t key[KEY], ad[40], data[BYTES_MAX + TAG], ours[BYTES_MAX + TAG],
			theirs[BYTES_MAX + TAG];
		size_t ad_bytes = bytes % sizeof ad;
		uint64_t nonce;

		fill(key, sizeof key);
		fill(ad, sizeof ad);
		fill(data, bytes);
		fill(&nonce, sizeof nonce);
		memcpy(ours, data, bytes);
		memcpy(theirs, data, bytes);
		nd_crypto_seal(key, nonce, ad, ad_bytes, ours, bytes);
		theirs_seal(key, nonce, ad, ad_bytes, theirs, bytes);
		assert_memory_equal(ours, theirs, bytes + TAG);
		assert_true(nd_crypto_open(key, nonce, ad, ad_bytes, ours, bytes));
		assert_memory_equal(ours, data, bytes);
	}
}

/* A datagram is tried with two sets of keys: the first that does not fit must not touch it. */
static void what_does_not_open_stays_as_it_was(void **state)
{
	uint8_t key[KEY], ad[24], data[100 + TAG], before[100 + TAG];

	(void)state;
	fill(key, sizeof key);
	fill(ad, sizeof ad);
	fill(data, 100);
	nd_crypto_seal(key, 7, ad, sizeof ad, data, 100);
	for (size_t i = 0; i < sizeof data; i++) {
		data[i] ^= 1;
		memcpy(before, data, sizeof data);
		assert_false(nd_crypto_open(key, 7, ad, sizeof ad, data, 100));
		assert_memory_equal(data, before, sizeof data);
		data[i] ^= 1;
	}
	assert_false(nd_crypto_open(key, 8, ad, sizeof ad, data, 100));
	key[0] ^= 1;
	assert_false(nd_crypto_open(key, 7, ad, sizeof ad, data, 100));
	key[0] ^= 1;
	ad[0] ^= 1;
	assert_false(nd_crypto_open(key, 7, ad, sizeof ad, data, 100));
	ad[0] ^= 1;
	assert_true(nd_crypto_open(key, 7, ad, sizeof ad, data, 100));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(x25519_is_the_published_one),
		cmocka_unit_test(x25519_agrees_with_bearssl),
		cmocka_unit_test(points_of_small_order_give_zeros),
		cmocka_unit_test(seals_as_bearssl_and_opens),
		cmocka_unit_test(what_does_not_open_stays_as_it_was),
	};

	if (!nd_crypto_init())
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
