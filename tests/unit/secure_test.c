/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * secure_test.c - whole datagrams there and back in all forms, and everything that must be
 * refused without leaving a trace in the keys.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "wire/secure.h"

#define SESSION 0x1122334455667788u
#define KEY     ND_WIRE_KEY_BYTES
#define HEADER  sizeof(struct nd_wire_header)

struct buffer {
	union {
		uint64_t aligned[ND_WIRE_DATAGRAM_MAX / 8];
		uint8_t bytes[ND_WIRE_DATAGRAM_MAX];
		struct nd_wire_header header;
	};
	size_t count;
};

static const uint8_t server_private[KEY] = {1, 2, 3}, other_private[KEY] = {3, 2, 1};
static const uint8_t psk[KEY] = {4, 5, 6}, other_psk[KEY] = {6, 5, 4};
static uint8_t server_public[KEY], other_public[KEY];

/* A fresh private key each time. */
static const uint8_t *ephemeral(void)
{
	static uint8_t key[KEY];

	key[1]++;
	return key;
}

static void hello_make(struct nd_wire_hello *hello, uint64_t seq)
{
	nd_hello_init(hello, SESSION, seq);
	memcpy(hello->token, "sixteen bytes...", sizeof hello->token);
	assert_true(nd_hello_range_add(hello, 0x100000, 0x7000000, 1));
}

static void read_make(struct nd_wire_read *read, uint64_t seq)
{
	nd_read_init(read, SESSION, seq, 7, 6, 65536);
	assert_true(nd_read_extent_add(read, 0x2000, 1, 0));
}

static void last_words_make(struct nd_wire_last_words *words, uint64_t seq)
{
	memset(words, 0, sizeof *words);
	nd_header_init(&words->header, ND_LAST_WORDS, SESSION, seq, sizeof *words);
	memcpy(words->text, "why", 3);
}

static void data_make(void *at)
{
	struct nd_data_writer w;

	nd_data_begin(&w, at, SESSION, 0, 7, 0);
	assert_true(nd_data_add(&w, 0x2000, ND_PAGE_BYTES, ND_RECORD_ZERO, NULL, 0));
	nd_data_end(&w, ND_DATA_LAST);
}

/* A message of any type at `at`, its header's seq as given. */
static void message_make(void *at, enum nd_wire_type type, uint64_t seq)
{
	switch (type) {
	case ND_HELLO:
		hello_make(at, seq);
		break;
	case ND_READ:
		read_make(at, seq);
		break;
	case ND_DATA:
		data_make(at);
		break;
	case ND_DONE:
		nd_done_init(at, SESSION, seq, ND_DONE_COMPLETE, "on disk");
		break;
	case ND_LAST_WORDS:
		last_words_make(at, seq);
		break;
	case ND_GIVE:
		memset(((struct nd_wire_give *)at)->piece, 7,
		       nd_give_init(at, SESSION, seq, 100, 0));
		break;
	case ND_TAKE:
		nd_take_init(at, SESSION, seq, 3, ND_TAKE_MAX);
		break;
	}
}

static void hello_seal(struct buffer *b, struct nd_noise *n, uint64_t seq, const uint8_t *key)
{
	memset(b, 0, sizeof *b);
	hello_make((struct nd_wire_hello *)(b->bytes + ND_HANDSHAKE_OFFSET), seq);
	b->count = nd_hello_seal(n, b->bytes, server_public, key, ephemeral());
	assert_int_equal(b->count, b->header.length);
}

static enum nd_message_error hello_open(struct buffer *b, struct nd_noise *n, const uint8_t *key)
{
	return nd_hello_open(n, b->bytes, b->count, server_private, server_public, key);
}

static void answer_seal(struct buffer *b, struct nd_noise *n, enum nd_wire_type type, uint64_t seq,
			struct nd_keys *keys)
{
	memset(b, 0, sizeof *b);
	message_make(b->bytes + ND_HANDSHAKE_OFFSET, type, seq);
	b->count = nd_answer_seal(n, b->bytes, ephemeral(), keys);
	assert_int_equal(b->count, b->header.length);
}

static enum nd_message_error answer_open(struct buffer *b, struct nd_noise *n, struct nd_keys *keys)
{
	return nd_answer_open(n, b->bytes, b->count, keys);
}

struct pair {
	struct nd_keys dini, server;
};

