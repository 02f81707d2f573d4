/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * door_test.c - who is let in, and under which keys a session is spoken to, with the machine's
 * side played by wire/secure.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "server/door.h"

#define SESSION  0x1122334455667788u
#define SENT_MAX 8

struct datagram {
	uint64_t at[(ND_WIRE_DATAGRAM_MAX + 7) / 8];
	size_t bytes;
};

static struct nd_keyring ring;
static struct nd_host_key db1 = {.name = "db1"};
static const struct nd_host_key *const by_id[] = {&db1};
static struct nd_door door;
static struct nd_pass pass;
static struct datagram sent[SENT_MAX];
static unsigned int count;
static uint8_t drawn;

static void draw(void *context, void *to, size_t bytes)
{
	(void)context;
	memset(to, ++drawn, bytes);
}

static void deliver(void *context, const struct sockaddr_in *to, const void *datagram, size_t bytes)
{
	(void)context;
	(void)to;
	assert_true(count < SENT_MAX);
	memcpy(sent[count].at, datagram, bytes);
	sent[count++].bytes = bytes;
}

static int setup(void **state)
{
	(void)state;
	memset(&ring, 0, sizeof ring);
	memset(ring.private_key, 0x42, sizeof ring.private_key);
	nd_noise_public(ring.public_key, ring.private_key);
	ring.has_own = true;
	memset(db1.key, 0x17, sizeof db1.key);
	nd_psk_id(db1.id, db1.key);
	ring.hosts = &db1;
	ring.by_id = (const struct nd_host_key **)by_id;
	ring.host_count = 1;
	nd_door_init(&door, &ring, draw, deliver, NULL);
	memset(&pass, 0, sizeof pass);
	count = 0;
	return 0;
}

/* A HELLO as a machine makes it. */
static void hello_make(struct datagram *d, struct nd_noise *n, uint64_t seq, const char *host,
		       const uint8_t *psk)
{
	uint8_t ephemeral[ND_WIRE_KEY_BYTES];
	struct nd_wire_hello *hello =
		(struct nd_wire_hello *)((uint8_t *)d->at + ND_HANDSHAKE_OFFSET);

	nd_hello_init(hello, SESSION, seq);
	strcpy(hello->host, host);
	memset(hello->token, 7, sizeof hello->token);
	hello->header.length = (uint16_t)nd_hello_bytes(hello);
	draw(NULL, ephemeral, sizeof ephemeral);
	d->bytes = nd_hello_seal(n, d->at, ring.public_key, psk, ephemeral);
	assert_int_not_equal(d->bytes, 0);
}

static const char *hello_say(struct nd_noise *n, uint64_t seq, const char *host, const uint8_t *psk,
			     uint64_t now_ms)
{
	const struct nd_wire_header *message;
	struct datagram d;
	const char *why;

	hello_make(&d, n, seq, host, psk);
	why = nd_door_open(&door, pass.known ? &pass : NULL, now_ms, d.at, d.bytes, &message);
	return why ? why : nd_door_admit(&door, &pass, (const struct nd_wire_hello *)message);
}

static void read_send(uint32_t id)
{
	struct nd_wire_read read;

	nd_read_init(&read, SESSION, 1, id, 0, 0);
	nd_door_send(&door, &pass, NULL, &read.header);
}

static void give_send(void)
{
	struct nd_wire_give give;

	assert_int_equal(nd_give_init(&give, SESSION, 1, 2 * ND_GIVE_BYTES, 0), ND_GIVE_BYTES);
	memset(give.piece, 1, sizeof give.piece);
	nd_door_send(&door, &pass, NULL, &give.header);
}

/* The machine says something under its keys. */
static const char *data_say(struct nd_keys *keys)
{
	const struct nd_wire_header *message;
	struct datagram d;
	struct nd_data_writer w;

	nd_data_begin(&w, d.at, SESSION, 0, 1, 0);
	nd_data_end(&w, ND_DATA_LAST);
	d.bytes = nd_sealed_seal(keys, d.at);
	return nd_door_open(&door, &pass, 0, d.at, d.bytes, &message);
}

