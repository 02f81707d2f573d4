/* SPDX-License-Identifier: GPL-2.0-or-later */
/* options.h - the words before "--" on netdump.c32's command line.  Pure: no I/O. */
#ifndef NETDUMP_OPTIONS_H
#define NETDUMP_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include <netdump/handoff.h>

struct nd_options {
	uint32_t server_count; /* 0: the TFTP server */
	uint8_t server_ip[ND_SERVERS_MAX][4];
	uint16_t server_port;
	bool has_client_ip, has_gateway, has_mac;
	uint8_t client_ip[4];
	uint8_t gateway[4];
	uint8_t mac[6];
	enum nd_action action;
	uint32_t deadline_s;
	bool fallback_boot;
	const char *dini;
};

/*
 * Reads argv[0..argc) up to "--" into *o, defaults first.  Returns the index of
 * the first word behind "--", or -1 with what is wrong in why[why_bytes].
 */
int nd_options_parse(struct nd_options *o, int argc, char **argv, char *why, unsigned why_bytes);

#endif