/* A whole handshake in both directions. */
static void pair_make(struct pair *p, const uint8_t *key)
{
	struct nd_noise dini, server;
	struct buffer b;

	memset(p, 0, sizeof *p);
	hello_seal(&b, &dini, 1, key);
	assert_int_equal(hello_open(&b, &server, key), ND_MESSAGE_OK);
	answer_seal(&b, &server, ND_READ, 1, &p->server);
	assert_int_equal(answer_open(&b, &dini, &p->dini), ND_MESSAGE_OK);
}

static void sealed_make(struct buffer *b, struct nd_keys *keys, enum nd_wire_type type)
{
	memset(b, 0, sizeof *b);
	message_make(b->bytes, type, 0);
	b->count = nd_sealed_seal(keys, b->bytes);
	assert_int_equal(b->count, b->header.length);
}

static int keys_make(void **state)
{
	(void)state;
	nd_noise_public(server_public, server_private);
	nd_noise_public(other_public, other_private);
	return 0;
}

/* What comes out is the very message that went in. */
static void message_assert(const void *got, enum nd_wire_type type, uint64_t seq)
{
	struct buffer expected = {.count = 0};

	message_make(expected.bytes, type, seq);
	expected.header.seq = seq;
	assert_memory_equal(got, expected.bytes, expected.header.length);
}

static void handshakes_there_and_back(void **state)
{
	(void)state;
	static const struct nd_noise wiped;
	const enum nd_wire_type answers[] = {ND_READ, ND_DONE};

	for (unsigned int i = 0; i < 4; i++) {
		const uint8_t *key = i & 1 ? psk : NULL;
		enum nd_wire_type type = answers[i / 2];
		struct nd_noise dini, server;
		struct nd_keys ours, theirs;
		struct buffer b;
		uint8_t id[ND_WIRE_PSK_ID_BYTES];

		hello_seal(&b, &dini, 5, key);
		assert_int_equal(nd_datagram_check(b.bytes, b.count), ND_MESSAGE_OK);
		assert_int_equal(nd_datagram_form(b.bytes), ND_FORM_HANDSHAKE);
		nd_psk_id(id, key);
		assert_memory_equal(nd_datagram_handshake(b.bytes)->psk_id, id, sizeof id);
		assert_int_equal(hello_open(&b, &server, key), ND_MESSAGE_OK);
		message_assert(b.bytes + ND_HANDSHAKE_OFFSET, ND_HELLO, 5);
		answer_seal(&b, &server, type, 5, &theirs);
		assert_memory_equal(&server, &wiped, sizeof wiped);
		assert_int_equal(answer_open(&b, &dini, &ours), ND_MESSAGE_OK);
		assert_memory_equal(&dini, &wiped, sizeof wiped);
		message_assert(b.bytes + ND_HANDSHAKE_OFFSET, type, 5);
		assert_true(ours.valid && theirs.valid);
		assert_memory_equal(ours.send, theirs.receive, KEY);
		assert_memory_equal(ours.receive, theirs.send, KEY);
		assert_memory_not_equal(ours.send, ours.receive, KEY);
	}
}

static void sealed_there_and_back(void **state)
{
	(void)state;
	const enum nd_wire_type types[] = {ND_READ, ND_DATA, ND_DONE, ND_GIVE, ND_TAKE};
	struct buffer b;
	struct pair p;

	pair_make(&p, psk);
	for (uint64_t seq = 1; seq <= 6; seq++) {
		enum nd_wire_type type = types[seq % 3];

		sealed_make(&b, &p.server, type);
		assert_int_equal(b.header.seq, seq);
		assert_int_equal(nd_sealed_open(&p.dini, b.bytes, b.count), ND_MESSAGE_OK);
		message_assert(b.bytes, type, seq);
		sealed_make(&b, &p.dini, type);
		assert_int_equal(b.header.seq, seq);
		assert_int_equal(nd_sealed_open(&p.server, b.bytes, b.count), ND_MESSAGE_OK);
		message_assert(b.bytes, type, seq);
	}
}

