// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * noise.c - Noise_NK and Noise_NKpsk0 over X25519, ChaCha20-Poly1305 and SHA-256.
 *
 * Runs hosted in netdumpd and freestanding in DINI.  SHA-256 is BearSSL's, the rest crypto.h's.
 */
#include "wire/noise.h"

#include <bearssl.h>
#include <string.h>

#include "wire/crypto.h"

_Static_assert(br_sha256_SIZE == ND_NOISE_KEY_BYTES, "a hash is as long as a key");
_Static_assert(ND_CRYPTO_KEY_BYTES == ND_NOISE_KEY_BYTES, "keys");
_Static_assert(ND_CRYPTO_TAG_BYTES == ND_NOISE_TAG_BYTES, "tags");

#define NAME_NK      "Noise_NK_25519_ChaChaPoly_SHA256"
#define NAME_NKPSK0  "Noise_NKpsk0_25519_ChaChaPoly_SHA256"
#define HKDF_OUT_MAX 3

void nd_noise_wipe(void *secret, size_t bytes)
{
	memset(secret, 0, bytes);
	__asm__ volatile("" : : "r"(secret) : "memory");
}

void nd_noise_public(uint8_t public_key[ND_NOISE_KEY_BYTES],
		     const uint8_t private_key[ND_NOISE_KEY_BYTES])
{
	static const uint8_t base[ND_NOISE_KEY_BYTES] = {9};

	nd_crypto_x25519(public_key, private_key, base);
}

/*
 * Noise's HKDF(ck, input) is RFC 5869's with ck as salt and no info: `count` results of a
 * key's length each, the first of which is the new ck.
 */
static void chain(struct nd_noise *n, const uint8_t *input, size_t bytes,
		  uint8_t out[HKDF_OUT_MAX][ND_NOISE_KEY_BYTES], size_t count)
{
	br_hkdf_context hkdf;

	br_hkdf_init(&hkdf, &br_sha256_vtable, n->chaining, sizeof n->chaining);
	br_hkdf_inject(&hkdf, input, bytes);
	br_hkdf_flip(&hkdf);
	br_hkdf_produce(&hkdf, NULL, 0, out, count * ND_NOISE_KEY_BYTES);
	memcpy(n->chaining, out[0], sizeof n->chaining);
	nd_noise_wipe(&hkdf, sizeof hkdf);
}

static void hash_mix(struct nd_noise *n, const void *data, size_t bytes)
{
	br_sha256_context sha;

	br_sha256_init(&sha);
	br_sha256_update(&sha, n->hash, sizeof n->hash);
	br_sha256_update(&sha, data, bytes);
	br_sha256_out(&sha, n->hash);
}

static void key_mix(struct nd_noise *n, const uint8_t input[ND_NOISE_KEY_BYTES])
{
	uint8_t out[HKDF_OUT_MAX][ND_NOISE_KEY_BYTES];

	chain(n, input, ND_NOISE_KEY_BYTES, out, 2);
	memcpy(n->key, out[1], sizeof n->key);
	nd_noise_wipe(out, sizeof out);
}

/* Token psk. */
static void psk_mix(struct nd_noise *n, const uint8_t psk[ND_NOISE_KEY_BYTES])
{
	uint8_t out[HKDF_OUT_MAX][ND_NOISE_KEY_BYTES];

	chain(n, psk, ND_NOISE_KEY_BYTES, out, 3);
	hash_mix(n, out[1], ND_NOISE_KEY_BYTES);
	memcpy(n->key, out[2], sizeof n->key);
	nd_noise_wipe(out, sizeof out);
}

/* Token e. */
static void ephemeral_mix(struct nd_noise *n, const uint8_t public_key[ND_NOISE_KEY_BYTES])
{
	hash_mix(n, public_key, ND_NOISE_KEY_BYTES);
	if (n->has_psk)
		key_mix(n, public_key);
}

/* Tokens es and ee.  A point of small order makes the secret zero whatever our key is. */
static bool secret_mix(struct nd_noise *n, const uint8_t private_key[ND_NOISE_KEY_BYTES],
		       const uint8_t public_key[ND_NOISE_KEY_BYTES])
{
	static const uint8_t zero[ND_NOISE_KEY_BYTES];
	uint8_t secret[ND_NOISE_KEY_BYTES];
	bool good;

	nd_crypto_x25519(secret, private_key, public_key);
	good = !nd_crypto_same(secret, zero, sizeof secret);
	if (good)
		key_mix(n, secret);
	nd_noise_wipe(secret, sizeof secret);
	return good;
}

