/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * noise_test.c - the handshakes against published vectors, and what must not open.
 *
 * noise_vectors.json, next to this file, says where each vector is published; test_noise.py
 * runs the same ones through the tests' own implementation.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>

#include "wire/crypto.h"
#include "wire/noise.h"

#define VECTORS   "tests/unit/noise_vectors.json"
#define BYTES_MAX 256
#define KEY       ND_NOISE_KEY_BYTES

struct bytes {
	uint8_t at[BYTES_MAX];
	size_t count;
};

/* The hexadecimal string `name` of an object; none: no bytes. */
static struct bytes hex(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	struct bytes b = {.count = 0};

	for (; text && *text; text += 2) {
		unsigned int value;

		assert_true(b.count < BYTES_MAX);
		assert_int_equal(sscanf(text, "%2x", &value), 1);
		b.at[b.count++] = (uint8_t)value;
	}
	return b;
}

struct side {
	struct nd_noise noise;
	uint8_t send[KEY], receive[KEY];
	uint64_t sent, received;
};

struct conversation {
	struct bytes initiator_ephemeral, static_private, static_public, responder_ephemeral;
	struct side initiator, responder;
};

static void conversation_begin(struct conversation *c, const json_t *vector)
{
	struct bytes prologue = hex(vector, "prologue"), psk = hex(vector, "psk");
	uint8_t derived[KEY];

	memset(c, 0, sizeof *c);
	c->initiator_ephemeral = hex(vector, "init_ephemeral");
	c->static_private = hex(vector, "resp_static");
	c->static_public = hex(vector, "resp_static_public");
	c->responder_ephemeral = hex(vector, "resp_ephemeral");
	nd_noise_public(derived, c->static_private.at);
	assert_memory_equal(derived, c->static_public.at, KEY);
	assert_true(psk.count == 0 || psk.count == KEY);
	nd_noise_begin(&c->initiator.noise, c->static_public.at, psk.count ? psk.at : NULL,
		       prologue.at, prologue.count);
	nd_noise_begin(&c->responder.noise, c->static_public.at, psk.count ? psk.at : NULL,
		       prologue.at, prologue.count);
}

/* What was made is the published ciphertext: public key, then sealed payload. */
static void handshake_message_run(struct conversation *c, bool hello, const struct bytes *payload,
				  const struct bytes *published)
{
	uint8_t public_key[KEY], work[BYTES_MAX];
	size_t sealed = payload->count + ND_NOISE_TAG_BYTES;

	assert_int_equal(published->count, KEY + sealed);
	memcpy(work, payload->at, payload->count);
	if (hello)
		assert_true(nd_noise_hello_write(&c->initiator.noise, c->static_public.at,
						 c->initiator_ephemeral.at, public_key, work,
						 payload->count));
	else
		assert_true(nd_noise_answer_write(&c->responder.noise, c->responder_ephemeral.at,
						  public_key, work, payload->count));
	assert_memory_equal(public_key, published->at, KEY);
	assert_memory_equal(work, published->at + KEY, sealed);
	if (hello)
		assert_true(nd_noise_hello_read(&c->responder.noise, c->static_private.at,
						public_key, work, sealed));
	else
		assert_true(nd_noise_answer_read(&c->initiator.noise, public_key, work, sealed));
	assert_memory_equal(work, payload->at, payload->count);
}

static void transport_message_run(struct side *from, struct side *to, const struct bytes *payload,
				  const struct bytes *published)
{
	uint8_t work[BYTES_MAX];

	assert_int_equal(published->count, payload->count + ND_NOISE_TAG_BYTES);
	memcpy(work, payload->at, payload->count);
	nd_crypto_seal(from->send, from->sent++, NULL, 0, work, payload->count);
	assert_memory_equal(work, published->at, published->count);
	assert_true(nd_crypto_open(to->receive, to->received++, NULL, 0, work, payload->count));
	assert_memory_equal(work, payload->at, payload->count);
}

static void vector_run(const json_t *vector)
{
	static const struct nd_noise wiped;
	struct bytes hash = hex(vector, "handshake_hash");
	json_t *messages = json_object_get(vector, "messages");
	struct conversation c;

	conversation_begin(&c, vector);
	assert_true(json_array_size(messages) > 2);
	for (size_t i = 0; i < json_array_size(messages); i++) {
		struct bytes payload = hex(json_array_get(messages, i), "payload");
		struct bytes published = hex(json_array_get(messages, i), "ciphertext");
		struct side *from = i % 2 ? &c.responder : &c.initiator;
		struct side *to = i % 2 ? &c.initiator : &c.responder;

		if (i < 2)
			handshake_message_run(&c, i == 0, &payload, &published);
		else
			transport_message_run(from, to, &payload, &published);
		if (i != 1)
			continue;
		assert_memory_equal(c.initiator.noise.hash, c.responder.noise.hash, KEY);
		if (hash.count)
			assert_memory_equal(c.initiator.noise.hash, hash.at, KEY);
		nd_noise_split(&c.initiator.noise, c.initiator.send, c.initiator.receive);
		nd_noise_split(&c.responder.noise, c.responder.receive, c.responder.send);
		assert_memory_equal(&c.initiator.noise, &wiped, sizeof wiped);
		assert_memory_equal(&c.responder.noise, &wiped, sizeof wiped);
	}
}