/* The largest messages still fit a datagram, whatever form they take. */
static void the_largest_fit(void **state)
{
	(void)state;
	struct nd_noise dini, server;
	struct nd_keys keys;
	struct buffer b = {.count = 0};
	struct nd_wire_hello *hello = (struct nd_wire_hello *)(b.bytes + ND_HANDSHAKE_OFFSET);
	struct nd_wire_read *read = (struct nd_wire_read *)hello;

	nd_hello_init(hello, SESSION, 1);
	while (nd_hello_range_add(hello, 0x1000, 0x1000, 1))
		;
	b.count = nd_hello_seal(&dini, b.bytes, server_public, NULL, ephemeral());
	assert_in_range(b.count, ND_WIRE_MESSAGE_MAX - 200, ND_WIRE_DATAGRAM_MAX);
	assert_int_equal(hello_open(&b, &server, NULL), ND_MESSAGE_OK);
	nd_read_init(read, SESSION, 1, 1, 0, 1);
	for (uint64_t i = 0; nd_read_extent_add(read, i * ND_PAGE_BYTES, 1, 0); i++)
		;
	b.count = nd_answer_seal(&server, b.bytes, ephemeral(), &keys);
	assert_in_range(b.count, ND_WIRE_MESSAGE_MAX - 200, ND_WIRE_DATAGRAM_MAX);
	assert_int_equal(answer_open(&b, &dini, &keys), ND_MESSAGE_OK);
}

static void flip(struct buffer *b, size_t bit)
{
	b->bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
}

static void no_flipped_bit_of_a_hello_passes(void **state)
{
	(void)state;
	static const struct nd_noise wiped;
	struct nd_noise dini, server;
	struct buffer good, bad;

	hello_seal(&good, &dini, 1, psk);
	for (size_t bit = 0; bit < 8 * good.count; bit++) {
		bad = good;
		flip(&bad, bit);
		assert_int_not_equal(hello_open(&bad, &server, psk), ND_MESSAGE_OK);
		assert_memory_equal(&server, &wiped, sizeof wiped);
	}
	assert_int_equal(hello_open(&good, &server, psk), ND_MESSAGE_OK);
}

static void no_flipped_bit_of_an_answer_passes(void **state)
{
	(void)state;
	struct nd_noise dini, server, before;
	struct nd_keys keys = {.sent_seq = 3}, untouched = keys, theirs;
	struct buffer good, bad;

	hello_seal(&good, &dini, 1, psk);
	assert_int_equal(hello_open(&good, &server, psk), ND_MESSAGE_OK);
	answer_seal(&good, &server, ND_READ, 1, &theirs);
	before = dini;
	for (size_t bit = 0; bit < 8 * good.count; bit++) {
		bad = good;
		flip(&bad, bit);
		assert_int_not_equal(answer_open(&bad, &dini, &keys), ND_MESSAGE_OK);
		assert_memory_equal(&dini, &before, sizeof before);
		assert_memory_equal(&keys, &untouched, sizeof untouched);
	}
	assert_int_equal(answer_open(&good, &dini, &keys), ND_MESSAGE_OK);
	assert_int_equal(keys.sent_seq, 0);
}

static void no_flipped_bit_of_a_sealed_datagram_passes(void **state)
{
	(void)state;
	struct buffer good, bad;
	struct nd_keys before;
	struct pair p;

	pair_make(&p, NULL);
	sealed_make(&good, &p.dini, ND_DATA);
	before = p.server;
	for (size_t bit = 0; bit < 8 * good.count; bit++) {
		struct buffer flipped;

		bad = good;
		flip(&bad, bit);
		flipped = bad;
		assert_int_not_equal(nd_sealed_open(&p.server, bad.bytes, bad.count),
				     ND_MESSAGE_OK);
		assert_memory_equal(&p.server, &before, sizeof before);
		assert_memory_equal(&bad, &flipped, sizeof bad);
	}
	assert_int_equal(nd_sealed_open(&p.server, good.bytes, good.count), ND_MESSAGE_OK);
}

/* Cut or grown to any length, with the header's length as it was, and with it adapted. */
static void no_other_length_passes(void **state)
{
	(void)state;
	struct nd_noise dini, server, spare;
	struct buffer hello, answer, sealed, bad;
	struct nd_keys keys;
	struct pair p;

	pair_make(&p, psk);
	sealed_make(&sealed, &p.dini, ND_DATA);
	hello_seal(&hello, &dini, 1, psk);
	bad = hello;
	assert_int_equal(hello_open(&bad, &server, psk), ND_MESSAGE_OK);
	answer_seal(&answer, &server, ND_READ, 1, &keys);
	for (size_t bytes = 0; bytes <= 2 * ND_WIRE_DATAGRAM_MAX; bytes++) {
		size_t length = bytes % (ND_WIRE_DATAGRAM_MAX + 1);
		bool adapt = bytes > ND_WIRE_DATAGRAM_MAX;
		const struct buffer *good[] = {&hello, &answer, &sealed};

		for (unsigned int i = 0; i < 3; i++) {
			enum nd_message_error error;

			if (length == good[i]->count)
				continue;
			bad = *good[i];
			bad.count = length;
			if (adapt)
				bad.header.length = (uint16_t)length;
			if (i == 0)
				error = hello_open(&bad, &spare, psk);
			else if (i == 1)
				error = answer_open(&bad, &dini, &keys);
			else
				error = nd_sealed_open(&p.server, bad.bytes, bad.count);
			assert_int_not_equal(error, ND_MESSAGE_OK);
		}
	}
}

