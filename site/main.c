/* SPDX-License-Identifier: GPL-2.0-or-later */
/* main.c - netdump-words: what netdump.c32 makes of its words, for scripts/site-check. */
#include <argp.h>
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "site/probe.h"
#include "site/words.h"

enum { OPTION_MAC = 0x100, OPTION_WAIT };

struct settings {
	bool probe;
	struct nd_probe asks; /* server_ip: the TFTP server, for words without server= */
	bool has_tftp;
};

static const struct argp_option settings_known[] = {
	{"probe", 'p', NULL, 0, "ask each server whether it answers, under its key", 0},
	{"tftp", 't', "IP", 0, "the TFTP server, where no server= is", 0},
	{"mac", OPTION_MAC, "AA:BB:...", 0, "who asks", 0},
	{"wait", OPTION_WAIT, "MS", 0, "for an answer; default: 2000", 0},
	{0},
};

static bool mac_take(const char *s, uint8_t mac[6])
{
	char *end;

	for (int i = 0; i < 6; i++, s = end + 1) {
		unsigned long byte = strtoul(s, &end, 16);

		if (end != s + 2 || *end != (i < 5 ? ':' : '\0'))
			return false;
		mac[i] = (uint8_t)byte;
	}
	return true;
}

static error_t setting_take(int key, char *arg, struct argp_state *state)
{
	struct settings *s = state->input;
	char *end;

	switch (key) {
	case 'p':
		s->probe = true;
		return 0;
	case 't':
		if (inet_pton(AF_INET, arg, s->asks.server_ip) != 1)
			argp_error(state, "--tftp %s: not an IPv4 address", arg);
		s->has_tftp = true;
		return 0;
	case OPTION_MAC:
		if (!mac_take(arg, s->asks.mac))
			argp_error(state, "--mac %s: not a MAC address", arg);
		return 0;
	case OPTION_WAIT:
		s->asks.wait_ms = (unsigned int)strtoul(arg, &end, 10);
		if (*end || !s->asks.wait_ms || s->asks.wait_ms > 60000)
			argp_error(state, "--wait %s: not a number from 1 to 60000", arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static json_t *answer_of(const struct settings *s, const struct nd_options *o, uint32_t server)
{
	struct nd_probe asks = s->asks;
	char text[INET_ADDRSTRLEN], why[128] = "";
	unsigned int took_ms;
	bool good;

	if (server < o->server_count)
		memcpy(asks.server_ip, o->server_ip[server], 4);
	asks.options = o;
	asks.key = nd_words_key(o, server);
	good = nd_probe_ask(&asks, &took_ms, why);
	return json_pack("{s:s, s:b, s:i, s:s}", "server",
			 inet_ntop(AF_INET, asks.server_ip, text, sizeof text), "answers", good,
			 "ms", (int)took_ms, "why", why);
}

static json_t *answers_of(const struct settings *s, const struct nd_options *o)
{
	json_t *list = json_array();
	uint32_t count = o->server_count;

	if (!count && s->has_tftp)
		count = 1;
	for (uint32_t i = 0; i < count; i++)
		json_array_append_new(list, answer_of(s, o, i));
	return list;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {settings_known,
					 setting_take,
					 NULL,
					 "netdump-words - what netdump.c32 makes of its words, "
					 "which come on standard input, "
					 "each with a NUL behind it.",
					 NULL,
					 NULL,
					 NULL};
	static struct nd_words words;
	struct settings settings = {.asks = {.wait_ms = 2000}};
	json_t *said;

	argp_parse(&argp, argc, argv, 0, NULL, &settings);
	if (!nd_words_read(&words)) {
		fprintf(stderr, "netdump-words: too many words, or none that end in a NUL\n");
		return EXIT_FAILURE;
	}
	said = nd_words_json(&words);
	if (!said) {
		fprintf(stderr, "netdump-words: no memory for what the words say\n");
		return EXIT_FAILURE;
	}
	if (settings.probe && words.good && !nd_options_key_fault(&words.options))
		json_object_set_new(said, "answers", answers_of(&settings, &words.options));
	json_dumpf(said, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(said);
	return EXIT_SUCCESS;
}