/* Which of the datagrams that were sent open under these keys: a bit each. */
static unsigned int opened(struct nd_keys *keys)
{
	unsigned int which = 0;

	for (unsigned int i = 0; i < count; i++) {
		struct datagram d = sent[i];

		if (nd_sealed_open(keys, d.at, d.bytes) == ND_MESSAGE_OK)
			which |= 1u << i;
	}
	return which;
}

static struct nd_keys answer_take(struct nd_noise *n, unsigned int which)
{
	struct nd_keys keys;
	struct datagram d = sent[which];

	assert_int_equal(nd_answer_open(n, d.at, d.bytes, &keys), ND_MESSAGE_OK);
	return keys;
}

static void keys_follow_what_the_machine_says(void **state)
{
	struct nd_noise n[3];
	struct nd_keys first, second;

	(void)state;
	assert_null(hello_say(&n[0], 1, "a", NULL, 0));
	read_send(1);
	assert_int_equal(count, 1);
	first = answer_take(&n[0], 0);
	assert_null(data_say(&first));
	count = 0;
	read_send(2);
	assert_int_equal(count, 1);
	assert_int_equal(opened(&first), 1);

	/* A new HELLO: until the machine shows which keys it has, it gets all under both. */
	assert_null(hello_say(&n[1], 2, "a", NULL, 0));
	count = 0;
	read_send(3);
	assert_int_equal(count, 2);
	assert_int_equal(opened(&first), 2);
	second = answer_take(&n[1], 0);
	count = 0;
	read_send(4);
	assert_int_equal(count, 2);
	assert_int_equal(opened(&first) | opened(&second), 3);
	assert_null(data_say(&first)); /* which proves nothing */
	count = 0;
	read_send(5);
	assert_int_equal(count, 2);
	assert_null(data_say(&second));
	assert_non_null(data_say(&first)); /* these are over */
	count = 0;
	read_send(6);
	assert_int_equal(count, 1);
	assert_int_equal(opened(&second), 1);

	/* An answer that nobody got leaves the old ones in force. */
	assert_null(hello_say(&n[1], 3, "a", NULL, 0));
	count = 0;
	read_send(7);
	assert_null(hello_say(&n[2], 4, "a", NULL, 0));
	assert_null(data_say(&second));
}

static void the_first_answer_is_repeated_as_it_was(void **state)
{
	struct nd_noise n;
	struct nd_keys keys;

	(void)state;
	assert_null(hello_say(&n, 1, "a", NULL, 0));
	read_send(1);
	read_send(2);
	assert_int_equal(count, 3);
	assert_int_equal(sent[1].bytes, sent[0].bytes);
	assert_memory_equal(sent[1].at, sent[0].at, sent[0].bytes);
	keys = answer_take(&n, 1);
	assert_int_equal(opened(&keys), 4);
	assert_null(data_say(&keys));
	count = 0;
	read_send(3);
	assert_int_equal(count, 1);
}

/* Its largest would not fit; so it is not sent before there are keys, and then under those. */
static void a_piece_is_no_answer_to_a_handshake(void **state)
{
	struct nd_noise n[2];
	struct nd_keys keys;

	(void)state;
	assert_null(hello_say(&n[0], 1, "a", NULL, 0));
	give_send();
	assert_int_equal(count, 0);
	read_send(1);
	keys = answer_take(&n[0], 0);
	assert_null(data_say(&keys));
	assert_null(hello_say(&n[1], 2, "a", NULL, 0));
	count = 0;
	give_send();
	assert_int_equal(count, 1);
	assert_int_equal(opened(&keys), 1);
	read_send(2);
	assert_int_equal(count, 3);
	assert_int_equal(nd_datagram_form(sent[1].at), ND_FORM_HANDSHAKE);
}

