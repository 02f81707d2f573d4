// SPDX-License-Identifier: GPL-2.0-or-later
/* handshake.c - HELLOs as handshakes, and the keys that their answers bring.  Any mode. */
#include "dini/handshake.h"

#include <string.h>

void nd_handshake_init(struct nd_handshake *h, const uint8_t seed[ND_WIRE_KEY_BYTES])
{
	memset(h, 0, sizeof *h);
	br_hmac_drbg_init(&h->generator, &br_sha256_vtable, seed, ND_WIRE_KEY_BYTES);
}

void nd_handshake_draw(struct nd_handshake *h, void *to, size_t bytes)
{
	br_hmac_drbg_generate(&h->generator, to, bytes);
}

static struct nd_handshake_hello *slot(struct nd_handshake *h, uint64_t seq)
{
	return &h->hello[seq % ND_HANDSHAKE_HELLOS];
}

size_t nd_handshake_hello(struct nd_handshake *h, void *buffer, unsigned int server,
			  const uint8_t server_key[ND_WIRE_KEY_BYTES], const uint8_t *psk)
{
	const struct nd_wire_header *message =
		(const void *)((const uint8_t *)buffer + ND_HANDSHAKE_OFFSET);
	struct nd_handshake_hello *hello = slot(h, message->seq);
	uint8_t ephemeral[ND_WIRE_KEY_BYTES];
	size_t bytes;

	hello->seq = message->seq;
	hello->server = server;
	nd_handshake_draw(h, ephemeral, sizeof ephemeral);
	bytes = nd_hello_seal(&hello->noise, buffer, server_key, psk, ephemeral);
	nd_noise_wipe(ephemeral, sizeof ephemeral);
	if (!bytes)
		hello->seq = 0;
	return bytes;
}

/*
 * A late answer to a HELLO before this one would bring keys that the server has given up
 * already: those HELLOs are over.
 */
static void hellos_end(struct nd_handshake *h, uint64_t seq)
{
	for (unsigned int i = 0; i < ND_HANDSHAKE_HELLOS; i++)
		if (h->hello[i].seq <= seq)
			nd_noise_wipe(&h->hello[i], sizeof h->hello[i]);
}

/* The server goes on under the last keys until it has seen that we have the new ones. */
static void keys_replace(struct nd_handshake *h, const struct nd_keys *keys, unsigned int server)
{
	if (h->server == server)
		h->before = h->keys;
	else
		nd_noise_wipe(&h->before, sizeof h->before);
	h->server = server;
	h->keys = *keys;
}

static const void *answer_open(struct nd_handshake *h, void *datagram, size_t bytes,
			       unsigned int server)
{
	uint64_t seq = ((const struct nd_wire_header *)datagram)->seq;
	struct nd_handshake_hello *hello = slot(h, seq);
	struct nd_keys keys;

	if (!seq || hello->seq != seq || hello->server != server ||
	    nd_answer_open(&hello->noise, datagram, bytes, &keys) != ND_MESSAGE_OK)
		return NULL;
	hellos_end(h, seq);
	keys_replace(h, &keys, server);
	nd_noise_wipe(&keys, sizeof keys);
	return (const uint8_t *)datagram + ND_HANDSHAKE_OFFSET;
}

static const void *sealed_open(struct nd_handshake *h, void *datagram, size_t bytes,
			       unsigned int server)
{
	enum nd_message_error error;

	if (server != h->server)
		return NULL;
	error = nd_sealed_open(&h->keys, datagram, bytes);
	if (error == ND_MESSAGE_SEAL)
		error = nd_sealed_open(&h->before, datagram, bytes);
	return error == ND_MESSAGE_OK ? datagram : NULL;
}

const struct nd_wire_header *nd_handshake_open(struct nd_handshake *h, void *datagram, size_t bytes,
					       unsigned int server)
{
	if (nd_datagram_check(datagram, bytes) != ND_MESSAGE_OK)
		return NULL;
	switch (nd_datagram_form(datagram)) {
	case ND_FORM_SEALED:
		return sealed_open(h, datagram, bytes, server);
	case ND_FORM_HANDSHAKE:
		return answer_open(h, datagram, bytes, server);
	default:
		return NULL;
	}
}
