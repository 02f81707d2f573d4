/* SPDX-License-Identifier: GPL-2.0-or-later */
/* words.c - netdump.c32's options as JSON: com32/netdump/options.c decides what they mean. */
#include "site/words.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bearssl.h>

#include "wire/secure.h"

#define TEXT_BYTES        (1u << 16)
#define FINGERPRINT_BYTES 8

bool nd_words_read(struct nd_words *w)
{
	static char text[TEXT_BYTES];
	size_t bytes = fread(text, 1, sizeof text, stdin);

	if (bytes == sizeof text || (bytes && text[bytes - 1]))
		return false;
	for (char *at = text; at < text + bytes; at += strlen(at) + 1) {
		if (w->argc == ND_WORDS_MAX)
			return false;
		w->argv[w->argc++] = at;
	}
	w->good = nd_options_parse(&w->options, w->argc, w->argv, w->why, sizeof w->why);
	return true;
}

const uint8_t *nd_words_key(const struct nd_options *o, uint32_t server)
{
	return o->key_count ? o->key[o->key_count > 1 ? server : 0] : NULL;
}

/* Each byte as the character of that number: JSON has no bytes, and words may be in any coding. */
static json_t *string(const char *s)
{
	size_t bytes = strlen(s), length = 0;
	char *utf8 = malloc(2 * bytes + 1);
	json_t *said = NULL;

	for (size_t i = 0; utf8 && i < bytes; i++) {
		unsigned char byte = (unsigned char)s[i];

		if (byte >= 0x80)
			utf8[length++] = (char)(0xC0 | byte >> 6);
		utf8[length++] = (char)(byte < 0x80 ? byte : 0x80 | (byte & 0x3F));
	}
	if (utf8)
		said = json_stringn(utf8, length);
	free(utf8);
	return said;
}

static json_t *hex(const uint8_t *bytes, size_t count)
{
	char text[2 * ND_KEY_BYTES + 1] = "";

	for (size_t i = 0; i < count; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	return json_string(text);
}

/* A public key's: the first bytes of its SHA-256. */
static json_t *fingerprint(const uint8_t key[ND_KEY_BYTES])
{
	uint8_t digest[br_sha256_SIZE];
	br_sha256_context sha;

	br_sha256_init(&sha);
	br_sha256_update(&sha, key, ND_KEY_BYTES);
	br_sha256_out(&sha, digest);
	return hex(digest, FINGERPRINT_BYTES);
}

/* The name that the wire has for it, in the clear. */
static json_t *psk_name(const uint8_t psk[ND_KEY_BYTES])
{
	uint8_t id[ND_WIRE_PSK_ID_BYTES];

	nd_psk_id(id, psk);
	return hex(id, sizeof id);
}

/* Whether Curve25519 has it: a handshake with it can be begun. */
static bool is_key(const uint8_t key[ND_KEY_BYTES])
{
	static const uint8_t ephemeral[ND_KEY_BYTES] = {1};
	uint64_t buffer[ND_WIRE_DATAGRAM_MAX / 8] = {0};
	struct nd_noise noise;
	struct nd_wire_header *header = (void *)((uint8_t *)buffer + ND_HANDSHAKE_OFFSET);

	nd_header_init(header, ND_HELLO, 1, 1, sizeof *header);
	return nd_hello_seal(&noise, buffer, key, NULL, ephemeral) != 0;
}

/* As documents have them: the same few bytes again and again. */
static bool is_example(const uint8_t key[ND_KEY_BYTES])
{
	return !memcmp(key, key + 8, ND_KEY_BYTES - 8);
}

static json_t *addresses(const struct nd_options *o)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < o->server_count; i++) {
		char text[INET_ADDRSTRLEN];

		inet_ntop(AF_INET, o->server_ip[i], text, sizeof text);
		json_array_append_new(list, json_string(text));
	}
	return list;
}

static json_t *address(bool there, const uint8_t ip[4])
{
	char text[INET_ADDRSTRLEN];

	return there ? json_string(inet_ntop(AF_INET, ip, text, sizeof text)) : json_null();
}

static json_t *mac(const struct nd_options *o)
{
	char text[18];

	if (!o->has_mac)
		return json_null();
	snprintf(text, sizeof text, "%02x:%02x:%02x:%02x:%02x:%02x", o->mac[0], o->mac[1],
		 o->mac[2], o->mac[3], o->mac[4], o->mac[5]);
	return json_string(text);
}

static json_t *steps(uint32_t skip)
{
	json_t *list = json_array();

	for (unsigned int bit = 0; nd_options_step(bit); bit++)
		if (skip & 1u << bit)
			json_array_append_new(list, json_string(nd_options_step(bit)));
	return list;
}

static json_t *keys(const struct nd_options *o)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < o->key_count; i++)
		json_array_append_new(list,
				      json_pack("{s:o, s:b, s:b}", "fingerprint",
						fingerprint(o->key[i]), "usable", is_key(o->key[i]),
						"example", is_example(o->key[i])));
	return list;
}

/* What is wrong with each word, taken by itself; none names a second one.  All of it, or NULL. */
static json_t *faults(const struct nd_words *w)
{
	json_t *list = json_array();

	for (int i = 0; i < w->argc && strcmp(w->argv[i], "--"); i++) {
		char *alone[] = {w->argv[i], "--", "image"}, why[200];
		struct nd_options options;

		if (!nd_options_parse(&options, 3, alone, why, sizeof why) &&
		    json_array_append_new(list, string(why)))
			goto err;
	}
	if (!json_array_size(list) && !w->good && json_array_append_new(list, string(w->why)))
		goto err;
	return list;
err:
	json_decref(list);
	return NULL;
}

json_t *nd_words_json(const struct nd_words *w)
{
	static const char *const security[] = {"none", "plain", "NK", "NKpsk0"};
	const struct nd_options *o = &w->options;
	json_t *wrong = faults(w);
	const char *key_fault = nd_options_key_fault(o);

	if (key_fault && !json_array_size(wrong))
		json_array_append_new(wrong, json_string(key_fault));
	return json_pack(
		"{s:o, s:i, s:o, s:i, s:o, s:o, s:o, s:s, s:i, s:o, s:b, s:o, s:s, s:o, s:o}",
		"faults", wrong, "image", o->image, "servers", addresses(o), "port",
		(int)o->server_port, "ip", address(o->has_client_ip, o->client_ip), "gateway",
		address(o->has_gateway, o->gateway), "mac", mac(o), "action", nd_options_action(o),
		"deadline", (int)o->deadline_s, "skip", steps(o->skip), "fallback",
		o->fallback_boot, "dini", string(o->dini), "security",
		security[nd_options_security(o)], "keys", keys(o), "psk",
		o->has_psk ? psk_name(o->psk) : json_null());
}