static void payload_seal(struct nd_noise *n, void *payload, size_t bytes)
{
	nd_crypto_seal(n->key, 0, n->hash, sizeof n->hash, payload, bytes);
	hash_mix(n, payload, bytes + ND_NOISE_TAG_BYTES);
}

static bool payload_open(struct nd_noise *n, void *payload, size_t bytes)
{
	uint8_t ad[ND_NOISE_KEY_BYTES];

	if (bytes < ND_NOISE_TAG_BYTES)
		return false;
	memcpy(ad, n->hash, sizeof ad);
	hash_mix(n, payload, bytes); /* what came, tag and all: before it is decrypted in place */
	return nd_crypto_open(n->key, 0, ad, sizeof ad, payload, bytes - ND_NOISE_TAG_BYTES);
}

static void name_begin(struct nd_noise *n, const char *name, size_t bytes)
{
	br_sha256_context sha;

	if (bytes <= sizeof n->hash) {
		memcpy(n->hash, name, bytes);
	} else {
		br_sha256_init(&sha);
		br_sha256_update(&sha, name, bytes);
		br_sha256_out(&sha, n->hash);
	}
	memcpy(n->chaining, n->hash, sizeof n->chaining);
}

void nd_noise_begin(struct nd_noise *n, const uint8_t server_public[ND_NOISE_KEY_BYTES],
		    const uint8_t *psk, const void *prologue, size_t prologue_bytes)
{
	memset(n, 0, sizeof *n);
	n->has_psk = psk;
	if (psk)
		name_begin(n, NAME_NKPSK0, sizeof NAME_NKPSK0 - 1);
	else
		name_begin(n, NAME_NK, sizeof NAME_NK - 1);
	hash_mix(n, prologue, prologue_bytes);
	hash_mix(n, server_public, ND_NOISE_KEY_BYTES);
	if (psk)
		psk_mix(n, psk);
}

bool nd_noise_hello_write(struct nd_noise *n, const uint8_t server_public[ND_NOISE_KEY_BYTES],
			  const uint8_t ephemeral[ND_NOISE_KEY_BYTES],
			  uint8_t public_out[ND_NOISE_KEY_BYTES], void *payload, size_t bytes)
{
	memcpy(n->own_ephemeral, ephemeral, sizeof n->own_ephemeral);
	nd_noise_public(public_out, ephemeral);
	ephemeral_mix(n, public_out);
	if (!secret_mix(n, ephemeral, server_public))
		return false;
	payload_seal(n, payload, bytes);
	return true;
}

bool nd_noise_hello_read(struct nd_noise *n, const uint8_t server_private[ND_NOISE_KEY_BYTES],
			 const uint8_t their_public[ND_NOISE_KEY_BYTES], void *payload,
			 size_t bytes)
{
	memcpy(n->their_ephemeral, their_public, sizeof n->their_ephemeral);
	ephemeral_mix(n, their_public);
	return secret_mix(n, server_private, their_public) && payload_open(n, payload, bytes);
}

bool nd_noise_answer_write(struct nd_noise *n, const uint8_t ephemeral[ND_NOISE_KEY_BYTES],
			   uint8_t public_out[ND_NOISE_KEY_BYTES], void *payload, size_t bytes)
{
	nd_noise_public(public_out, ephemeral);
	ephemeral_mix(n, public_out);
	if (!secret_mix(n, ephemeral, n->their_ephemeral))
		return false;
	payload_seal(n, payload, bytes);
	return true;
}

bool nd_noise_answer_read(struct nd_noise *n, const uint8_t their_public[ND_NOISE_KEY_BYTES],
			  void *payload, size_t bytes)
{
	ephemeral_mix(n, their_public);
	return secret_mix(n, n->own_ephemeral, their_public) && payload_open(n, payload, bytes);
}

void nd_noise_split(struct nd_noise *n, uint8_t to_responder[ND_NOISE_KEY_BYTES],
		    uint8_t to_initiator[ND_NOISE_KEY_BYTES])
{
	uint8_t out[HKDF_OUT_MAX][ND_NOISE_KEY_BYTES];

	chain(n, NULL, 0, out, 2);
	memcpy(to_responder, out[0], ND_NOISE_KEY_BYTES);
	memcpy(to_initiator, out[1], ND_NOISE_KEY_BYTES);
	nd_noise_wipe(out, sizeof out);
	nd_noise_wipe(n, sizeof *n);
}
