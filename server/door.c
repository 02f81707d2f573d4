// SPDX-License-Identifier: GPL-2.0-or-later
/* door.c - who may come in: forms, keys of sessions, and what strangers may cost. */
#include "server/door.h"

#include <stdio.h>
#include <string.h>

#include "server/store.h"

_Static_assert(ND_WIRE_DATAGRAM_MAX % 8 == 0, "a datagram in whole words");

void nd_door_init(struct nd_door *door, const struct nd_keyring *keys, nd_random_fn *random,
		  nd_send_fn *send, void *context)
{
	memset(door, 0, sizeof *door);
	door->keys = keys;
	door->random = random;
	door->send = send;
	door->context = context;
	nd_bucket_init(&door->strangers, ND_DOOR_PER_SECOND, ND_DOOR_BURST);
	nd_bucket_init(&door->known, ND_DOOR_PER_SECOND, ND_DOOR_TURN);
}

uint32_t nd_door_welcome(struct nd_door *door, uint64_t now_ms)
{
	uint32_t left = door->keys ? nd_bucket_left(&door->strangers, now_ms) : ND_DOOR_TURN;

	return left < ND_DOOR_TURN ? left : ND_DOOR_TURN;
}

static const char *text_of(enum nd_message_error error)
{
	return error ? nd_message_error_text(error) : NULL;
}

/* A host that has a key of its own comes with it, and is called what the file calls it. */
static const char *host_check(const struct nd_door *door, struct nd_wire_hello *hello,
			      const struct nd_host_key *host)
{
	char name[ND_STORE_NAME_BYTES];

	if (host) {
		snprintf(hello->host, sizeof hello->host, "%s", host->name);
		return NULL;
	}
	nd_store_host_name(name, hello->host, hello->mac);
	return nd_keyring_by_name(door->keys, name)
		       ? "a HELLO without the key that its host has of its own"
		       : NULL;
}

static const char *hello_open(struct nd_door *door, const struct nd_pass *pass, uint64_t now_ms,
			      void *datagram, size_t bytes, const struct nd_wire_header **message)
{
	static const uint8_t no_id[ND_WIRE_PSK_ID_BYTES];
	const struct nd_wire_header *outside = datagram;
	const uint8_t *id = nd_datagram_handshake(datagram)->psk_id;
	const struct nd_host_key *host = nd_keyring_by_id(door->keys, id);
	enum nd_message_error error;
	uint8_t *inside = (uint8_t *)datagram + ND_HANDSHAKE_OFFSET;

	if (pass && outside->seq <= pass->hello_seq)
		return nd_message_error_text(ND_MESSAGE_REPLAY);
	if (!host && memcmp(id, no_id, sizeof no_id) != 0)
		return "a HELLO with a host's key that is not in our file";
	if (!nd_bucket_take(pass ? &door->known : &door->strangers, now_ms))
		return "a HELLO, but there are too many just now";
	error = nd_hello_open(&door->noise, datagram, bytes, door->keys->private_key,
			      door->keys->public_key, host ? host->key : NULL);
	if (error)
		return nd_message_error_text(error);
	*message = (const struct nd_wire_header *)inside;
	return host_check(door, (struct nd_wire_hello *)inside, host);
}

static const char *sealed_open(struct nd_pass *pass, void *datagram, size_t bytes)
{
	enum nd_message_error error;

	if (!pass)
		return "sealed, but of an unknown session";
	error = nd_sealed_open(&pass->current, datagram, bytes);
	if (error != ND_MESSAGE_SEAL || !pass->pending.valid)
		return text_of(error);
	error = nd_sealed_open(&pass->pending, datagram, bytes);
	if (error == ND_MESSAGE_SEAL)
		return text_of(error);
	pass->current = pass->pending;
	pass->answer_bytes = 0;
	nd_noise_wipe(&pass->pending, sizeof pass->pending);
	return text_of(error);
}

