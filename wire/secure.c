// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * secure.c - the three forms of a datagram, and the keys of one session.
 *
 * Runs hosted in netdumpd and freestanding in DINI.
 */
#include "wire/secure.h"

#include <bearssl.h>
#include <string.h>

#include "wire/crypto.h"

_Static_assert(ND_WIRE_KEY_BYTES == ND_NOISE_KEY_BYTES, "keys");
_Static_assert(ND_WIRE_TAG_BYTES == ND_NOISE_TAG_BYTES, "tags");
_Static_assert(ND_HANDSHAKE_OFFSET % 8 == 0, "the message inside is read in place");
_Static_assert(ND_HANDSHAKE_OFFSET + ND_WIRE_TAG_BYTES == ND_HANDSHAKE_EXTRA, "handshake form");

#define WINDOW_WORDS   (ND_WINDOW_BITS / 64)
#define PROLOGUE_BYTES (sizeof(struct nd_wire_header) + ND_WIRE_PSK_ID_BYTES)

/* RFC 6479's ring of words: going up clears whole words, never single bits. */
bool nd_window_take(struct nd_window *w, uint64_t seq)
{
	uint64_t word = seq / 64, newest = w->highest / 64, bit = (uint64_t)1 << (seq % 64);

	if (!seq || (word < newest && newest - word >= WINDOW_WORDS))
		return false;
	for (uint64_t i = 0; word > newest && i < WINDOW_WORDS && i < word - newest; i++)
		w->seen[(word - i) % WINDOW_WORDS] = 0;
	if (w->seen[word % WINDOW_WORDS] & bit)
		return false;
	w->seen[word % WINDOW_WORDS] |= bit;
	if (seq > w->highest)
		w->highest = seq;
	return true;
}

void nd_psk_id(uint8_t id[ND_WIRE_PSK_ID_BYTES], const uint8_t *psk)
{
	static const char label[] = "netdump psk";
	br_sha256_context sha;
	uint8_t hash[br_sha256_SIZE];

	memset(id, 0, ND_WIRE_PSK_ID_BYTES);
	if (!psk)
		return;
	br_sha256_init(&sha);
	br_sha256_update(&sha, label, sizeof label - 1);
	br_sha256_update(&sha, psk, ND_WIRE_KEY_BYTES);
	br_sha256_out(&sha, hash);
	memcpy(id, hash, ND_WIRE_PSK_ID_BYTES);
	nd_noise_wipe(&sha, sizeof sha);
}

enum nd_message_error nd_datagram_check(const void *datagram, size_t bytes)
{
	const struct nd_wire_header *h = datagram;
	size_t least = sizeof *h, most = ND_WIRE_DATAGRAM_MAX;
	unsigned int type;

	if (bytes < sizeof *h)
		return ND_MESSAGE_SHORT;
	if (h->magic != ND_WIRE_MAGIC)
		return ND_MESSAGE_MAGIC;
	if (h->version != ND_WIRE_VERSION)
		return ND_MESSAGE_VERSION;
	type = nd_datagram_type(h);
	if (type < ND_HELLO || type > ND_TAKE)
		return ND_MESSAGE_TYPE;
	if (type == ND_LAST_WORDS && nd_datagram_form(h))
		return ND_MESSAGE_FORM;
	switch (nd_datagram_form(h)) {
	case 0:
		most = ND_WIRE_MESSAGE_MAX;
		break;
	case ND_FORM_SEALED: /* a HELLO begins anew, so there are no keys for it yet */
		if (type == ND_HELLO)
			return ND_MESSAGE_FORM;
		least += ND_WIRE_TAG_BYTES;
		break;
	case ND_FORM_HANDSHAKE:
		if (type == ND_DATA || type == ND_GIVE || type == ND_TAKE)
			return ND_MESSAGE_FORM;
		least += ND_HANDSHAKE_EXTRA;
		break;
	default:
		return ND_MESSAGE_FORM;
	}
	if (bytes < least || bytes > most)
		return bytes < least ? ND_MESSAGE_SHORT : ND_MESSAGE_LONG;
	if (h->length != bytes)
		return ND_MESSAGE_LENGTH;
	return h->session ? ND_MESSAGE_OK : ND_MESSAGE_SESSION;
}

