// SPDX-License-Identifier: GPL-2.0-or-later
/* sha256.c - SHA-256 of much data, by FIPS 180-4 and the SHA extensions of x86. */
#include "server/sha256.h"

#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#define BLOCK_BYTES 64u

#ifdef __x86_64__
#include <cpuid.h>
#include <immintrin.h>

static const uint32_t constants[64] __attribute__((aligned(16))) = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
	0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
	0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
	0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
	0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
	0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
	0xc67178f2};

static bool instructions_find(void)
{
	unsigned int a, b, c, d;

	if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_SSSE3) || !(c & bit_SSE4_1))
		return false;
	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA);
}

/* Asked once: in a virtual machine CPUID takes as long as hashing some KiB. */
bool nd_sha256_has_instructions(void)
{
	static atomic_int found; /* 0: not asked yet */
	int now = found;

	if (!now)
		found = now = instructions_find() ? 1 : -1;
	return now > 0;
}

/* Four rounds, and the four words of the schedule that take the place of those just used. */
#define ROUNDS(i, w0, w1, w2, w3)                                                                  \
	do {                                                                                       \
		__m128i t = _mm_add_epi32(w0, ((const __m128i *)constants)[i]);                    \
		cdgh = _mm_sha256rnds2_epu32(cdgh, abef, t);                                       \
		abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(t, 0x0e));              \
		t = _mm_add_epi32(_mm_sha256msg1_epu32(w0, w1), _mm_alignr_epi8(w3, w2, 4));       \
		w0 = _mm_sha256msg2_epu32(t, w3);                                                  \
	} while (0)

/* The state is in words, from a to h. */
__attribute__((target("sha,sse4.1"))) static void blocks_hash(uint32_t state[8],
							      const uint8_t *data, size_t blocks)
{
	const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
	__m128i abcd = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)state), 0xb1);
	__m128i efgh = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(state + 4)), 0x1b);
	__m128i abef = _mm_alignr_epi8(abcd, efgh, 8);
	__m128i cdgh = _mm_blend_epi16(efgh, abcd, 0xf0);

	for (; blocks; blocks--, data += BLOCK_BYTES) {
		const __m128i *in = (const __m128i *)data;
		__m128i w0 = _mm_shuffle_epi8(_mm_loadu_si128(in), swap);
		__m128i w1 = _mm_shuffle_epi8(_mm_loadu_si128(in + 1), swap);
		__m128i w2 = _mm_shuffle_epi8(_mm_loadu_si128(in + 2), swap);
		__m128i w3 = _mm_shuffle_epi8(_mm_loadu_si128(in + 3), swap);
		__m128i abef_before = abef, cdgh_before = cdgh;

		for (unsigned int i = 0; i < 16; i += 4) {
			ROUNDS(i, w0, w1, w2, w3);
			ROUNDS(i + 1, w1, w2, w3, w0);
			ROUNDS(i + 2, w2, w3, w0, w1);
			ROUNDS(i + 3, w3, w0, w1, w2);
		}
		abef = _mm_add_epi32(abef, abef_before);
		cdgh = _mm_add_epi32(cdgh, cdgh_before);
	}
	abcd = _mm_shuffle_epi32(abef, 0x1b);
	efgh = _mm_shuffle_epi32(cdgh, 0xb1);
	_mm_storeu_si128((__m128i *)state, _mm_blend_epi16(abcd, efgh, 0xf0));
	_mm_storeu_si128((__m128i *)(state + 4), _mm_alignr_epi8(efgh, abcd, 8));
}

/* Whole blocks, from a block's start on; how much that was. */
static size_t blocks_take(br_sha256_context *sha, const uint8_t *data, size_t bytes)
{
	size_t blocks = bytes / BLOCK_BYTES;
	uint32_t state[8];
	uint8_t text[br_sha256_SIZE];
	uint64_t count = br_sha256_state(sha, text);

	if (!blocks || count % BLOCK_BYTES || !nd_sha256_has_instructions())
		return 0;
	for (unsigned int i = 0; i < 8; i++) {
		memcpy(&state[i], text + 4 * i, sizeof state[i]);
		state[i] = __builtin_bswap32(state[i]);
	}
	blocks_hash(state, data, blocks);
	for (unsigned int i = 0; i < 8; i++) {
		state[i] = __builtin_bswap32(state[i]);
		memcpy(text + 4 * i, &state[i], sizeof state[i]);
	}
	br_sha256_set_state(sha, text, count + blocks * BLOCK_BYTES);
	return blocks * BLOCK_BYTES;
}
#else
bool nd_sha256_has_instructions(void)
{
	return false;
}

static size_t blocks_take(br_sha256_context *sha, const uint8_t *data, size_t bytes)
{
	(void)sha;
	(void)data;
	(void)bytes;
	return 0;
}
#endif

void nd_sha256_update(br_sha256_context *sha, const void *data, size_t bytes)
{
	size_t taken = blocks_take(sha, data, bytes);

	br_sha256_update(sha, (const uint8_t *)data + taken, bytes - taken);
}
