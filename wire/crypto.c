// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * crypto.c - X25519 and ChaCha20-Poly1305 from BearSSL, in the variants that were measured
 * fastest both on a CPU and under an emulator: plain C, not SSE2.
 *
 * Runs hosted, and freestanding in DINI.
 */
#include "wire/crypto.h"

#include <bearssl.h>
#include <string.h>

static const br_ec_impl *const curve = &br_ec_c25519_m31;
static const br_chacha20_run chacha20 = br_chacha20_ct_run;

/* BearSSL takes scalars, like points, as RFC 7748 has them, and clamps them itself. */
void nd_crypto_x25519(uint8_t result[ND_CRYPTO_KEY_BYTES],
		      const uint8_t scalar[ND_CRYPTO_KEY_BYTES],
		      const uint8_t point[ND_CRYPTO_KEY_BYTES])
{
	memcpy(result, point, ND_CRYPTO_KEY_BYTES);
	curve->mul(result, ND_CRYPTO_KEY_BYTES, scalar, ND_CRYPTO_KEY_BYTES, BR_EC_curve25519);
}

static br_poly1305_run poly1305(void)
{
	br_poly1305_run wide = br_poly1305_ctmulq_get(); /* only with 128-bit products */

	return wide ? wide : br_poly1305_ctmul_run;
}

void nd_crypto_seal(const uint8_t key[ND_CRYPTO_KEY_BYTES], uint64_t nonce, const void *ad,
		    size_t ad_bytes, void *data, size_t bytes)
{
	uint8_t iv[ND_CRYPTO_NONCE_BYTES];

	nd_crypto_nonce(iv, nonce);
	poly1305()(key, iv, data, bytes, ad, ad_bytes, (uint8_t *)data + bytes, chacha20, 1);
}

/* Block 0 of the stream is Poly1305's key; the data, from block 1 on, are left alone. */
static uint32_t chacha20_key_only(const void *key, const void *iv, uint32_t block, void *data,
				  size_t bytes)
{
	return block ? block : chacha20(key, iv, block, data, bytes);
}

/* The tag first, so that nothing forged is ever decrypted, and can be tried with other keys. */
bool nd_crypto_open(const uint8_t key[ND_CRYPTO_KEY_BYTES], uint64_t nonce, const void *ad,
		    size_t ad_bytes, void *data, size_t bytes)
{
	uint8_t iv[ND_CRYPTO_NONCE_BYTES], tag[ND_CRYPTO_TAG_BYTES];

	nd_crypto_nonce(iv, nonce);
	poly1305()(key, iv, data, bytes, ad, ad_bytes, tag, chacha20_key_only, 0);
	if (!nd_crypto_same(tag, (const uint8_t *)data + bytes, sizeof tag))
		return false;
	chacha20(key, iv, 1, data, bytes);
	return true;
}
