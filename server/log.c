// SPDX-License-Identifier: GPL-2.0-or-later
/* log.c - one line per event on standard error, and a lid on lines that strangers cause. */
#include "server/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

#define LINES_PER_SECOND 10
#define LINE_BYTES       512

struct lid {
	uint64_t second;
	unsigned int lines, swallowed;
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
static bool lid_open(struct lid *lid, uint64_t now_ms, const char *what)
{
	if (now_ms / 1000 != lid->second) {
		lid->second = now_ms / 1000;
		lid->lines = 0;
	}
	if (lid->lines++ >= LINES_PER_SECOND) {
		lid->swallowed++;
		return false;
	}
	if (lid->swallowed)
		nd_log("%s: %u more, not logged one by one", what, lid->swallowed);
	lid->swallowed = 0;
	return true;
}

void nd_log_event(uint64_t now_ms, const char *format, ...)
{
	static struct lid lid;
	va_list args;

	if (!lid_open(&lid, now_ms, "events"))
		return;
	va_start(args, format);
	line_write("netdumpd: ", format, args);
	va_end(args);
}

void nd_log_refusal(uint64_t now_ms, const char *format, ...)
{
	static struct lid lid;
	va_list args;

	if (!lid_open(&lid, now_ms, "refused"))
		return;
	va_start(args, format);
	line_write("netdumpd: refused: ", format, args);
	va_end(args);
}

void nd_log_hearsay(uint64_t now_ms, const char *format, ...)
{
	static struct lid lid;
	va_list args;

	if (!lid_open(&lid, now_ms, "last words"))
		return;
	va_start(args, format);
	line_write("netdumpd: ", format, args);
	va_end(args);
}
