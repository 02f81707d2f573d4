/* SPDX-License-Identifier: GPL-2.0-or-later */
/* words.h - netdump.c32's own words as a site's tools have them: read on the host, told as JSON. */
#ifndef NETDUMP_SITE_WORDS_H
#define NETDUMP_SITE_WORDS_H

#include <jansson.h>

#include "com32/netdump/options.h"

#define ND_WORDS_MAX 1024 /* of a command line, which PXELINUX refuses from 2,048 bytes on */

struct nd_words {
	int argc;
	char *argv[ND_WORDS_MAX];
	struct nd_options options;
	bool good; /* as far as they are understood */
	char why[200];
};

/* Words, each behind it a NUL, from standard input: keys are no arguments, which all can read. */
bool nd_words_read(struct nd_words *w);

/*
 * What they say, and what is wrong with them; of a key no more than its fingerprint.  In what stems
 * from the words each byte is the character of that number.  NULL: no memory.
 */
json_t *nd_words_json(const struct nd_words *w);

/* Which key goes with a server. */
const uint8_t *nd_words_key(const struct nd_options *o, uint32_t server);

#endif
