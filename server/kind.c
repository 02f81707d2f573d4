// SPDX-License-Identifier: GPL-2.0-or-later
/* kind.c - what a HELLO is about: a crash's memory, or what a living system sends. */
#include "server/kind.h"

#include <stdio.h>
#include <string.h>

#define MIB (1u << 20)

const struct nd_kind nd_kinds[ND_HELLO_KINDS] = {
	[ND_HELLO_CRASH] = {"dump", "dump", "vmcore", 0, false},
	[ND_HELLO_LOG] = {"log", "log", "log", 64 * MIB, false},
	[ND_HELLO_TEST] = {"test", "dry run", "test", 64 * MIB, true},
	[ND_HELLO_DRIVERS] = {"drivers", "request for drivers", "request", MIB, false},
};

const struct nd_kind *nd_kind_named(const char *name)
{
	for (unsigned int i = 0; name && i < ND_HELLO_KINDS; i++)
		if (!strcmp(nd_kinds[i].name, name))
			return &nd_kinds[i];
	return &nd_kinds[ND_HELLO_CRASH];
}

bool nd_kind_fits(const struct nd_wire_hello *hello, char why[ND_DONE_TEXT_BYTES])
{
	const struct nd_kind *kind = &nd_kinds[hello->kind];
	const struct nd_wire_range *all = &hello->range[0];

	if (hello->kind == ND_HELLO_CRASH)
		return true;
	if (hello->range_count != 1 || all->phys || all->kind != 1)
		snprintf(why, ND_DONE_TEXT_BYTES, "a %s is one range, of kind 1, from 0 on",
			 kind->noun);
	else if (all->bytes > kind->bytes_max)
		snprintf(why, ND_DONE_TEXT_BYTES, "a %s of %llu bytes is above the limit, %llu MiB",
			 kind->noun, (unsigned long long)all->bytes,
			 (unsigned long long)kind->bytes_max / MIB);
	else
		return true;
	return false;
}

void nd_kind_title(char to[ND_KIND_TITLE_BYTES], const char *said)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-";
	const char *folder = strrchr(said, '/');

	snprintf(to, ND_KIND_TITLE_BYTES, "%s", folder ? folder + 1 : said);
	for (char *p = to; *p; p++)
		if (!strchr(allowed, *p) || (p == to && (*p == '.' || *p == '-')))
			*p = '_';
	if (!*to)
		snprintf(to, ND_KIND_TITLE_BYTES, "log");
}
