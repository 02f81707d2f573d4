// SPDX-License-Identifier: GPL-2.0-or-later
/* sha256_test.c - the processor's SHA-256 against FIPS 180-4's examples and BearSSL's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "server/sha256.h"

static uint8_t data[4096];

static void hash(uint8_t sum[br_sha256_SIZE], const void *from, size_t bytes, size_t piece)
{
	br_sha256_context sha;

	br_sha256_init(&sha);
	for (size_t at = 0; at < bytes; at += piece)
		nd_sha256_update(&sha, (const uint8_t *)from + at,
				 bytes - at < piece ? bytes - at : piece);
	br_sha256_out(&sha, sum);
}

static void the_standards_examples(void **state)
{
	static const struct {
		const char *text, *sum;
	} row[] = {
		{"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		 "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
		{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		uint8_t sum[br_sha256_SIZE];
		char text[2 * br_sha256_SIZE + 1];

		hash(sum, row[i].text, strlen(row[i].text), 1000);
		for (size_t k = 0; k < sizeof sum; k++)
			snprintf(text + 2 * k, 3, "%02x", sum[k]);
		assert_string_equal(text, row[i].sum);
	}
}

/* In pieces of any length, at any address. */
static void the_same_as_bearssl(void **state)
{
	static const size_t pieces[] = {1, 63, 64, 65, 128, 1000, sizeof data};

	(void)state;
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)(i * i >> 3);
	for (size_t bytes = 0; bytes <= 700; bytes++) {
		for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
			uint8_t want[br_sha256_SIZE], got[br_sha256_SIZE];
			const uint8_t *from = data + bytes % 17;
			br_sha256_context sha;

			br_sha256_init(&sha);
			br_sha256_update(&sha, from, bytes);
			br_sha256_out(&sha, want);
			hash(got, from, bytes, pieces[i]);
			assert_memory_equal(got, want, sizeof want);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_standards_examples),
		cmocka_unit_test(the_same_as_bearssl),
	};

	if (!nd_sha256_has_instructions())
		puts("this processor has no SHA instructions: BearSSL's code is tested alone");
	return cmocka_run_group_tests_name("sha256", tests, NULL, NULL);
}
