/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * door.h - who may come in: the forms of datagrams, the keys of sessions, and what strangers
 * may cost.
 *
 * A server with a key takes handshakes and what is sealed under their keys, never what is
 * plain; one without takes only what is plain.
 *
 * Every HELLO is a handshake of its own and brings a new pair of keys; which pair the machine
 * has got is known only from what it sends.  So a session has `current` keys, under which
 * the machine has been heard, and `pending` ones, of the answer to its latest HELLO.  What the
 * machine seals under the pending ones makes them current.  Until then READs are sent under
 * both: whichever the machine has, it can open one of them, and takes a READ only once.
 *
 * A HELLO costs us up to three multiplications on the curve, which is far more than it costs
 * to forge one.  So there are so many a second and no more; one that repeats a seq, or names
 * a key that we do not have, is refused before.
 *
 * No sockets and no clock in here.
 */
#ifndef NETDUMP_SERVER_DOOR_H
#define NETDUMP_SERVER_DOOR_H

#include <netinet/in.h>

#include "server/bucket.h"
#include "server/keys.h"
#include "wire/secure.h"

/*
 * Handshakes a second: of strangers, and of sessions that we know.  Forged, a tenth of a CPU.
 * So many strangers may come at once, for machines that crash together do: a third of a second
 * of a CPU, after which a flood is back at the tenth.
 */
#define ND_DOOR_PER_SECOND 256
#define ND_DOOR_BURST      1024
#define ND_DOOR_TURN       16 /* in a row: a few milliseconds, in which no dump goes on */

typedef void nd_random_fn(void *context, void *to, size_t bytes);
typedef void nd_send_fn(void *context, const struct sockaddr_in *to, const void *datagram,
			size_t bytes);

struct nd_door {
	const struct nd_keyring *keys; /* NULL: no key, all is plain */
	nd_random_fn *random;
	nd_send_fn *send;
	void *context;
	struct nd_bucket strangers, known;
	struct nd_noise noise; /* of the HELLO that was opened last */
};

/* What one session has shown, and what it is spoken to with.  All zero: nothing yet. */
struct nd_pass {
	bool known;
	uint8_t token[ND_HELLO_TOKEN_BYTES];
	uint64_t hello_seq; /* of the latest HELLO */
	bool asked;         /* which is not answered yet; its handshake is `noise` */
	struct nd_noise noise;
	struct nd_keys current, pending;
	/* The answer that brought the pending keys, to be said again: as it was, for another would
	 * bring other keys. */
	size_t answer_bytes;
	uint64_t answer[ND_WIRE_DATAGRAM_MAX / 8];
};

/* keys NULL: insecure, and random is not needed. */
void nd_door_init(struct nd_door *door, const struct nd_keyring *keys, nd_random_fn *random,
		  nd_send_fn *send, void *context);

/* HELLOs that would be looked at now; the others can wait where they are. */
uint32_t nd_door_welcome(struct nd_door *door, uint64_t now_ms);

/*
 * Opens a datagram that passed nd_datagram_check(), in place; pass is that of its session, or
 * NULL.  Returns NULL, *message being the plain message, checked; or why it is refused.  A
 * HELLO's host is then what the host is called whose key it was made with.
 */
const char *nd_door_open(struct nd_door *door, struct nd_pass *pass, uint64_t now_ms,
			 void *datagram, size_t bytes, const struct nd_wire_header **message);

/* Whether there is time for one more stranger who says what nobody can vouch for. */
bool nd_door_hears(struct nd_door *door, uint64_t now_ms);

/*
 * The HELLO that was opened last belongs to the session of this pass.  Returns NULL, or why
 * not.
 */
const char *nd_door_admit(struct nd_door *door, struct nd_pass *pass,
			  const struct nd_wire_hello *hello);

/* Sends a plain message to a session, in the form that it takes. */
void nd_door_send(struct nd_door *door, struct nd_pass *pass, const struct sockaddr_in *to,
		  const struct nd_wire_header *message);

/* Sends it to who said the HELLO that was opened last, and is to have no session here. */
void nd_door_reply(struct nd_door *door, const struct sockaddr_in *to,
		   const struct nd_wire_hello *hello, const struct nd_wire_header *message);

void nd_pass_wipe(struct nd_pass *pass);

#endif
