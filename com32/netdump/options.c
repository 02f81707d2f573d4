/* SPDX-License-Identifier: GPL-2.0-or-later */
/* options.c - parsing of netdump.c32's own words.  Pure; also built on the host for tests. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <netdump/wire.h>
#include "options.h"

#define DEFAULT_DEADLINE_S 120
#define NAME_SHOWN_MAX     16
#define DIGITS_SHOWN_MAX   8 /* hex digits in a row: so many may be a piece of a key */

/* One decimal number of at most `max`; NULL if there is none, else behind it. */
static const char *number(const char *s, uint32_t max, uint32_t *value)
{
	uint32_t v = 0;

	if (*s < '0' || *s > '9')
		return NULL;
	while (*s >= '0' && *s <= '9') {
		uint32_t digit = (uint32_t)(*s++ - '0');

		if (v > (max - digit) / 10)
			return NULL;
		v = v * 10 + digit;
	}
	*value = v;
	return s;
}

static const char *address(const char *s, uint8_t ip[4])
{
	for (int i = 0; i < 4; i++) {
		uint32_t byte;

		if (i && *s++ != '.')
			return NULL;
		s = number(s, 255, &byte);
		if (!s)
			return NULL;
		ip[i] = (uint8_t)byte;
	}
	return s;
}

static bool whole_address(const char *s, uint8_t ip[4])
{
	s = address(s, ip);
	return s && !*s;
}

static bool is_twice(const struct nd_options *o)
{
	const uint8_t *last = o->server_ip[o->server_count - 1];

	for (uint32_t i = 0; i + 1 < o->server_count; i++)
		if (!memcmp(o->server_ip[i], last, 4))
			return true;
	return false;
}

