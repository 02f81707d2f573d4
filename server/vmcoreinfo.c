// SPDX-License-Identifier: GPL-2.0-or-later
/* vmcoreinfo.c - looks values up in VMCOREINFO. */
#include "server/vmcoreinfo.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool nd_vmcoreinfo_text(const struct nd_vmcoreinfo *v, const char *key, char *to, size_t room)
{
	size_t key_bytes = strlen(key), left = v->bytes;
	const char *line = v->text;

	while (left) {
		const char *end = memchr(line, '\n', left);
		size_t bytes = end ? (size_t)(end - line) : left;

		if (bytes > key_bytes && line[key_bytes] == '=' && !memcmp(line, key, key_bytes)) {
			size_t value = bytes - key_bytes - 1;

			if (value >= room)
				value = room - 1;
			memcpy(to, line + key_bytes + 1, value);
			to[value] = 0;
			return true;
		}
		bytes += end != NULL;
		line += bytes;
		left -= bytes;
	}
	return false;
}

static bool number_find(const struct nd_vmcoreinfo *v, const char *what, const char *name, int base,
			uint64_t *value)
{
	char key[128], text[32], *end;

	if (snprintf(key, sizeof key, "%s(%s)", what, name) >= (int)sizeof key ||
	    !nd_vmcoreinfo_text(v, key, text, sizeof text))
		return false;
	errno = 0;
	*value = strtoull(text, &end, base);
	return !errno && end != text && !*end;
}

bool nd_vmcoreinfo_symbol(const struct nd_vmcoreinfo *v, const char *name, uint64_t *value)
{
	return number_find(v, "SYMBOL", name, 16, value);
}

bool nd_vmcoreinfo_size(const struct nd_vmcoreinfo *v, const char *name, uint64_t *value)
{
	return number_find(v, "SIZE", name, 10, value);
}

bool nd_vmcoreinfo_offset(const struct nd_vmcoreinfo *v, const char *name, uint64_t *value)
{
	return number_find(v, "OFFSET", name, 10, value);
}

bool nd_vmcoreinfo_length(const struct nd_vmcoreinfo *v, const char *name, uint64_t *value)
{
	return number_find(v, "LENGTH", name, 10, value);
}

bool nd_vmcoreinfo_number(const struct nd_vmcoreinfo *v, const char *name, uint64_t *value)
{
	return number_find(v, "NUMBER", name, 10, value);
}
