/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secure.h - the three forms of a datagram, and the keys of one session.
 *
 * A datagram's way in:
 *   nd_datagram_check()   the outer form: lengths, magic, version, which form it has
 *   one of
 *     nd_plain_open()     only where the configuration says `insecure`
 *     nd_hello_open()     responder: a HELLO in a handshake
 *     nd_answer_open()    initiator: the READ or DONE that answers it
 *     nd_sealed_open()    both: everything else
 *   which leave one plain message in the buffer, checked by nd_message_check().
 *
 * All work in place, in buffers of ND_WIRE_DATAGRAM_MAX bytes, 8-byte aligned.
 * Pure: no I/O, no clock, no allocation.
 */
#ifndef NETDUMP_WIRE_SECURE_H
#define NETDUMP_WIRE_SECURE_H

#include "wire/message.h"
#include "wire/noise.h"

/*
 * Sequence numbers of one direction that have been seen: each is taken once, in any order,
 * as long as it is among the ND_WINDOW_BITS - 64 below the highest.
 */
#define ND_WINDOW_BITS 2048
struct nd_window {
	uint64_t highest;                   /* 0: none yet */
	uint64_t seen[ND_WINDOW_BITS / 64]; /* a ring; its newest word holds `highest` */
};

/* False: seen before, or too old to tell.  0 is never taken. */
bool nd_window_take(struct nd_window *w, uint64_t seq);

/* What a handshake yields; all zero: none. */
struct nd_keys {
	bool valid;
	uint8_t send[ND_WIRE_KEY_BYTES];
	uint8_t receive[ND_WIRE_KEY_BYTES];
	uint64_t sent_seq; /* the last that was used */
	struct nd_window window;
};

/* psk_id of a key; all zeros for NULL. */
void nd_psk_id(uint8_t id[ND_WIRE_PSK_ID_BYTES], const uint8_t *psk);

/* The outer form only; ND_MESSAGE_OK: header, and the handshake if it is one, are there. */
enum nd_message_error nd_datagram_check(const void *datagram, size_t bytes);
static inline unsigned int nd_datagram_form(const void *datagram)
{
	return ((const struct nd_wire_header *)datagram)->type & ND_FORM_MASK;
}
static inline unsigned int nd_datagram_type(const void *datagram)
{
	return ((const struct nd_wire_header *)datagram)->type & ~(unsigned int)ND_FORM_MASK;
}
/* What stands in the clear in a datagram of handshake form. */
static inline const struct nd_wire_handshake *nd_datagram_handshake(const void *datagram)
{
	return (const struct nd_wire_handshake *)((const uint8_t *)datagram +
						  sizeof(struct nd_wire_header));
}

/* A plain datagram: nd_message_check(), and ND_MESSAGE_FORM for the other forms. */
enum nd_message_error nd_plain_open(const void *datagram, size_t bytes);

/*
 * HELLO, made plain at buffer + ND_HANDSHAKE_OFFSET (header included), becomes a handshake
 * datagram from buffer on; its length is returned, 0: server_key is no key.  The message's
 * header gives session and seq.
 */
#define ND_HANDSHAKE_OFFSET (sizeof(struct nd_wire_header) + sizeof(struct nd_wire_handshake))
size_t nd_hello_seal(struct nd_noise *n, void *buffer, const uint8_t server_key[ND_WIRE_KEY_BYTES],
		     const uint8_t *psk, const uint8_t ephemeral[ND_WIRE_KEY_BYTES]);

/*
 * The responder's side; the psk is the one that the datagram's psk_id names, or NULL.
 * ND_MESSAGE_SEAL: not for our key, not with that psk, or damaged; ND_MESSAGE_FORM: not a
 * HELLO in a handshake.  The plain HELLO is at buffer + ND_HANDSHAKE_OFFSET; its type,
 * session and seq are the same as outside.  n is wiped unless ND_MESSAGE_OK.
 */
enum nd_message_error nd_hello_open(struct nd_noise *n, void *datagram, size_t bytes,
				    const uint8_t server_private[ND_WIRE_KEY_BYTES],
				    const uint8_t server_public[ND_WIRE_KEY_BYTES],
				    const uint8_t *psk);

/*
 * READ or DONE, plain at buffer + ND_HANDSHAKE_OFFSET, becomes the answer to the HELLO that
 * n is of, whose seq the message's header has.  Returns the datagram's length; keys are what
 * follows, n is used up.
 */
size_t nd_answer_seal(struct nd_noise *n, void *buffer, const uint8_t ephemeral[ND_WIRE_KEY_BYTES],
		      struct nd_keys *keys);
/*
 * The initiator's side; n is of the HELLO whose seq the datagram has.  The plain message is
 * at buffer + ND_HANDSHAKE_OFFSET, keys are new and n is wiped, all only on ND_MESSAGE_OK:
 * a forged answer does not keep out the genuine one.
 */
enum nd_message_error nd_answer_open(struct nd_noise *n, void *datagram, size_t bytes,
				     struct nd_keys *keys);

/*
 * A plain message with room for a tag behind it becomes a sealed datagram: takes the next
 * seq of the keys, which overwrites the header's.  Returns the datagram's length.
 */
size_t nd_sealed_seal(struct nd_keys *keys, void *message);
/*
 * And back.  ND_MESSAGE_SEAL: not under these keys; the datagram is as it was and can be
 * tried with others.  ND_MESSAGE_REPLAY: genuine, but its seq was seen.  keys change only
 * for what is genuine.
 */
enum nd_message_error nd_sealed_open(struct nd_keys *keys, void *datagram, size_t bytes);

#endif
