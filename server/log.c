// SPDX-License-Identifier: GPL-2.0-or-later
/* log.c - one line per event on standard error, and a lid on lines that strangers cause. */
#include "server/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#define LINES_PER_SECOND 10
#define LINE_BYTES       512

static struct {
	const char *what, *prefix;
	uint64_t second;
	unsigned int lines, swallowed;
} lids[] = {
	[ND_LID_EVENTS] = {"events", "netdumpd: ", 0, 0, 0},
	[ND_LID_HEARSAY] = {"last words", "netdumpd: ", 0, 0, 0},
	[ND_LID_REFUSALS] = {"refused", "netdumpd: refused: ", 0, 0, 0},
};

static void line_write(const char *prefix, const char *format, va_list args)
{
	char line[LINE_BYTES];

	vsnprintf(line, sizeof line, format, args);
	/* Words from the wire may stand in a line: nothing that moves a terminal's cursor. */
	for (char *p = line; *p; p++)
		if ((unsigned char)*p < 0x20 || (unsigned char)*p >= 0x7f)
			*p = '?';
	fprintf(stderr, "%s%s\n", prefix, line);
}

void nd_log(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	line_write("netdumpd: ", format, args);
	va_end(args);
}

/* Whether a line may be written; says before the next one how many were not. */
static bool lid_open(enum nd_lid lid, uint64_t now_ms)
{
	if (now_ms / 1000 != lids[lid].second) {
		lids[lid].second = now_ms / 1000;
		lids[lid].lines = 0;
	}
	if (lids[lid].lines++ >= LINES_PER_SECOND) {
		lids[lid].swallowed++;
		return false;
	}
	if (lids[lid].swallowed)
		nd_log("%s: %u more, not logged one by one", lids[lid].what, lids[lid].swallowed);
	lids[lid].swallowed = 0;
	return true;
}

void nd_log_under(enum nd_lid lid, uint64_t now_ms, const char *format, ...)
{
	va_list args;

	if (!lid_open(lid, now_ms))
		return;
	va_start(args, format);
	line_write(lids[lid].prefix, format, args);
	va_end(args);
}
