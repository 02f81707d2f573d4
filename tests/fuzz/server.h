/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * server.h - a server's keys and handshakes, so that a fuzzer can say anything it likes to
 * DINI's agent under them, and read what the agent answers.
 */
#ifndef TESTS_FUZZ_SERVER_H
#define TESTS_FUZZ_SERVER_H

#include "tests/fuzz/input.h"
#include "wire/secure.h"

#define ND_FUZZ_PAIRS 100 /* of keys that are remembered: all of one input */

struct nd_fuzz_server {
	uint8_t private_key[ND_WIRE_KEY_BYTES], public_key[ND_WIRE_KEY_BYTES];
	const uint8_t *psk; /* NULL: none */
	bool keyed;
	bool greeted; /* noise and hello_seq are of a HELLO */
	struct nd_noise noise;
	uint64_t hello_seq;
	struct nd_keys pair[ND_FUZZ_PAIRS]; /* a ring */
	unsigned int pairs;                 /* in all */
	uint8_t ephemeral[ND_WIRE_KEY_BYTES];
};

/* Slow: it makes keys. */
void nd_fuzz_server_init(struct nd_fuzz_server *s, uint8_t number);
/* A new crash: no HELLO yet, no pairs.  security: enum nd_security, 2 and 3 have keys. */
void nd_fuzz_server_reset(struct nd_fuzz_server *s, unsigned int security, const uint8_t *psk);

/*
 * Opens what the agent sent, in place (ND_WIRE_DATAGRAM_MAX bytes, aligned); it must be
 * genuine, in the form that the set-up allows, and never come twice.
 */
const struct nd_wire_header *nd_fuzz_server_open(struct nd_fuzz_server *s, void *datagram,
						 size_t bytes);

/* Ways to send a message, READ or DONE or not. */
enum nd_fuzz_way {
	ND_FUZZ_PLAIN = 0,
	ND_FUZZ_ANSWER = 1, /* to the latest HELLO, with new keys each time */
	ND_FUZZ_SEALED = 2, /* under the latest keys */
	ND_FUZZ_BEFORE = 3, /* under those before them */
};

/*
 * Makes a datagram in `buffer` of a plain message; what keys make impossible goes plain.
 * Returns its length; *genuine: it is in the form that the set-up wants.
 */
size_t nd_fuzz_server_seal(struct nd_fuzz_server *s, void *buffer, const void *message,
			   size_t bytes, enum nd_fuzz_way way, bool *genuine);

#endif