static void a_replay_is_told(void **state)
{
	(void)state;
	struct buffer first, second, b;
	struct pair p;

	pair_make(&p, NULL);
	sealed_make(&first, &p.dini, ND_DATA);
	sealed_make(&second, &p.dini, ND_DATA);
	b = second;
	assert_int_equal(nd_sealed_open(&p.server, b.bytes, b.count), ND_MESSAGE_OK);
	b = first;
	assert_int_equal(nd_sealed_open(&p.server, b.bytes, b.count), ND_MESSAGE_OK);
	b = first;
	assert_int_equal(nd_sealed_open(&p.server, b.bytes, b.count), ND_MESSAGE_REPLAY);
	b = second;
	assert_int_equal(nd_sealed_open(&p.server, b.bytes, b.count), ND_MESSAGE_REPLAY);
	/* Thrown back at who made it. */
	b = first;
	assert_int_equal(nd_sealed_open(&p.dini, b.bytes, b.count), ND_MESSAGE_SEAL);
}

/* A datagram that is not under the pending keys is tried with the current ones, unharmed. */
static void one_buffer_two_keys(void **state)
{
	(void)state;
	struct pair current, pending;
	struct buffer b;

	pair_make(&current, psk);
	pair_make(&pending, psk);
	sealed_make(&b, &current.dini, ND_DATA);
	assert_int_equal(nd_sealed_open(&pending.server, b.bytes, b.count), ND_MESSAGE_SEAL);
	assert_int_equal(nd_sealed_open(&current.server, b.bytes, b.count), ND_MESSAGE_OK);
	message_assert(b.bytes, ND_DATA, 1);
}

/* Before a handshake, keys are all zero: something that anyone can seal with. */
static void no_keys_open_nothing(void **state)
{
	(void)state;
	struct nd_keys forger = {.valid = true}, none = {.valid = false};
	struct buffer b;

	sealed_make(&b, &forger, ND_DATA);
	assert_int_equal(nd_sealed_open(&none, b.bytes, b.count), ND_MESSAGE_SEAL);
	assert_int_equal(nd_sealed_open(&forger, b.bytes, b.count), ND_MESSAGE_OK);
}

static void the_answer_to_another_hello(void **state)
{
	(void)state;
	struct nd_noise first, second, server;
	struct nd_keys keys = {.valid = false}, theirs;
	struct buffer b, answer;

	hello_seal(&b, &first, 1, NULL);
	assert_int_equal(hello_open(&b, &server, NULL), ND_MESSAGE_OK);
	answer_seal(&answer, &server, ND_READ, 1, &theirs);
	hello_seal(&b, &second, 2, NULL);
	b = answer;
	assert_int_equal(answer_open(&b, &second, &keys), ND_MESSAGE_SEAL);
	b = answer;
	b.header.seq = 2; /* as if it were the second's */
	assert_int_equal(answer_open(&b, &second, &keys), ND_MESSAGE_SEAL);
	b = answer;
	assert_int_equal(answer_open(&b, &first, &keys), ND_MESSAGE_OK);
}

static const struct wrong_key {
	const char *what;
	const uint8_t *made, *opened;
} wrong_keys[] = {
	{"another host's key", psk, other_psk},
	{"no key where one was used", psk, NULL},
	{"a key where none was used", NULL, psk},
};

