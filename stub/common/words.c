// SPDX-License-Identifier: GPL-2.0-or-later
/* words.c - reading a kernel command line.  Any CPU mode. */
#include "stub/common/words.h"

static bool space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static size_t text_bytes(const char *text)
{
	size_t bytes = 0;

	while (text[bytes])
		bytes++;
	return bytes;
}

static bool same(const char *a, const char *b, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		if (a[i] != b[i])
			return false;
	return true;
}

bool nd_word_find(const char *line, const char *key, struct nd_word *value)
{
	size_t key_bytes = text_bytes(key), at = 0;
	bool found = false;

	while (at < ND_LINE_BYTES && line[at]) {
		size_t from = at;

		while (at < ND_LINE_BYTES && line[at] && !space(line[at]))
			at++;
		if (at - from >= key_bytes && same(line + from, key, key_bytes)) {
			value->text = line + from + key_bytes;
			value->bytes = at - from - key_bytes;
			found = true;
		}
		while (at < ND_LINE_BYTES && space(line[at]))
			at++;
	}
	return found;
}

bool nd_word_is(struct nd_word value, const char *text)
{
	return value.bytes == text_bytes(text) && same(value.text, text, value.bytes);
}

static unsigned int digit(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned int)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned int)(c - 'a') + 10;
	if (c >= 'A' && c <= 'F')
		return (unsigned int)(c - 'A') + 10;
	return 16;
}

static unsigned int suffix_shift(char c)
{
	switch (c) {
	case 'k':
	case 'K':
		return 10;
	case 'm':
	case 'M':
		return 20;
	case 'g':
	case 'G':
		return 30;
	}
	return 0;
}

bool nd_word_number(struct nd_word value, uint64_t *number)
{
	const char *p = value.text, *end = value.text + value.bytes;
	unsigned int base = 10, shift, digits = 0;
	uint64_t n = 0;

	if (value.bytes > 2 && p[0] == '0' && (p[1] == 'x' || p[1] == 'X')) {
		base = 16;
		p += 2;
	}
	/* Below 2^60 before each step, so no step of ten or sixteen can wrap. */
	for (; p < end && digit(*p) < base; p++, digits++) {
		if (n >> 60)
			return false;
		n = n * base + digit(*p);
	}
	shift = p < end ? suffix_shift(*p) : 0;
	if (shift) {
		if (n > UINT64_MAX >> shift)
			return false;
		n <<= shift;
		p++;
	}
	if (digits == 0 || p != end)
		return false;
	*number = n;
	return true;
}

bool nd_word_extent(struct nd_word value, uint64_t *address, uint64_t *bytes)
{
	struct nd_word size = {value.text, 0};

	while (size.bytes < value.bytes && size.text[size.bytes] != '@')
		size.bytes++;
	*bytes = 0;
	if (size.bytes == value.bytes)
		return nd_word_number(value, address);
	value.text += size.bytes + 1;
	value.bytes -= size.bytes + 1;
	return nd_word_number(size, bytes) && nd_word_number(value, address);
}
