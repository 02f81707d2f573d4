// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * crypto.c - wire/crypto.h on libsodium, which netdumpd is linked with.
 *
 * Source: RFC 8439, section 2.8.  Not with the library's own call for both at once: it would wipe a
 * datagram that does not open, which may be one under other keys of the session.
 */
#include "wire/crypto.h"

#include <sodium.h>
#include <string.h>

#include "server/crypto.h"

#define PAD_BYTES 16

_Static_assert(ND_CRYPTO_NONCE_BYTES == crypto_stream_chacha20_ietf_NONCEBYTES, "nonces");
_Static_assert(ND_CRYPTO_TAG_BYTES == crypto_onetimeauth_poly1305_BYTES, "tags");

bool nd_crypto_init(void)
{
	return sodium_init() >= 0;
}

/* It clamps scalars itself, and writes zeros where it fails: for points of small order. */
void nd_crypto_x25519(uint8_t result[ND_CRYPTO_KEY_BYTES],
		      const uint8_t scalar[ND_CRYPTO_KEY_BYTES],
		      const uint8_t point[ND_CRYPTO_KEY_BYTES])
{
	if (crypto_scalarmult_curve25519(result, scalar, point))
		memset(result, 0, ND_CRYPTO_KEY_BYTES);
}

static void padded_add(crypto_onetimeauth_poly1305_state *state, const void *data, size_t bytes)
{
	static const uint8_t zeros[PAD_BYTES];

	crypto_onetimeauth_poly1305_update(state, data, bytes);
	crypto_onetimeauth_poly1305_update(state, zeros,
					   (PAD_BYTES - bytes % PAD_BYTES) % PAD_BYTES);
}

static void tag_make(uint8_t tag[ND_CRYPTO_TAG_BYTES], const uint8_t key[ND_CRYPTO_KEY_BYTES],
		     const uint8_t iv[ND_CRYPTO_NONCE_BYTES], const void *ad, size_t ad_bytes,
		     const void *data, size_t bytes)
{
	uint64_t lengths[2] = {ad_bytes, bytes}; /* little-endian, as this machine is */
	uint8_t once[crypto_onetimeauth_poly1305_KEYBYTES];
	crypto_onetimeauth_poly1305_state state;

	crypto_stream_chacha20_ietf(once, sizeof once, iv, key);
	crypto_onetimeauth_poly1305_init(&state, once);
	padded_add(&state, ad, ad_bytes);
	padded_add(&state, data, bytes);
	crypto_onetimeauth_poly1305_update(&state, (const uint8_t *)lengths, sizeof lengths);
	crypto_onetimeauth_poly1305_final(&state, tag);
	sodium_memzero(once, sizeof once);
	sodium_memzero(&state, sizeof state);
}

void nd_crypto_seal(const uint8_t key[ND_CRYPTO_KEY_BYTES], uint64_t nonce, const void *ad,
		    size_t ad_bytes, void *data, size_t bytes)
{
	uint8_t iv[ND_CRYPTO_NONCE_BYTES];

	nd_crypto_nonce(iv, nonce);
	crypto_stream_chacha20_ietf_xor_ic(data, data, bytes, iv, 1, key);
	tag_make((uint8_t *)data + bytes, key, iv, ad, ad_bytes, data, bytes);
}

/* The tag first, so that nothing forged is ever decrypted, and can be tried with other keys. */
bool nd_crypto_open(const uint8_t key[ND_CRYPTO_KEY_BYTES], uint64_t nonce, const void *ad,
		    size_t ad_bytes, void *data, size_t bytes)
{
	uint8_t iv[ND_CRYPTO_NONCE_BYTES], tag[ND_CRYPTO_TAG_BYTES];

	nd_crypto_nonce(iv, nonce);
	tag_make(tag, key, iv, ad, ad_bytes, data, bytes);
	if (!nd_crypto_same(tag, (const uint8_t *)data + bytes, sizeof tag))
		return false;
	crypto_stream_chacha20_ietf_xor_ic(data, data, bytes, iv, 1, key);
	return true;
}
