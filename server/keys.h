/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * keys.h - the server's own key and the keys of hosts: the files that they are in, and
 * which host a HELLO is from.
 *
 * A key is 32 bytes, in files and on command lines 64 hexadecimal digits.  The server's
 * file has its private key and nothing else; the file of hosts has lines "NAME KEY", or "NAME KEY
 * level=N", with empty lines and #-comments between them.  Both must be regular files of ours or of
 * root that group and others can neither read nor write.
 */
#ifndef NETDUMP_SERVER_KEYS_H
#define NETDUMP_SERVER_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "netdump/wire.h"

#define ND_KEYRING_HOSTS_MAX 16384
#define ND_KEY_TEXT_BYTES    (2 * ND_WIRE_KEY_BYTES + 1) /* digits and NUL */
#define ND_KEYS_WHY_BYTES    512

/* NAME is what nd_store_host_name() makes of the name in the host's HELLO. */
struct nd_host_key {
	char name[ND_HOST_NAME_BYTES];
	uint8_t key[ND_WIRE_KEY_BYTES];
	uint8_t id[ND_WIRE_PSK_ID_BYTES];
	unsigned int line; /* in the file, for messages */
	int level;         /* of its dumps, -1: the server's */
};

/* All zero: no keys.  Read-only once it is loaded, so any thread may look things up. */
struct nd_keyring {
	bool has_own; /* private_key and public_key are there */
	uint8_t private_key[ND_WIRE_KEY_BYTES], public_key[ND_WIRE_KEY_BYTES];
	struct nd_host_key *hosts; /* by name */
	const struct nd_host_key **by_id;
	size_t host_count;
};

/* Each loads one file into the ring.  False: why says what is wrong with which file. */
bool nd_keyring_own_load(struct nd_keyring *ring, const char *path, char why[ND_KEYS_WHY_BYTES]);
bool nd_keyring_hosts_load(struct nd_keyring *ring, const char *path, char why[ND_KEYS_WHY_BYTES]);

/* The host whose key a HELLO's psk_id names.  NULL: none that we know, or all zeros. */
const struct nd_host_key *nd_keyring_by_id(const struct nd_keyring *ring,
					   const uint8_t id[ND_WIRE_PSK_ID_BYTES]);

/* The host of this name.  NULL: it has no key of its own, and may come without one. */
const struct nd_host_key *nd_keyring_by_name(const struct nd_keyring *ring, const char *name);

/* The level of this host's dumps, as select.h has it; `otherwise`, if its line names none. */
unsigned int nd_keyring_level(const struct nd_keyring *ring, const char *name,
			      unsigned int otherwise);

/* Wipes and frees what is in the ring, which is empty then. */
void nd_keyring_clear(struct nd_keyring *ring);

/* 64 hexadecimal digits, no more and no less. */
bool nd_key_parse(const char *text, uint8_t key[ND_WIRE_KEY_BYTES]);
void nd_key_format(char text[ND_KEY_TEXT_BYTES], const uint8_t key[ND_WIRE_KEY_BYTES]);

/* Opens a file of keys (O_CREAT: mode 0600), if it is one that keys may be in; -1: why. */
int nd_key_file_open(const char *path, int flags, char why[ND_KEYS_WHY_BYTES]);

/* Whether a host can have this name. */
#define ND_HOST_NAME_RULE "up to 63 letters, digits, '.', '_', '-', the first neither '.' nor '-'"
bool nd_host_name_good(const char *name);

#endif
