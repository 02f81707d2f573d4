/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * noise.h - the handshakes Noise_NK_25519_ChaChaPoly_SHA256 and NKpsk0.
 *
 *   initiator (DINI)                        responder (netdumpd)
 *     nd_noise_begin(server's public key)     nd_noise_begin(its own public key)
 *     nd_noise_hello_write   -- e, es -->     nd_noise_hello_read
 *     nd_noise_answer_read   <-- e, ee --     nd_noise_answer_write
 *     nd_noise_split                          nd_noise_split
 *
 * Pure: no I/O, no clock, no allocation; ephemeral private keys are the caller's to draw.
 * Source: The Noise Protocol Framework, revision 34, sections 5, 7 and 9.
 */
#ifndef NETDUMP_WIRE_NOISE_H
#define NETDUMP_WIRE_NOISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ND_NOISE_KEY_BYTES 32
#define ND_NOISE_TAG_BYTES 16

/*
 * One handshake, from begin to split; the tokens' state and nothing else.  No nonce: both
 * messages mix a new key before their payload, so it is always 0.
 */
struct nd_noise {
	uint8_t chaining[ND_NOISE_KEY_BYTES];
	uint8_t hash[ND_NOISE_KEY_BYTES]; /* the handshake hash, once both messages are through */
	uint8_t key[ND_NOISE_KEY_BYTES];
	bool has_psk;
	uint8_t own_ephemeral[ND_NOISE_KEY_BYTES]; /* private */
	uint8_t their_ephemeral[ND_NOISE_KEY_BYTES];
};

/* The public key of a private one. */
void nd_noise_public(uint8_t public_key[ND_NOISE_KEY_BYTES],
		     const uint8_t private_key[ND_NOISE_KEY_BYTES]);

/* psk: NULL for NK.  prologue: both sides must say the same, or no message opens. */
void nd_noise_begin(struct nd_noise *n, const uint8_t server_public[ND_NOISE_KEY_BYTES],
		    const uint8_t *psk, const void *prologue, size_t prologue_bytes);

/*
 * First message.  `ephemeral` is the private key; its public half goes to public_out, and
 * `bytes` at `payload` become bytes + ND_NOISE_TAG_BYTES in place.  False: the server's
 * public key is no key (all zero shared secret).
 */
bool nd_noise_hello_write(struct nd_noise *n, const uint8_t server_public[ND_NOISE_KEY_BYTES],
			  const uint8_t ephemeral[ND_NOISE_KEY_BYTES],
			  uint8_t public_out[ND_NOISE_KEY_BYTES], void *payload, size_t bytes);

/*
 * `bytes` counts the tag.  False: not made with our public key (and the psk), or damaged;
 * the payload is as it was, n is of no further use.
 */
bool nd_noise_hello_read(struct nd_noise *n, const uint8_t server_private[ND_NOISE_KEY_BYTES],
			 const uint8_t their_public[ND_NOISE_KEY_BYTES], void *payload,
			 size_t bytes);

/* Second message, the same way.  Who may yet get a genuine answer, reads with a copy of n. */
bool nd_noise_answer_write(struct nd_noise *n, const uint8_t ephemeral[ND_NOISE_KEY_BYTES],
			   uint8_t public_out[ND_NOISE_KEY_BYTES], void *payload, size_t bytes);
bool nd_noise_answer_read(struct nd_noise *n, const uint8_t their_public[ND_NOISE_KEY_BYTES],
			  void *payload, size_t bytes);

/* The two keys that follow: from initiator to responder, and back.  Wipes n. */
void nd_noise_split(struct nd_noise *n, uint8_t to_responder[ND_NOISE_KEY_BYTES],
		    uint8_t to_initiator[ND_NOISE_KEY_BYTES]);

/* Zeros that no optimiser takes away. */
void nd_noise_wipe(void *secret, size_t bytes);

#endif