static void the_wrong_key_opens_nothing(void **state)
{
	(void)state;
	struct nd_noise n, server;
	struct buffer b, good;

	for (size_t i = 0; i < sizeof wrong_keys / sizeof *wrong_keys; i++) {
		hello_seal(&good, &n, 1, wrong_keys[i].made);
		b = good;
		if (hello_open(&b, &server, wrong_keys[i].opened) != ND_MESSAGE_SEAL)
			fail_msg("%s", wrong_keys[i].what);
		assert_memory_equal(&b, &good, sizeof b);
		assert_int_equal(hello_open(&b, &server, wrong_keys[i].made), ND_MESSAGE_OK);
	}
	hello_seal(&b, &n, 1, psk);
	assert_int_equal(nd_hello_open(&server, b.bytes, b.count, other_private, other_public, psk),
			 ND_MESSAGE_SEAL);
	assert_int_equal(
		nd_hello_open(&server, b.bytes, b.count, server_private, other_public, psk),
		ND_MESSAGE_SEAL);
}

static void no_hello_to_a_key_that_is_none(void **state)
{
	(void)state;
	static const uint8_t zero[KEY];
	static const struct nd_noise wiped;
	struct nd_noise n;
	struct buffer b;

	hello_seal(&b, &n, 1, NULL);
	assert_int_equal(nd_hello_seal(&n, b.bytes, zero, NULL, ephemeral()), 0);
	assert_memory_equal(&n, &wiped, sizeof wiped);
}

enum lie { LIE_NONE, LIE_TYPE, LIE_SESSION, LIE_SEQ, LIE_MALFORMED, LIES };

/* A sender that has every key, and puts something else inside than its header says. */
static void lie(struct nd_wire_header *inside, enum lie which)
{
	switch (which) {
	case LIE_TYPE:
		message_make(inside, inside->type == ND_DONE ? ND_READ : ND_DONE, inside->seq);
		break;
	case LIE_SESSION:
		inside->session++;
		break;
	case LIE_SEQ:
		inside->seq++;
		break;
	case LIE_MALFORMED:
		inside->version++;
		break;
	default:
		break;
	}
}

static void outside_make(struct buffer *b, enum nd_wire_type type)
{
	const struct nd_wire_header *inside =
		(const struct nd_wire_header *)(b->bytes + ND_HANDSHAKE_OFFSET);

	b->count = inside->length + ND_HANDSHAKE_EXTRA;
	nd_header_init(&b->header, type, SESSION, 1, b->count);
	b->header.type |= ND_FORM_HANDSHAKE;
}

static void hello_lie(struct buffer *b, enum lie which)
{
	struct nd_wire_header *inside = (struct nd_wire_header *)(b->bytes + ND_HANDSHAKE_OFFSET);
	struct nd_noise n;

	memset(b, 0, sizeof *b);
	message_make(inside, ND_HELLO, 1);
	lie(inside, which);
	outside_make(b, ND_HELLO);
	/* The prologue: header, and a psk_id of zeros, which lies behind the ephemeral. */
	nd_noise_begin(&n, server_public, NULL, b->bytes, HEADER + ND_WIRE_PSK_ID_BYTES);
	assert_true(nd_noise_hello_write(&n, server_public, ephemeral(), b->bytes + HEADER, inside,
					 b->count - ND_HANDSHAKE_EXTRA));
}

static void answer_lie(struct buffer *b, struct nd_noise *server, enum lie which)
{
	struct nd_wire_header *inside = (struct nd_wire_header *)(b->bytes + ND_HANDSHAKE_OFFSET);

	memset(b, 0, sizeof *b);
	message_make(inside, ND_READ, 1);
	lie(inside, which);
	outside_make(b, ND_READ);
	assert_true(nd_noise_answer_write(server, ephemeral(), b->bytes + HEADER, inside,
					  b->count - ND_HANDSHAKE_EXTRA));
}

static void inside_is_what_outside_says(void **state)
{
	(void)state;
	static const enum nd_message_error expected[LIES] = {
		[LIE_NONE] = ND_MESSAGE_OK,           [LIE_TYPE] = ND_MESSAGE_SEAL,
		[LIE_SESSION] = ND_MESSAGE_SEAL,      [LIE_SEQ] = ND_MESSAGE_SEAL,
		[LIE_MALFORMED] = ND_MESSAGE_VERSION,
	};
	struct nd_noise dini, server;
	struct nd_keys keys;
	struct buffer b;

	for (enum lie i = LIE_NONE; i < LIES; i++) {
		hello_lie(&b, i);
		assert_int_equal(hello_open(&b, &server, NULL), expected[i]);
		hello_seal(&b, &dini, 1, NULL);
		assert_int_equal(hello_open(&b, &server, NULL), ND_MESSAGE_OK);
		answer_lie(&b, &server, i);
		memset(&keys, 0, sizeof keys);
		assert_int_equal(answer_open(&b, &dini, &keys), expected[i]);
		assert_int_equal(keys.valid, !expected[i]);
	}
}

