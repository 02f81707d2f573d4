/* SPDX-License-Identifier: GPL-2.0-or-later */
/* options.h - the words before "--" on netdump.c32's command line.  Pure: no I/O. */
#ifndef NETDUMP_OPTIONS_H
#define NETDUMP_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include <netdump/handoff.h>

struct nd_options {
	int image;             /* the first word behind "--"; 0: there is none */
	uint32_t server_count; /* 0: the TFTP server */
	uint8_t server_ip[ND_SERVERS_MAX][4];
	uint16_t server_port;
	bool has_client_ip, has_gateway, has_mac;
	uint8_t client_ip[4];
	uint8_t gateway[4];
	uint8_t mac[6];
	enum nd_action action;
	uint32_t deadline_s;
	uint32_t skip; /* enum nd_step, or'ed */
	bool fallback_boot;
	bool unnamed; /* the system's command line is left alone */
	const char *dini;
	bool insecure;
	uint32_t key_count; /* 0: none; 1: for every server; else one for each in server= */
	uint8_t key[ND_SERVERS_MAX][ND_KEY_BYTES];
	bool has_psk;
	uint8_t psk[ND_KEY_BYTES];
};

/*
 * Reads argv[0..argc) up to "--" into *o, defaults first.  False if a word was not understood,
 * or no image is named, with the first fault in why[why_bytes]; the digits of a key are never in
 * it.  All words are read even so: o->image and o->fallback_boot say what can still be done.
 */
bool nd_options_parse(struct nd_options *o, int argc, char **argv, char *why, unsigned why_bytes);

/* What the words say together about keys: NULL if they can be used, else why not. */
const char *nd_options_key_fault(const struct nd_options *o);

/* The words for action= and for a bit of skip; NULL: there is no such step. */
const char *nd_options_action(const struct nd_options *o);
const char *nd_options_step(unsigned int bit);

/* How a dump of these options is protected. */
enum nd_security nd_options_security(const struct nd_options *o);

#endif