const char *nd_door_open(struct nd_door *door, struct nd_pass *pass, uint64_t now_ms,
			 void *datagram, size_t bytes, const struct nd_wire_header **message)
{
	*message = datagram;
	if (!door->keys)
		return text_of(nd_plain_open(datagram, bytes));
	switch (nd_datagram_form(datagram)) {
	case ND_FORM_HANDSHAKE:
		return hello_open(door, pass, now_ms, datagram, bytes, message);
	case ND_FORM_SEALED:
		return sealed_open(pass, datagram, bytes);
	default:
		return "plain, but this server has a key";
	}
}

bool nd_door_hears(struct nd_door *door, uint64_t now_ms)
{
	return nd_bucket_take(&door->strangers, now_ms);
}

const char *nd_door_admit(struct nd_door *door, struct nd_pass *pass,
			  const struct nd_wire_hello *hello)
{
	if (pass->known && memcmp(pass->token, hello->token, sizeof pass->token) != 0)
		return "a HELLO with another token than its session's";
	memcpy(pass->token, hello->token, sizeof pass->token);
	pass->known = true;
	pass->hello_seq = hello->header.seq;
	if (!door->keys)
		return NULL;
	pass->asked = true;
	pass->noise = door->noise;
	pass->answer_bytes = 0;
	nd_noise_wipe(&pass->pending, sizeof pass->pending);
	nd_noise_wipe(&door->noise, sizeof door->noise);
	return NULL;
}

/* The message as the answer to a HELLO, in a buffer for a datagram.  Uses up noise. */
static size_t answer_make(struct nd_door *door, struct nd_noise *noise, uint64_t hello_seq,
			  const struct nd_wire_header *message, void *buffer, struct nd_keys *keys)
{
	uint8_t *inside = (uint8_t *)buffer + ND_HANDSHAKE_OFFSET;
	uint8_t ephemeral[ND_WIRE_KEY_BYTES];
	size_t bytes;

	memcpy(inside, message, message->length);
	((struct nd_wire_header *)inside)->seq = hello_seq;
	door->random(door->context, ephemeral, sizeof ephemeral);
	bytes = nd_answer_seal(noise, buffer, ephemeral, keys);
	nd_noise_wipe(ephemeral, sizeof ephemeral);
	return bytes;
}

static void answer_send(struct nd_door *door, struct nd_pass *pass, const struct sockaddr_in *to)
{
	if (pass->answer_bytes)
		door->send(door->context, to, pass->answer, pass->answer_bytes);
}

static void sealed_send(struct nd_door *door, struct nd_keys *keys, const struct sockaddr_in *to,
			const struct nd_wire_header *message)
{
	uint64_t buffer[ND_WIRE_DATAGRAM_MAX / 8];

	if (!keys->valid)
		return;
	memcpy(buffer, message, message->length);
	door->send(door->context, to, buffer, nd_sealed_seal(keys, buffer));
}

void nd_door_send(struct nd_door *door, struct nd_pass *pass, const struct sockaddr_in *to,
		  const struct nd_wire_header *message)
{
	if (!door->keys) {
		door->send(door->context, to, message, message->length);
		return;
	}
	/* A GIVE has no room for a handshake, and need not be an answer. */
	if (pass->asked && message->type != ND_GIVE) {
		pass->asked = false;
		pass->answer_bytes = answer_make(door, &pass->noise, pass->hello_seq, message,
						 pass->answer, &pass->pending);
		answer_send(door, pass, to);
	} else {
		/* A machine that was never heard under any keys may not have got the answer. */
		if (!pass->current.valid)
			answer_send(door, pass, to);
		sealed_send(door, &pass->pending, to, message);
	}
	sealed_send(door, &pass->current, to, message);
}

void nd_door_reply(struct nd_door *door, const struct sockaddr_in *to,
		   const struct nd_wire_hello *hello, const struct nd_wire_header *message)
{
	uint64_t buffer[ND_WIRE_DATAGRAM_MAX / 8];
	struct nd_keys keys;
	size_t bytes;

	if (!door->keys) {
		door->send(door->context, to, message, message->length);
		return;
	}
	bytes = answer_make(door, &door->noise, hello->header.seq, message, buffer, &keys);
	nd_noise_wipe(&keys, sizeof keys);
	if (bytes)
		door->send(door->context, to, buffer, bytes);
}

void nd_pass_wipe(struct nd_pass *pass)
{
	nd_noise_wipe(pass, sizeof *pass);
}