static void refusals(void **state)
{
	struct nd_noise n;
	struct nd_wire_hello plain;
	const struct nd_wire_header *message;
	struct datagram d;
	uint8_t unknown[ND_WIRE_KEY_BYTES] = {1};

	(void)state;
	nd_hello_init(&plain, SESSION, 1);
	assert_non_null(nd_door_open(&door, NULL, 0, &plain, plain.header.length, &message));
	assert_non_null(hello_say(&n, 1, "a", unknown, 0));
	assert_non_null(hello_say(&n, 1, "db1", NULL, 0));
	assert_false(pass.known);

	hello_make(&d, &n, 1, "whatever", db1.key);
	assert_null(nd_door_open(&door, NULL, 0, d.at, d.bytes, &message));
	assert_string_equal(((const struct nd_wire_hello *)message)->host, "db1");
	assert_null(nd_door_admit(&door, &pass, (const struct nd_wire_hello *)message));

	assert_non_null(hello_say(&n, 1, "db1", db1.key, 0)); /* that seq was there */
	assert_null(hello_say(&n, 9, "db1", db1.key, 0));
	assert_non_null(hello_say(&n, 8, "db1", db1.key, 0));
	pass.token[0]++;
	assert_non_null(hello_say(&n, 10, "db1", db1.key, 0));
}

/* Strangers and those that we know wait for each other in nothing. */
static void so_many_hellos_a_second(void **state)
{
	struct nd_noise n;
	struct datagram d, copy;
	const struct nd_wire_header *message;
	unsigned int strangers = 0, known = 0;

	(void)state;
	assert_int_equal(nd_door_welcome(&door, 0), ND_DOOR_TURN);
	hello_make(&d, &n, 1, "a", NULL);
	for (unsigned int i = 0; i < 2 * ND_DOOR_BURST; i++) {
		copy = d;
		strangers += !nd_door_open(&door, NULL, 0, copy.at, copy.bytes, &message);
	}
	assert_int_equal(strangers, ND_DOOR_BURST);
	assert_int_equal(nd_door_welcome(&door, 0), 0);
	pass.known = true;
	memset(pass.token, 7, sizeof pass.token);
	for (unsigned int i = 0; i < 3 * ND_DOOR_TURN; i++) {
		known += !hello_say(&n, known + 1, "a", NULL, 0);
		/* copies of it are refused before they cost anything */
		hello_make(&d, &n, known, "a", NULL);
		assert_non_null(nd_door_open(&door, &pass, 0, d.at, d.bytes, &message));
	}
	assert_int_equal(known, ND_DOOR_TURN);
	assert_null(hello_say(&n, 1000, "a", NULL, 1000 / ND_DOOR_PER_SECOND + 1));
}

static void without_a_key_all_is_plain(void **state)
{
	struct nd_noise n;
	struct nd_wire_hello plain;
	const struct nd_wire_header *message;
	struct datagram d;

	(void)state;
	hello_make(&d, &n, 1, "a", NULL);
	nd_door_init(&door, NULL, NULL, deliver, NULL);
	assert_non_null(nd_door_open(&door, NULL, 0, d.at, d.bytes, &message));
	nd_hello_init(&plain, SESSION, 1);
	assert_null(nd_door_open(&door, NULL, 0, &plain, plain.header.length, &message));
	assert_null(nd_door_admit(&door, &pass, &plain));
	read_send(1);
	assert_int_equal(count, 1);
	assert_int_equal(nd_datagram_form(sent[0].at), 0);
	plain.token[3] = 1;
	assert_non_null(nd_door_admit(&door, &pass, &plain));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(keys_follow_what_the_machine_says, setup),
		cmocka_unit_test_setup(the_first_answer_is_repeated_as_it_was, setup),
		cmocka_unit_test_setup(a_piece_is_no_answer_to_a_handshake, setup),
		cmocka_unit_test_setup(refusals, setup),
		cmocka_unit_test_setup(so_many_hellos_a_second, setup),
		cmocka_unit_test_setup(without_a_key_all_is_plain, setup),
	};

	return cmocka_run_group_tests_name("door", tests, NULL, NULL);
}