/* Sealed with the right keys, and yet not a message. */
static void what_is_sealed_is_checked(void **state)
{
	(void)state;
	struct buffer b = {.count = 0};
	struct pair p;

	pair_make(&p, NULL);
	message_make(b.bytes, ND_DATA, 0);
	((struct nd_wire_data *)b.bytes)->record_count = 2;
	b.count = nd_sealed_seal(&p.dini, b.bytes);
	assert_int_equal(nd_sealed_open(&p.server, b.bytes, b.count), ND_MESSAGE_RECORD);
}

enum door { DOOR_PLAIN = 1, DOOR_HELLO = 2, DOOR_ANSWER = 4, DOOR_SEALED = 8 };

/* Which doors a type in a form may come to; the others say ND_MESSAGE_FORM. */
static const struct form_case {
	enum nd_wire_type type;
	unsigned int form, doors;
} form_cases[] = {
	{ND_HELLO, 0, DOOR_PLAIN},
	{ND_READ, 0, DOOR_PLAIN},
	{ND_DATA, 0, DOOR_PLAIN},
	{ND_DONE, 0, DOOR_PLAIN},
	{ND_LAST_WORDS, 0, DOOR_PLAIN},
	{ND_GIVE, 0, DOOR_PLAIN},
	{ND_TAKE, 0, DOOR_PLAIN},
	{ND_HELLO, ND_FORM_HANDSHAKE, DOOR_HELLO},
	{ND_READ, ND_FORM_HANDSHAKE, DOOR_ANSWER},
	{ND_DATA, ND_FORM_HANDSHAKE, 0},
	{ND_DONE, ND_FORM_HANDSHAKE, DOOR_ANSWER},
	{ND_GIVE, ND_FORM_HANDSHAKE, 0},
	{ND_TAKE, ND_FORM_HANDSHAKE, 0},
	{ND_HELLO, ND_FORM_SEALED, 0},
	{ND_READ, ND_FORM_SEALED, DOOR_SEALED},
	{ND_DATA, ND_FORM_SEALED, DOOR_SEALED},
	{ND_DONE, ND_FORM_SEALED, DOOR_SEALED},
	{ND_GIVE, ND_FORM_SEALED, DOOR_SEALED},
	{ND_TAKE, ND_FORM_SEALED, DOOR_SEALED},
	{ND_HELLO, ND_FORM_MASK, 0},
	{ND_READ, ND_FORM_MASK, 0},
	{ND_DATA, ND_FORM_MASK, 0},
	{ND_DONE, ND_FORM_MASK, 0},
	{ND_LAST_WORDS, ND_FORM_HANDSHAKE, 0},
	{ND_LAST_WORDS, ND_FORM_SEALED, 0},
	{ND_LAST_WORDS, ND_FORM_MASK, 0},
};

static void every_form_has_its_door(void **state)
{
	(void)state;
	struct nd_noise n = {.has_psk = false};
	struct nd_keys keys = {.valid = true};

	for (size_t i = 0; i < sizeof form_cases / sizeof *form_cases; i++) {
		const struct form_case *c = &form_cases[i];
		struct buffer b = {.count = 0};
		enum nd_message_error outer;

		message_make(b.bytes, c->type, 1);
		b.header.type |= (uint8_t)c->form;
		b.count = b.header.length = c->form ? 400 : b.header.length;
		outer = nd_datagram_check(b.bytes, b.count);
		assert_int_equal(outer, c->doors ? ND_MESSAGE_OK : ND_MESSAGE_FORM);
		assert_int_equal(nd_plain_open(b.bytes, b.count),
				 c->doors & DOOR_PLAIN ? ND_MESSAGE_OK : ND_MESSAGE_FORM);
		assert_int_equal(nd_sealed_open(&keys, b.bytes, b.count),
				 c->doors & DOOR_SEALED ? ND_MESSAGE_SEAL : ND_MESSAGE_FORM);
		assert_int_equal(nd_answer_open(&n, b.bytes, b.count, &keys),
				 c->doors & DOOR_ANSWER ? ND_MESSAGE_SEAL : ND_MESSAGE_FORM);
		assert_int_equal(hello_open(&b, &n, NULL),
				 c->doors & DOOR_HELLO ? ND_MESSAGE_SEAL : ND_MESSAGE_FORM);
	}
}

