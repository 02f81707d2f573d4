/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * words.h - reading a kernel command line.  No I/O; any CPU mode, and hosted.
 *
 * A line is looked at up to its NUL or ND_LINE_BYTES, whichever comes first.
 */
#ifndef STUB_COMMON_WORDS_H
#define STUB_COMMON_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ND_LINE_BYTES 4096

/* A value inside a line, not NUL-terminated. */
struct nd_word {
	const char *text;
	size_t bytes;
};

/* The value of the last word that starts with key ("netdump="); false: there is none. */
bool nd_word_find(const char *line, const char *key, struct nd_word *value);

bool nd_word_is(struct nd_word value, const char *text);

/* A whole value: decimal or 0x, then K, M or G if at all; false: not that, or above 64 bits. */
bool nd_word_number(struct nd_word value, uint64_t *number);

/* "ADDRESS" or "BYTES@ADDRESS", as in elfcorehdr=; bytes is 0 if not given. */
bool nd_word_extent(struct nd_word value, uint64_t *address, uint64_t *bytes);

#endif