/* IP[,IP...][:PORT], one port for all, no server twice. */
static bool servers(const char *s, struct nd_options *o)
{
	uint32_t port;

	o->server_count = 0;
	do {
		if (o->server_count == ND_SERVERS_MAX)
			return false;
		s = address(s, o->server_ip[o->server_count++]);
		if (s && is_twice(o))
			return false;
	} while (s && *s == ',' && s++);
	if (s && *s == ':') {
		s = number(s + 1, 65535, &port);
		if (!s || !port)
			return false;
		o->server_port = (uint16_t)port;
	}
	return s && !*s;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Two hex digits. */
static bool hex_byte(const char *s, uint8_t *byte)
{
	int high = hex(s[0]);
	int low = high < 0 ? -1 : hex(s[1]);

	if (low < 0)
		return false;
	*byte = (uint8_t)(high << 4 | low);
	return true;
}

static bool whole_mac(const char *s, uint8_t mac[6])
{
	for (int i = 0; i < 6; i++, s += 2) {
		if (i && *s != ':' && *s != '-')
			return false;
		if (i)
			s++;
		if (!hex_byte(s, &mac[i]))
			return false;
	}
	return !*s;
}

/* 64 hex digits; NULL if they are not there, else behind them. */
static const char *key(const char *s, uint8_t bytes[ND_KEY_BYTES])
{
	for (int i = 0; i < ND_KEY_BYTES; i++, s += 2)
		if (!hex_byte(s, &bytes[i]))
			return NULL;
	return s;
}

/* HEX[,HEX...] */
static bool keys(const char *s, struct nd_options *o)
{
	o->key_count = 0;
	do {
		if (o->key_count == ND_SERVERS_MAX)
			return false;
		s = key(s, o->key[o->key_count++]);
	} while (s && *s == ',' && s++);
	return s && !*s;
}

static bool client(const char *s, struct nd_options *o)
{
	o->has_client_ip = true;
	return whole_address(s, o->client_ip);
}

static bool gateway(const char *s, struct nd_options *o)
{
	o->has_gateway = true;
	return whole_address(s, o->gateway);
}

static bool mac(const char *s, struct nd_options *o)
{
	o->has_mac = true;
	return whole_mac(s, o->mac);
}

static const char *const action_names[] = {"reboot", "halt", "hold"};

const char *nd_options_action(const struct nd_options *o)
{
	return action_names[o->action];
}

static bool action(const char *s, struct nd_options *o)
{
	for (int i = 0; i < 3; i++) {
		if (!strcmp(s, action_names[i])) {
			o->action = (enum nd_action)i;
			return true;
		}
	}
	return false;
}

static bool deadline(const char *s, struct nd_options *o)
{
	s = number(s, 86400, &o->deadline_s);
	return s && !*s;
}

/* Each name stands where enum nd_step has its bit. */
static const char *const step_names[] = {
	"watchdogs", "masters", "iommu", "cpu",  "chipset", "vectors", "restore",  "close",
	"chip",      "flr",     "power", "link", "bus",     "alarm",   "firmware", "others",
};
#define STEPS (sizeof step_names / sizeof step_names[0])

const char *nd_options_step(unsigned int bit)
{
	return bit < STEPS ? step_names[bit] : NULL;
}

/* STEP[,STEP...] */
static bool steps(const char *s, struct nd_options *o)
{
	do {
		size_t length = strcspn(s, ","), i = 0;

		while (i < STEPS &&
		       (strlen(step_names[i]) != length || memcmp(step_names[i], s, length)))
			i++;
		if (i == STEPS)
			return false;
		o->skip |= 1u << i;
		s += length;
	} while (*s && s++);
	return true;
}

static bool fallback(const char *s, struct nd_options *o)
{
	o->fallback_boot = !strcmp(s, "boot");
	return o->fallback_boot;
}

static bool unnamed(const char *s, struct nd_options *o)
{
	o->unnamed = true;
	return !*s;
}

static bool dini(const char *s, struct nd_options *o)
{
	o->dini = s;
	return *s;
}

static bool psk(const char *s, struct nd_options *o)
{
	o->has_psk = true;
	s = key(s, o->psk);
	return s && !*s;
}

static bool insecure(const char *s, struct nd_options *o)
{
	o->insecure = true;
	return !*s;
}

static const struct option {
	const char *name;
	bool (*take)(const char *value, struct nd_options *o);
	bool is_shown; /* its value, when it is refused: consoles are logged */
	const char *wanted;
} options[] = {
	{"server", servers, true, "server=IP[,IP...][:PORT], at most 4, each once"},
	{"ip", client, true, "ip=A.B.C.D"},
	{"gateway", gateway, true, "gateway=A.B.C.D"},
	{"mac", mac, true, "mac=aa:bb:cc:dd:ee:ff"},
	{"nic", mac, true, "nic=aa:bb:cc:dd:ee:ff"},
	{"action", action, true, "action=reboot, halt or hold"},
	{"deadline", deadline, true, "deadline=SECONDS, at most 86400, 0 for none"},
	{"skip", steps, true,
	 "skip=STEP[,STEP...] of watchdogs, masters, iommu, cpu, chipset, vectors, restore, close, "
	 "chip, flr, power, link, bus, alarm, firmware, others"},
	{"fallback", fallback, true, "fallback=boot"},
	{"unnamed", unnamed, true, "unnamed, without a value"},
	{"dini", dini, true, "dini=FILE"},
	{"key", keys, false, "key=HEX[,HEX...], at most 4 of 64 hex digits each"},
	{"psk", psk, false, "psk=HEX, 64 hex digits"},
	{"insecure", insecure, true, "insecure, without a value"},
	/* the last, which no word has the name of; it may be a key beside its place */
	{"", NULL, false,
	 "an option of netdump.c32 (server, ip, gateway, mac, nic, action, deadline, skip, "
	 "fallback, unnamed, dini, key, psk, insecure)"},
};

static const struct option *option_find(const char *word, size_t name_length)
{
	const struct option *option = options;

	while (option->take &&
	       (strlen(option->name) != name_length || memcmp(option->name, word, name_length)))
		option++;
	return option;
}

/* Whether it has hex digits enough for a piece of a key, or nothing else. */
static bool is_digits(const char *s, size_t length)
{
	size_t run = 0;

	for (size_t i = 0; i < length && run < DIGITS_SHOWN_MAX; i++)
		run = hex(s[i]) < 0 ? 0 : run + 1;
	return run == DIGITS_SHOWN_MAX || run == length;
}

/* What is wrong with a word, and no more of it than its name where it may be a key: a blank
 * behind "psk=" makes the key a word of its own. */
static void word_name(char *why, unsigned why_bytes, const char *word, const struct option *option)
{
	size_t length = strlen(word), shown = strcspn(word, "=") + 1;

	if (shown > length)
		shown = length;
	if (shown > NAME_SHOWN_MAX)
		shown = NAME_SHOWN_MAX;
	if (option->is_shown)
		shown = length;
	else if (is_digits(word, shown))
		shown = 0;
	snprintf(why, why_bytes, "\"%.*s%s\" is not %s", (int)shown, word,
		 shown < length ? "..." : "", option->wanted);
}

bool nd_options_parse(struct nd_options *o, int argc, char **argv, char *why, unsigned why_bytes)
{
	bool good = true;
	int i;

	memset(o, 0, sizeof *o);
	o->server_port = ND_WIRE_PORT;
	o->deadline_s = DEFAULT_DEADLINE_S;
	o->dini = "dini.bin";

	for (i = 0; i < argc && strcmp(argv[i], "--"); i++) {
		const char *equals = strchr(argv[i], '=');
		size_t length = equals ? (size_t)(equals - argv[i]) : strlen(argv[i]);
		const struct option *option = option_find(argv[i], length);

		if (option->take && option->take(equals ? equals + 1 : "", o))
			continue;
		if (good)
			word_name(why, why_bytes, argv[i], option);
		good = false;
	}
	o->image = i + 1 < argc ? i + 1 : 0;
	if (good && !o->image)
		snprintf(why, why_bytes,
			 "no image: APPEND [options] -- IMAGE arguments [--- MODULE arguments]...");
	return good && o->image;
}

const char *nd_options_key_fault(const struct nd_options *o)
{
	uint32_t servers_named = o->server_count ? o->server_count : 1;

	if (o->insecure && (o->key_count || o->has_psk))
		return "\"insecure\" and a key: take away the one that is not meant";
	if (!o->insecure && o->has_psk && !o->key_count)
		return "psk= is of no use without key=: give the server's public key too";
	if (!o->insecure && !o->key_count)
		return "no key=, so nothing would be sent at a crash: give the server's public key "
		       "(netdumpd keygen prints it), or say \"insecure\" to send memory in the "
		       "clear";
	if (o->key_count > 1 && o->key_count != servers_named)
		return "key= has not as many keys as server= has servers: give one for all, or one "
		       "for each";
	return NULL;
}

enum nd_security nd_options_security(const struct nd_options *o)
{
	if (o->insecure)
		return ND_SECURITY_PLAIN;
	if (!o->key_count)
		return ND_SECURITY_NONE;
	return o->has_psk ? ND_SECURITY_NKPSK0 : ND_SECURITY_NK;
}