static const struct outer_case {
	const char *what;
	size_t offset;
	uint8_t value;
	enum nd_message_error error;
} outer_cases[] = {
	{"magic", 0, 0, ND_MESSAGE_MAGIC},
	{"version", 4, 1, ND_MESSAGE_VERSION},
	{"type 0", 5, ND_FORM_SEALED, ND_MESSAGE_TYPE},
	{"type 5", 5, ND_FORM_SEALED | ND_LAST_WORDS, ND_MESSAGE_FORM},
	{"type 8", 5, ND_FORM_SEALED | 8, ND_MESSAGE_TYPE},
	{"length", 6, 39, ND_MESSAGE_LENGTH},
};

static void the_outer_form_is_checked(void **state)
{
	(void)state;
	struct buffer good = {.count = HEADER + ND_WIRE_TAG_BYTES}, bad;

	nd_header_init(&good.header, ND_DATA, SESSION, 1, good.count);
	good.header.type |= ND_FORM_SEALED;
	assert_int_equal(nd_datagram_check(good.bytes, good.count), ND_MESSAGE_OK);
	for (size_t i = 0; i < sizeof outer_cases / sizeof *outer_cases; i++) {
		bad = good;
		bad.bytes[outer_cases[i].offset] = outer_cases[i].value;
		if (nd_datagram_check(bad.bytes, bad.count) != outer_cases[i].error)
			fail_msg("%s", outer_cases[i].what);
	}
	bad = good;
	bad.header.session = 0;
	assert_int_equal(nd_datagram_check(bad.bytes, bad.count), ND_MESSAGE_SESSION);
	for (size_t bytes = 0; bytes < good.count; bytes++)
		assert_int_equal(nd_datagram_check(good.bytes, bytes), ND_MESSAGE_SHORT);
	assert_int_equal(nd_datagram_check(good.bytes, ND_WIRE_DATAGRAM_MAX + 1), ND_MESSAGE_LONG);
	bad.header.session = 1;
	bad.header.type = ND_DATA; /* plain: leaves room for a tag that is not there */
	assert_int_equal(nd_datagram_check(bad.bytes, ND_WIRE_MESSAGE_MAX + 1), ND_MESSAGE_LONG);
}

/* SHA-256("netdump psk" and the bytes 0 to 31), worked out elsewhere. */
static void a_key_has_its_id(void **state)
{
	(void)state;
	static const uint8_t expected[] = {0x6a, 0xd1, 0xe0, 0xe1, 0x93, 0xd2, 0xa6, 0xe7};
	static const uint8_t zero[ND_WIRE_PSK_ID_BYTES];
	uint8_t key[KEY], id[ND_WIRE_PSK_ID_BYTES];

	for (unsigned int i = 0; i < sizeof key; i++)
		key[i] = (uint8_t)i;
	nd_psk_id(id, key);
	assert_memory_equal(id, expected, sizeof id);
	nd_psk_id(id, NULL);
	assert_memory_equal(id, zero, sizeof id);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(handshakes_there_and_back),
		cmocka_unit_test(sealed_there_and_back),
		cmocka_unit_test(the_largest_fit),
		cmocka_unit_test(no_flipped_bit_of_a_hello_passes),
		cmocka_unit_test(no_flipped_bit_of_an_answer_passes),
		cmocka_unit_test(no_flipped_bit_of_a_sealed_datagram_passes),
		cmocka_unit_test(no_other_length_passes),
		cmocka_unit_test(a_replay_is_told),
		cmocka_unit_test(one_buffer_two_keys),
		cmocka_unit_test(no_keys_open_nothing),
		cmocka_unit_test(the_answer_to_another_hello),
		cmocka_unit_test(the_wrong_key_opens_nothing),
		cmocka_unit_test(no_hello_to_a_key_that_is_none),
		cmocka_unit_test(inside_is_what_outside_says),
		cmocka_unit_test(what_is_sealed_is_checked),
		cmocka_unit_test(every_form_has_its_door),
		cmocka_unit_test(the_outer_form_is_checked),
		cmocka_unit_test(a_key_has_its_id),
	};

	return cmocka_run_group_tests(tests, keys_make, NULL);
}