enum nd_message_error nd_plain_open(const void *datagram, size_t bytes)
{
	enum nd_message_error error = nd_datagram_check(datagram, bytes);

	if (error)
		return error;
	return nd_datagram_form(datagram) ? ND_MESSAGE_FORM : nd_message_check(datagram, bytes);
}

/* The outer header of the message that lies at its place in the buffer, and an empty handshake. */
static struct nd_wire_handshake *handshake_begin(void *buffer)
{
	const struct nd_wire_header *inside =
		(const struct nd_wire_header *)((uint8_t *)buffer + ND_HANDSHAKE_OFFSET);
	struct nd_wire_header *outside = buffer;
	struct nd_wire_handshake *handshake = (struct nd_wire_handshake *)(outside + 1);

	*outside = *inside;
	outside->type |= ND_FORM_HANDSHAKE;
	outside->length = (uint16_t)(inside->length + ND_HANDSHAKE_EXTRA);
	memset(handshake, 0, sizeof *handshake);
	return handshake;
}

/* What a handshake of either direction must be before any key is touched. */
static enum nd_message_error handshake_check(const void *datagram, size_t bytes, bool hello)
{
	enum nd_message_error error = nd_datagram_check(datagram, bytes);

	if (error)
		return error;
	if (nd_datagram_form(datagram) != ND_FORM_HANDSHAKE ||
	    (nd_datagram_type(datagram) == ND_HELLO) != hello)
		return ND_MESSAGE_FORM;
	return ND_MESSAGE_OK;
}

/*
 * The message inside, decrypted: well formed, and what the header outside says it is.  An
 * answer's header is in no hash, so this comparison is all that holds it to the message.
 */
static enum nd_message_error inside_check(const void *datagram, size_t bytes)
{
	const struct nd_wire_header *outside = datagram;
	const struct nd_wire_header *inside =
		(const struct nd_wire_header *)((const uint8_t *)datagram + ND_HANDSHAKE_OFFSET);
	enum nd_message_error error = nd_message_check(inside, bytes - ND_HANDSHAKE_EXTRA);

	if (error)
		return error;
	if (inside->type != nd_datagram_type(outside) || inside->session != outside->session ||
	    inside->seq != outside->seq)
		return ND_MESSAGE_SEAL;
	return ND_MESSAGE_OK;
}

/* Of a HELLO's datagram: the header and the psk_id, in that order. */
static void prologue_begin(struct nd_noise *n, const void *hello,
			   const uint8_t server_key[ND_WIRE_KEY_BYTES], const uint8_t *psk)
{
	uint8_t prologue[PROLOGUE_BYTES];

	memcpy(prologue, hello, sizeof(struct nd_wire_header));
	memcpy(prologue + sizeof(struct nd_wire_header), nd_datagram_handshake(hello)->psk_id,
	       ND_WIRE_PSK_ID_BYTES);
	nd_noise_begin(n, server_key, psk, prologue, sizeof prologue);
}

size_t nd_hello_seal(struct nd_noise *n, void *buffer, const uint8_t server_key[ND_WIRE_KEY_BYTES],
		     const uint8_t *psk, const uint8_t ephemeral[ND_WIRE_KEY_BYTES])
{
	struct nd_wire_header *outside = buffer;
	struct nd_wire_handshake *handshake = handshake_begin(buffer);

	nd_psk_id(handshake->psk_id, psk);
	prologue_begin(n, buffer, server_key, psk);
	if (!nd_noise_hello_write(n, server_key, ephemeral, handshake->ephemeral,
				  (uint8_t *)buffer + ND_HANDSHAKE_OFFSET,
				  outside->length - ND_HANDSHAKE_EXTRA)) {
		nd_noise_wipe(n, sizeof *n);
		return 0;
	}
	return outside->length;
}

