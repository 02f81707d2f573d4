// SPDX-License-Identifier: GPL-2.0-or-later
/* lz4.c - see lz4.h.  The format: doc/lz4_Block_format.md of LZ4. */
#include "lz4.h"

#include <string.h>

#include "bare.h"

uint32_t lz4_expand(const uint8_t *from, uint32_t bytes, uint8_t *to, uint32_t room)
{
	const uint8_t *end = from + bytes;
	uint32_t at = 0;

	while (from < end) {
		uint8_t token = *from++;
		uint32_t length = token >> 4;
		uint32_t offset;

		if (length == 15)
			do
				length += *from;
			while (*from++ == 255);
		CHECK(length <= (uint32_t)(end - from) && length <= room - at);
		memcpy(to + at, from, length);
		at += length;
		from += length;
		if (from == end)
			return at;
		offset = from[0] | (uint32_t)from[1] << 8;
		from += 2;
		length = token & 15;
		if (length == 15)
			do
				length += *from;
			while (*from++ == 255);
		length += 4;
		CHECK(offset && offset <= at && length <= room - at);
		for (; length; length--, at++)
			to[at] = to[at - offset];
	}
	return at;
}
