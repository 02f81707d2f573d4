// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tell.c - last words of crashes before this boot: on the console, and to the servers.
 *
 * They go as they are: they hold nothing of the machine's memory, there is no cryptography here
 * that could protect them, and no server believes them.  32-bit, PXELINUX running.
 */
#include <netdump/wire.h>
#include <stdio.h>
#include <string.h>

#include "lastwords.h"
#include "netdump.h"

#define CRASHES_MAX 4 /* of boots that found DINI another place each */

_Static_assert(ND_LAST_WORDS_TEXT_BYTES == ND_REASON_BYTES, "a text fits");
_Static_assert(ND_HOST_NAME_BYTES == ND_HOST_BYTES, "a host fits");

static struct nd_last_words *record_at(uint32_t phys)
{
	return (struct nd_last_words *)phys;
}

static void send(const struct nd_lease *lease, uint16_t port, const char *text)
{
	static struct nd_wire_last_words words;

	memset(&words, 0, sizeof words);
	words.header.magic = ND_WIRE_MAGIC;
	words.header.version = ND_WIRE_VERSION;
	words.header.type = ND_LAST_WORDS;
	words.header.length = sizeof words;
	words.header.session = 1; /* of none: any number but 0 */
	memcpy(words.mac, lease->mac, sizeof words.mac);
	strncpy(words.host, lease->host, sizeof words.host - 1);
	for (char *c = words.host; *c; c++)
		if (*c < 0x20 || *c > 0x7e)
			*c = '?'; /* no server takes another, nor such a name for a folder */
	strncpy(words.text, text, sizeof words.text - 1);
	for (uint32_t i = 0; i < lease->server_count; i++)
		netdump_udp_send(lease->server_ip[i], port, &words, sizeof words);
}

void nd_last_words_tell(const struct nd_lease *lease, uint16_t port, char text[ND_REASON_BYTES])
{
	static struct nd_map map;
	uint64_t from_phys = 0;

	if (!nd_e820_read(&map))
		return;
	for (int i = 0; i < CRASHES_MAX && nd_last_words_next(&map, record_at, &from_phys, text);
	     i++) {
		printf("netdump: last words of the crash before this boot: %s\n", text);
		send(lease, port, text);
	}
}