enum nd_message_error nd_hello_open(struct nd_noise *n, void *datagram, size_t bytes,
				    const uint8_t server_private[ND_WIRE_KEY_BYTES],
				    const uint8_t server_public[ND_WIRE_KEY_BYTES],
				    const uint8_t *psk)
{
	enum nd_message_error error = handshake_check(datagram, bytes, true);

	if (!error) {
		prologue_begin(n, datagram, server_public, psk);
		if (nd_noise_hello_read(
			    n, server_private, nd_datagram_handshake(datagram)->ephemeral,
			    (uint8_t *)datagram + ND_HANDSHAKE_OFFSET, bytes - ND_HANDSHAKE_OFFSET))
			error = inside_check(datagram, bytes);
		else
			error = ND_MESSAGE_SEAL;
	}
	if (error)
		nd_noise_wipe(n, sizeof *n);
	return error;
}

size_t nd_answer_seal(struct nd_noise *n, void *buffer, const uint8_t ephemeral[ND_WIRE_KEY_BYTES],
		      struct nd_keys *keys)
{
	struct nd_wire_header *outside = buffer;
	struct nd_wire_handshake *handshake = handshake_begin(buffer);

	if (!nd_noise_answer_write(n, ephemeral, handshake->ephemeral,
				   (uint8_t *)buffer + ND_HANDSHAKE_OFFSET,
				   outside->length - ND_HANDSHAKE_EXTRA)) {
		nd_noise_wipe(n, sizeof *n);
		return 0;
	}
	memset(keys, 0, sizeof *keys);
	nd_noise_split(n, keys->receive, keys->send);
	keys->valid = true;
	return outside->length;
}

enum nd_message_error nd_answer_open(struct nd_noise *n, void *datagram, size_t bytes,
				     struct nd_keys *keys)
{
	static const uint8_t no_psk_id[ND_WIRE_PSK_ID_BYTES];
	const struct nd_wire_handshake *handshake = nd_datagram_handshake(datagram);
	enum nd_message_error error = handshake_check(datagram, bytes, false);
	struct nd_noise tried = *n;

	if (!error && (memcmp(handshake->psk_id, no_psk_id, sizeof no_psk_id) != 0 ||
		       !nd_noise_answer_read(&tried, handshake->ephemeral,
					     (uint8_t *)datagram + ND_HANDSHAKE_OFFSET,
					     bytes - ND_HANDSHAKE_OFFSET)))
		error = ND_MESSAGE_SEAL;
	if (!error)
		error = inside_check(datagram, bytes);
	if (!error) {
		memset(keys, 0, sizeof *keys);
		nd_noise_split(&tried, keys->send, keys->receive);
		keys->valid = true;
		nd_noise_wipe(n, sizeof *n);
	}
	nd_noise_wipe(&tried, sizeof tried);
	return error;
}

size_t nd_sealed_seal(struct nd_keys *keys, void *message)
{
	struct nd_wire_header *h = message;
	size_t body = h->length - sizeof *h;

	h->seq = ++keys->sent_seq;
	h->type |= ND_FORM_SEALED;
	h->length = (uint16_t)(h->length + ND_WIRE_TAG_BYTES);
	nd_crypto_seal(keys->send, h->seq, h, sizeof *h, h + 1, body);
	return h->length;
}

enum nd_message_error nd_sealed_open(struct nd_keys *keys, void *datagram, size_t bytes)
{
	struct nd_wire_header *h = datagram;
	enum nd_message_error error = nd_datagram_check(datagram, bytes);

	if (error)
		return error;
	if (nd_datagram_form(h) != ND_FORM_SEALED)
		return ND_MESSAGE_FORM;
	if (!keys->valid || !nd_crypto_open(keys->receive, h->seq, h, sizeof *h, h + 1,
					    bytes - sizeof *h - ND_WIRE_TAG_BYTES))
		return ND_MESSAGE_SEAL;
	if (!nd_window_take(&keys->window, h->seq))
		return ND_MESSAGE_REPLAY;
	h->type = (uint8_t)nd_datagram_type(h);
	h->length = (uint16_t)(bytes - ND_WIRE_TAG_BYTES);
	return nd_message_check(h, h->length);
}
