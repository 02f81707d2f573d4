/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * handshake.h - DINI's side of the sealed wire: randomness, HELLOs whose answers may still
 * come, and the keys that follow.  Forms and handshakes themselves are wire/secure.h's.
 *
 * Pure: no I/O, no clock, no allocation; builds freestanding and hosted.
 */
#ifndef DINI_HANDSHAKE_H
#define DINI_HANDSHAKE_H

#include <stddef.h>
#include <stdint.h>

#include <bearssl.h>

#include "wire/secure.h"

#define ND_HANDSHAKE_HELLOS 4 /* under way at once; an older one's answer is not taken */

struct nd_handshake_hello {
	uint64_t seq; /* 0: free */
	unsigned int server;
	struct nd_noise noise;
};

struct nd_handshake {
	br_hmac_drbg_context generator;
	struct nd_handshake_hello hello[ND_HANDSHAKE_HELLOS]; /* each at its seq's remainder */

	unsigned int server; /* whose keys these are */
	struct nd_keys keys;
	struct nd_keys before; /* what that server sealed before it knew of the new ones */
};

/* The seed is all the randomness there is: the caller has mixed it. */
void nd_handshake_init(struct nd_handshake *h, const uint8_t seed[ND_WIRE_KEY_BYTES]);

/* Random bytes. */
void nd_handshake_draw(struct nd_handshake *h, void *to, size_t bytes);

/*
 * A plain HELLO to `server` at buffer + ND_HANDSHAKE_OFFSET becomes a datagram from buffer
 * on, and its state is kept.  Returns the length, 0: server_key is no key.
 */
size_t nd_handshake_hello(struct nd_handshake *h, void *buffer, unsigned int server,
			  const uint8_t server_key[ND_WIRE_KEY_BYTES], const uint8_t *psk);

/*
 * Takes a datagram from `server`, sealed or the answer to a HELLO; the latter brings new
 * keys.  Returns the plain message within it, checked, or NULL: it is none of that server's
 * to us, or came before.
 */
const struct nd_wire_header *nd_handshake_open(struct nd_handshake *h, void *datagram, size_t bytes,
					       unsigned int server);

#endif
