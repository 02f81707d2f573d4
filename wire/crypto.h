/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * crypto.h - the two primitives that take time: X25519, and ChaCha20-Poly1305.
 *
 * There are two implementations, and a program is linked with one of them.  wire/crypto.c,
 * BearSSL's plain C, runs everywhere, freestanding in DINI too; server/crypto.c, libsodium's, with
 * the vector instructions of the CPU that netdumpd finds itself on.
 *
 * Pure: no I/O, no clock, no allocation.
 */
#ifndef NETDUMP_WIRE_CRYPTO_H
#define NETDUMP_WIRE_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ND_CRYPTO_KEY_BYTES 32
#define ND_CRYPTO_TAG_BYTES 16

/* X25519.  Scalar and point as in RFC 7748, not clamped; all zero for a point of small order. */
void nd_crypto_x25519(uint8_t result[ND_CRYPTO_KEY_BYTES],
		      const uint8_t scalar[ND_CRYPTO_KEY_BYTES],
		      const uint8_t point[ND_CRYPTO_KEY_BYTES]);

/*
 * ChaCha20-Poly1305 (RFC 8439) with Noise's nonce, in place: `bytes` at `data`, tag behind
 * them.  open: bytes does not count the tag; false: damaged, and nothing was written.
 */
void nd_crypto_seal(const uint8_t key[ND_CRYPTO_KEY_BYTES], uint64_t nonce, const void *ad,
		    size_t ad_bytes, void *data, size_t bytes);
bool nd_crypto_open(const uint8_t key[ND_CRYPTO_KEY_BYTES], uint64_t nonce, const void *ad,
		    size_t ad_bytes, void *data, size_t bytes);

/* RFC 8439's nonce is 32 zero bits and Noise's 64-bit counter, little-endian. */
#define ND_CRYPTO_NONCE_BYTES 12
static inline void nd_crypto_nonce(uint8_t to[ND_CRYPTO_NONCE_BYTES], uint64_t nonce)
{
	for (unsigned int i = 0; i < ND_CRYPTO_NONCE_BYTES; i++)
		to[i] = i < 4 ? 0 : (uint8_t)(nonce >> (8 * (i - 4)));
}

/* The bytes decide nothing about how long this takes. */
static inline bool nd_crypto_same(const uint8_t *a, const uint8_t *b, size_t bytes)
{
	unsigned int differ = 0;

	for (size_t i = 0; i < bytes; i++)
		differ |= a[i] ^ b[i];
	return !differ;
}

#endif
