// SPDX-License-Identifier: GPL-2.0-or-later
/* server.c - a server's keys and handshakes, for a fuzzer to speak under. */
#include "tests/fuzz/server.h"

void nd_fuzz_server_init(struct nd_fuzz_server *s, uint8_t number)
{
	memset(s, 0, sizeof *s);
	s->private_key[0] = number;
	s->private_key[1] = 1;
	nd_noise_public(s->public_key, s->private_key);
}

void nd_fuzz_server_reset(struct nd_fuzz_server *s, unsigned int security, const uint8_t *psk)
{
	s->psk = psk;
	s->keyed = security >= 2;
	s->greeted = false;
	s->pairs = 0;
	memset(s->ephemeral, 0, sizeof s->ephemeral);
}

static struct nd_keys *pair_at(struct nd_fuzz_server *s, unsigned int back)
{
	return &s->pair[(s->pairs - 1 - back) % ND_FUZZ_PAIRS];
}

static const struct nd_wire_header *hello_take(struct nd_fuzz_server *s, void *datagram,
					       size_t bytes)
{
	const struct nd_wire_header *hello =
		(const void *)((const uint8_t *)datagram + ND_HANDSHAKE_OFFSET);
	uint8_t ephemeral[ND_WIRE_KEY_BYTES];

	memcpy(ephemeral, nd_datagram_handshake(datagram)->ephemeral, sizeof ephemeral);
	ND_MUST(nd_hello_open(&s->noise, datagram, bytes, s->private_key, s->public_key, s->psk) ==
		ND_MESSAGE_OK);
	ND_MUST(memcmp(ephemeral, s->ephemeral, sizeof ephemeral));
	ND_MUST(!s->greeted || hello->seq > s->hello_seq);
	memcpy(s->ephemeral, ephemeral, sizeof ephemeral);
	s->greeted = true;
	s->hello_seq = hello->seq;
	return hello;
}

const struct nd_wire_header *nd_fuzz_server_open(struct nd_fuzz_server *s, void *datagram,
						 size_t bytes)
{
	enum nd_message_error error = ND_MESSAGE_SEAL;

	ND_MUST(nd_datagram_check(datagram, bytes) == ND_MESSAGE_OK);
	if (!s->keyed) {
		ND_MUST(nd_plain_open(datagram, bytes) == ND_MESSAGE_OK);
		return datagram;
	}
	if (nd_datagram_form(datagram) == ND_FORM_HANDSHAKE)
		return hello_take(s, datagram, bytes);
	for (unsigned int i = 0; i < ND_FUZZ_PAIRS && i < s->pairs && error == ND_MESSAGE_SEAL; i++)
		error = nd_sealed_open(pair_at(s, i), datagram, bytes);
	ND_MUST(error == ND_MESSAGE_OK);
	return datagram;
}

/* Each answer with an ephemeral key of its own, or all would bring the same pair. */
static size_t answer(struct nd_fuzz_server *s, void *buffer, const void *message, size_t bytes)
{
	uint8_t ephemeral[ND_WIRE_KEY_BYTES] = {2, (uint8_t)s->pairs, (uint8_t)(s->pairs >> 8)};
	struct nd_wire_header *inside = (void *)((uint8_t *)buffer + ND_HANDSHAKE_OFFSET);
	struct nd_noise noise = s->noise;

	memcpy(inside, message, bytes);
	inside->seq = s->hello_seq;
	s->pairs++;
	return nd_answer_seal(&noise, buffer, ephemeral, pair_at(s, 0));
}

size_t nd_fuzz_server_seal(struct nd_fuzz_server *s, void *buffer, const void *message,
			   size_t bytes, enum nd_fuzz_way way, bool *genuine)
{
	*genuine = true;
	if (s->keyed && way == ND_FUZZ_ANSWER && s->greeted &&
	    bytes <= ND_WIRE_DATAGRAM_MAX - ND_HANDSHAKE_EXTRA)
		return answer(s, buffer, message, bytes);
	memcpy(buffer, message, bytes);
	if (s->keyed && way == ND_FUZZ_SEALED && s->pairs)
		return nd_sealed_seal(pair_at(s, 0), buffer);
	if (s->keyed && way == ND_FUZZ_BEFORE && s->pairs > 1)
		return nd_sealed_seal(pair_at(s, 1), buffer);
	*genuine = !s->keyed;
	return bytes;
}
