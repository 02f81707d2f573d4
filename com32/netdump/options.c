/* SPDX-License-Identifier: GPL-2.0-or-later */
/* options.c - parsing of netdump.c32's own words.  Pure; also built on the host for tests. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <netdump/wire.h>
#include "options.h"

#define DEFAULT_DEADLINE_S 120

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

static bool whole_mac(const char *s, uint8_t mac[6])
{
	for (int i = 0; i < 6; i++) {
		int high, low;

		if (i && *s != ':' && *s != '-')
			return false;
		if (i)
			s++;
		high = hex(s[0]);
		low = high < 0 ? -1 : hex(s[1]);
		if (low < 0)
			return false;
		mac[i] = (uint8_t)(high << 4 | low);
		s += 2;
	}
	return !*s;
}

static bool action(const char *s, enum nd_action *value)
{
	static const char *const names[] = {"reboot", "halt", "hold"};

	for (int i = 0; i < 3; i++) {
		if (!strcmp(s, names[i])) {
			*value = (enum nd_action)i;
			return true;
		}
	}
	return false;
}

/* What a word should have looked like, or NULL if it was understood. */
static const char *word(struct nd_options *o, const char *name, size_t length, const char *value)
{
#define IS(s) (length == sizeof(s) - 1 && !memcmp(name, s, length))
	const char *end;

	if (IS("server"))
		return servers(value, o) ? NULL : "server=IP[,IP...][:PORT], at most 4, each once";
	if (IS("ip")) {
		o->has_client_ip = true;
		return whole_address(value, o->client_ip) ? NULL : "ip=A.B.C.D";
	}
	if (IS("gateway")) {
		o->has_gateway = true;
		return whole_address(value, o->gateway) ? NULL : "gateway=A.B.C.D";
	}
	if (IS("mac") || IS("nic")) {
		o->has_mac = true;
		return whole_mac(value, o->mac) ? NULL : "mac=aa:bb:cc:dd:ee:ff";
	}
	if (IS("action"))
		return action(value, &o->action) ? NULL : "action=reboot, halt or hold";
	if (IS("deadline")) {
		end = number(value, 86400, &o->deadline_s);
		return end && !*end ? NULL : "deadline=SECONDS, at most 86400, 0 for none";
	}
	if (IS("fallback")) {
		o->fallback_boot = true;
		return !strcmp(value, "boot") ? NULL : "fallback=boot";
	}
	if (IS("dini")) {
		o->dini = value;
		return *value ? NULL : "dini=FILE";
	}
	return "an option of netdump.c32 (server, ip, gateway, mac, nic, action, deadline, "
	       "fallback, dini)";
#undef IS
}

int nd_options_parse(struct nd_options *o, int argc, char **argv, char *why, unsigned why_bytes)
{
	memset(o, 0, sizeof *o);
	o->server_port = ND_WIRE_PORT;
	o->deadline_s = DEFAULT_DEADLINE_S;
	o->dini = "dini.bin";

	for (int i = 0; i < argc; i++) {
		const char *equals = strchr(argv[i], '=');
		size_t length = equals ? (size_t)(equals - argv[i]) : strlen(argv[i]);
		const char *wanted;

		if (!strcmp(argv[i], "--")) {
			if (i + 1 < argc)
				return i + 1;
			break;
		}
		wanted = word(o, argv[i], length, equals ? equals + 1 : "");
		if (wanted) {
			snprintf(why, why_bytes, "\"%s\" is not %s", argv[i], wanted);
			return -1;
		}
	}
	snprintf(why, why_bytes,
		 "no image: APPEND [options] -- IMAGE arguments [--- MODULE arguments]...");
	return -1;
}
