// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * secure.c - the doors of a keyed wire: what is not genuine is refused and changes nothing;
 * what is genuine but hostile inside (anyone has the server's public key) is only taken if
 * it is a message.  Keys are fixed, so that the fuzzer's bytes can be sealed.
 *
 *   mode u8, and what each mode takes
 */
#include "tests/fuzz/input.h"
#include "wire/secure.h"

#define KEY         ND_WIRE_KEY_BYTES
#define HEADER      sizeof(struct nd_wire_header)
#define INSIDE_MAX  (ND_WIRE_DATAGRAM_MAX - ND_HANDSHAKE_EXTRA)
#define SESSION     0x1122334455667788ull
#define SENT_MAX    32
#define STEPS_MAX   200
#define WINDOW_SEQS 5000u /* of the model: numbers are near one another, or refused */

struct buffer {
	uint64_t aligned[ND_WIRE_DATAGRAM_MAX / 8];
};

static const uint8_t server_private[KEY] = {1, 2, 3}, own_psk[KEY] = {4, 5, 6};
static const uint8_t hello_ephemeral[KEY] = {7, 8, 9}, answer_ephemeral[KEY] = {10, 11, 12};
static uint8_t server_public[KEY];

/* One handshake of each kind (with a key of the host's own, and without), its HELLO through. */
static struct nd_noise dini_noise[2], server_noise[2];

static const uint8_t *psk_of(unsigned int keyed)
{
	return keyed ? own_psk : NULL;
}

/*
 * A HELLO datagram with any `inside`, as a hostile machine makes it: the header outside need
 * not be the one inside.  Returns its length.
 */
static size_t hello_forge(struct buffer *b, struct nd_noise *n,
			  const struct nd_wire_header *outside, const void *inside, size_t bytes,
			  unsigned int keyed)
{
	struct nd_wire_header *h = (void *)b;
	struct nd_wire_handshake *handshake = (void *)(h + 1);
	uint8_t *payload = (uint8_t *)b + ND_HANDSHAKE_OFFSET, prologue[HEADER + 8];

	*h = *outside;
	h->length = (uint16_t)(bytes + ND_HANDSHAKE_EXTRA);
	nd_psk_id(handshake->psk_id, psk_of(keyed));
	memcpy(prologue, h, HEADER);
	memcpy(prologue + HEADER, handshake->psk_id, 8);
	memcpy(payload, inside, bytes);
	nd_noise_begin(n, server_public, psk_of(keyed), prologue, sizeof prologue);
	ND_MUST(nd_noise_hello_write(n, server_public, hello_ephemeral, handshake->ephemeral,
				     payload, bytes));
	return h->length;
}

static void header_repair(struct nd_wire_header *h, size_t bytes, unsigned int type)
{
	if (bytes < HEADER)
		return;
	nd_header_init(h, type, SESSION, 1, bytes);
}

static struct nd_wire_header outside_of(unsigned int type)
{
	struct nd_wire_header h = {0};

	header_repair(&h, HEADER, type);
	h.type |= ND_FORM_HANDSHAKE;
	return h;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct nd_wire_header outside = outside_of(ND_HELLO);

	(void)argc;
	(void)argv;
	nd_noise_public(server_public, server_private);
	for (unsigned int keyed = 0; keyed < 2; keyed++) {
		struct nd_wire_hello hello;
		struct buffer b;
		size_t bytes;

		nd_hello_init(&hello, SESSION, 1);
		bytes = hello_forge(&b, &dini_noise[keyed], &outside, &hello,
				    nd_hello_bytes(&hello), keyed);
		ND_MUST(nd_hello_open(&server_noise[keyed], &b, bytes, server_private,
				      server_public, psk_of(keyed)) == ND_MESSAGE_OK);
	}
	return 0;
}

/* Flips bits of one byte; false: none was to be flipped. */
static bool damage(void *datagram, size_t bytes, struct nd_input *in)
{
	uint16_t at = nd_input_u16(in);
	uint8_t bits = nd_input_u8(in);

	if (!bits || !bytes)
		return false;
	((uint8_t *)datagram)[at % bytes] ^= bits;
	return true;
}

/* Whether what was opened is this message, and whole. */
static void opened_must(const void *opened, const uint8_t *inside, size_t bytes)
{
	ND_MUST(!memcmp(opened, inside, bytes));
	ND_MUST(nd_message_check(opened, bytes) == ND_MESSAGE_OK);
}

/* Bytes of strangers at every door. */
static void stranger(struct nd_input *in)
{
	unsigned int form = nd_input_u8(in);
	struct nd_keys keys = {.valid = true, .receive = {1}}, keys_before = keys;
	struct nd_noise noise = dini_noise[0], noise_before = noise, fresh;
	struct nd_keys none = {0};
	size_t bytes;
	uint8_t *datagram = nd_input_exact(in, in->left, &bytes);
	struct nd_wire_header *h = (void *)datagram;

	if (form & 1 && bytes >= HEADER) {
		header_repair(h, bytes, form >> 1 & 7);
		h->type |= form & ND_FORM_MASK;
	}
	if (nd_plain_open(datagram, bytes) == ND_MESSAGE_OK)
		ND_MUST(!nd_datagram_form(h) && nd_message_check(h, bytes) == ND_MESSAGE_OK);
	ND_MUST(nd_hello_open(&fresh, datagram, bytes, server_private, server_public, NULL));
	ND_MUST(nd_answer_open(&noise, datagram, bytes, &none) && !none.valid);
	ND_MUST(!memcmp(&noise, &noise_before, sizeof noise));
	ND_MUST(nd_sealed_open(&keys, datagram, bytes));
	ND_MUST(!memcmp(&keys, &keys_before, sizeof keys));
	ND_MUST(nd_sealed_open(&none, datagram, bytes) && !none.valid);
	free(datagram);
}

/* A HELLO that is genuine outside, anything inside. */
static void hello(struct nd_input *in)
{
	unsigned int how = nd_input_u8(in), keyed = how & 1;
	struct nd_wire_header outside = outside_of(how & 2 ? ND_READ : ND_HELLO);
	struct nd_noise dini, server;
	enum nd_message_error error, plain;
	struct nd_input damaging = *in;
	struct buffer b;
	size_t bytes, length;
	uint8_t *inside;
	bool damaged, same;

	nd_input_copy(in, &(uint8_t[3]){0}, 3);
	inside = nd_input_exact(in, INSIDE_MAX, &bytes);
	if (how & 4)
		header_repair((void *)inside, bytes, how & 8 ? ND_READ : ND_HELLO);
	length = hello_forge(&b, &dini, &outside, inside, bytes, keyed);
	damaged = damage(&b, length, &damaging);
	error = nd_hello_open(&server, &b, length, server_private, server_public,
			      psk_of(how & 16 ? !keyed : keyed));
	plain = nd_message_check(inside, bytes);
	same = !plain && ((struct nd_wire_header *)inside)->type == ND_HELLO &&
	       ((struct nd_wire_header *)inside)->session == outside.session &&
	       ((struct nd_wire_header *)inside)->seq == outside.seq;
	if (damaged || how & 16 || how & 2)
		ND_MUST(error);
	else
		ND_MUST(!error == same);
	if (!error)
		opened_must((uint8_t *)&b + ND_HANDSHAKE_OFFSET, inside, bytes);
	free(inside);
}

/* The answer to a HELLO: anything inside, from who has the server's key; or damaged. */
static void answer(struct nd_input *in)
{
	unsigned int how = nd_input_u8(in), keyed = how & 1;
	struct nd_noise dini = dini_noise[keyed], server = server_noise[keyed];
	struct nd_keys dini_keys = {0}, server_keys = {0};
	struct nd_input damaging = *in;
	enum nd_message_error error;
	uint8_t *inside;
	struct buffer b;
	size_t bytes, length;
	bool damaged;

	nd_input_copy(in, &(uint8_t[3]){0}, 3);
	inside = nd_input_exact(in, INSIDE_MAX, &bytes);
	if (bytes >= HEADER) {
		header_repair((void *)inside, bytes, how >> 1 & 7);
		memcpy((uint8_t *)&b + ND_HANDSHAKE_OFFSET, inside, bytes);
		length = nd_answer_seal(&server, &b, answer_ephemeral, &server_keys);
		ND_MUST(length == bytes + ND_HANDSHAKE_EXTRA && server_keys.valid);
		damaged = damage(&b, length, &damaging);
		error = nd_answer_open(&dini, &b, length, &dini_keys);
		ND_MUST(!error == dini_keys.valid);
		ND_MUST(!error || !memcmp(&dini, &dini_noise[keyed], sizeof dini));
		if (damaged)
			ND_MUST(error);
		if (!error) {
			opened_must((uint8_t *)&b + ND_HANDSHAKE_OFFSET, inside, bytes);
			ND_MUST(!memcmp(dini_keys.send, server_keys.receive, KEY));
			ND_MUST(!memcmp(dini_keys.receive, server_keys.send, KEY));
		}
	}
	free(inside);
}

struct sent {
	struct buffer datagram;
	size_t bytes;
	uint8_t plain[ND_WIRE_MESSAGE_MAX];
	bool taken;
};

static void sealed_send(struct sent *s, struct nd_keys *keys, struct nd_input *in)
{
	unsigned int type = nd_input_u8(in);
	size_t bytes = HEADER + nd_input_u16(in) % (ND_WIRE_MESSAGE_MAX - HEADER + 1);
	struct nd_wire_header *h = (void *)s->plain;

	nd_input_copy(in, s->plain, bytes);
	header_repair(h, bytes, type);
	memcpy(&s->datagram, s->plain, bytes);
	s->bytes = nd_sealed_seal(keys, &s->datagram);
	ND_MUST(s->bytes == bytes + ND_WIRE_TAG_BYTES);
	h->seq = keys->sent_seq;
	h->type &= (uint8_t)~ND_FORM_SEALED; /* which sealing sets in any case */
	s->taken = false;
}

/* Left behind by whole words of the window, whose newest has `highest`. */
static bool too_old(uint64_t highest, uint64_t seq)
{
	return seq < highest && highest / 64 - seq / 64 >= ND_WINDOW_BITS / 64;
}

/* Taken once, if it is a message, and not at all if it was damaged. */
static void sealed_take(struct sent *s, struct nd_keys *keys, struct nd_input *in)
{
	struct nd_wire_header *h = (void *)s->plain;
	struct nd_keys before = *keys;
	struct buffer b = s->datagram;
	bool damaged = damage(&b, s->bytes, in);
	enum nd_message_error error = nd_sealed_open(keys, &b, s->bytes);

	if (damaged)
		ND_MUST(error && !memcmp(keys, &before, sizeof before));
	else if (h->type & ND_FORM_MASK || h->type < ND_READ || h->type > ND_TAKE ||
		 h->type == ND_LAST_WORDS)
		ND_MUST(error);
	else if (s->taken || too_old(before.window.highest, h->seq))
		ND_MUST(error == ND_MESSAGE_REPLAY);
	else
		ND_MUST(error == nd_message_check(h, h->length));
	if (!error)
		opened_must(&b, s->plain, h->length);
	if (memcmp(keys, &before, sizeof before))
		s->taken = true;
}

static void session(struct nd_input *in)
{
	static struct sent sent[SENT_MAX];
	struct nd_keys ours = {.valid = true, .send = {1}, .receive = {2}};
	struct nd_keys theirs = {.valid = true, .send = {2}, .receive = {1}};
	unsigned int count = 0;

	for (unsigned int i = 0; i < STEPS_MAX && nd_input_more(in); i++) {
		unsigned int what = nd_input_u8(in);

		if (what % 4 == 0 && count < SENT_MAX)
			sealed_send(&sent[count++], &ours, in);
		else if (what % 4 == 1)
			ours.sent_seq += nd_input_u16(in); /* all these were lost */
		else if (count)
			sealed_take(&sent[what / 4 % count], &theirs, in);
	}
}

/* The window against a list of what was taken. */
static void window(struct nd_input *in)
{
	static bool taken[WINDOW_SEQS];
	struct nd_window w = {0};
	uint64_t base = nd_input_u64(in), highest = 0;

	memset(taken, 0, sizeof taken);
	if (base > UINT64_MAX - WINDOW_SEQS)
		base = UINT64_MAX - WINDOW_SEQS;
	for (unsigned int i = 0; i < STEPS_MAX && nd_input_more(in); i++) {
		unsigned int at = nd_input_u16(in) % WINDOW_SEQS;
		uint64_t seq = base + at;
		bool fresh = seq && !taken[at];
		bool got = nd_window_take(&w, seq);

		ND_MUST(got == (fresh && !too_old(highest, seq)));
		taken[at] |= got;
		if (got && seq > highest)
			highest = seq;
		ND_MUST(w.highest == highest);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static void (*const mode[])(struct nd_input *) = {stranger, hello, answer, session, window};
	struct nd_input in = {data, bytes};

	mode[nd_input_u8(&in) % (sizeof mode / sizeof *mode)](&in);
	return 0;
}