static void published_vectors_agree(void **state)
{
	(void)state;
	json_error_t error;
	json_t *vectors = json_load_file(VECTORS, 0, &error);
	unsigned int with_psk = 0;

	if (!vectors)
		fail_msg("%s: %s", VECTORS, error.text);
	assert_int_equal(json_array_size(vectors), 3);
	for (size_t i = 0; i < json_array_size(vectors); i++) {
		vector_run(json_array_get(vectors, i));
		with_psk += json_object_get(json_array_get(vectors, i), "psk") != NULL;
	}
	assert_int_equal(with_psk, 1);
	json_decref(vectors);
}

/*
 * Points of small order (RFC 7748, section 7: the shared secret is zero), among them values
 * that are not reduced modulo p.
 */
static const struct small_point {
	uint8_t first, middle, last;
} small_points[] = {
	{0x00, 0x00, 0x00}, /* 0 */
	{0x01, 0x00, 0x00}, /* 1 */
	{0xec, 0xff, 0x7f}, /* p - 1 */
	{0xed, 0xff, 0x7f}, /* p */
	{0xee, 0xff, 0x7f}, /* p + 1 */
	{0x00, 0x00, 0x80}, /* 0, and the bit that X25519 ignores */
	{0xee, 0xff, 0xff}, /* p + 1, likewise */
};

static void points_of_small_order_are_no_keys(void **state)
{
	(void)state;
	static const uint8_t private_key[KEY] = {8, 1, 2, 3};
	struct nd_noise n;
	uint8_t public_key[KEY], payload[64] = {0};

	for (size_t i = 0; i < sizeof small_points / sizeof *small_points; i++) {
		uint8_t point[KEY];

		memset(point, small_points[i].middle, KEY);
		point[0] = small_points[i].first;
		point[KEY - 1] = small_points[i].last;
		nd_noise_begin(&n, point, NULL, NULL, 0);
		assert_false(nd_noise_hello_write(&n, point, private_key, public_key, payload, 8));
		assert_false(nd_noise_hello_read(&n, private_key, point, payload, 24));
		assert_false(nd_noise_answer_read(&n, point, payload, 24));
	}
}

/* One bit of anything that goes in, and it does not open, and is not touched. */
static void one_bit_is_enough(void **state)
{
	(void)state;
	struct {
		uint8_t key[KEY];
		uint64_t nonce;
		uint8_t ad[24];
		uint8_t data[40 + ND_NOISE_TAG_BYTES];
	} good, bad, before;

	memset(&good, 0x5a, sizeof good);
	nd_crypto_seal(good.key, good.nonce, good.ad, sizeof good.ad, good.data, 40);
	for (size_t bit = 0; bit < 8 * sizeof good; bit++) {
		bad = good;
		((uint8_t *)&bad)[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		before = bad;
		assert_false(
			nd_crypto_open(bad.key, bad.nonce, bad.ad, sizeof bad.ad, bad.data, 40));
		assert_memory_equal(&bad, &before, sizeof bad);
	}
	assert_true(nd_crypto_open(good.key, good.nonce, good.ad, sizeof good.ad, good.data, 40));
	for (size_t i = 0; i < 40; i++)
		assert_int_equal(good.data[i], 0x5a);
}

/* Fewer bytes than a tag has, in a handshake. */
static void too_short_for_a_tag(void **state)
{
	(void)state;
	static const uint8_t private_key[KEY] = {9};
	uint8_t public_key[KEY], payload[ND_NOISE_TAG_BYTES] = {0};
	struct nd_noise n;

	nd_noise_public(public_key, private_key);
	for (size_t bytes = 0; bytes < ND_NOISE_TAG_BYTES; bytes++) {
		nd_noise_begin(&n, public_key, NULL, NULL, 0);
		assert_false(nd_noise_hello_read(&n, private_key, public_key, payload, bytes));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_vectors_agree),
		cmocka_unit_test(points_of_small_order_are_no_keys),
		cmocka_unit_test(one_bit_is_enough),
		cmocka_unit_test(too_short_for_a_tag),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
