// SPDX-License-Identifier: GPL-2.0-or-later
/* log.c - one line per event on standard error, and a lid on lines that strangers cause. */
#include "server/log.h"

#include <stdarg.h>
#include <stdio.h>

#define REFUSALS_PER_SECOND 10
#define LINE_BYTES          512

static void line_write(const char *prefix, const char *format, va_list args)
{
	char line[LINE_BYTES];

	vsnprintf(line, sizeof line, format, args);
	/* Words from the wire may stand in a line: nothing that moves a terminal's cursor. */
	for (char *p = line; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
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

void nd_log_refusal(uint64_t now_ms, const char *format, ...)
{
	static uint64_t second;
	static unsigned int lines, swallowed;
	va_list args;

	if (now_ms / 1000 != second) {
		second = now_ms / 1000;
		lines = 0;
	}
	if (lines++ >= REFUSALS_PER_SECOND) {
		swallowed++;
		return;
	}
	if (swallowed)
		nd_log("refused: %u more, not logged one by one", swallowed);
	swallowed = 0;
	va_start(args, format);
	line_write("netdumpd: refused: ", format, args);
	va_end(args);
}
