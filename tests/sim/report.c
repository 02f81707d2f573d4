// SPDX-License-Identifier: GPL-2.0-or-later
/* report.c - what a seed's run has to say; the server's log becomes part of the trace. */
#include "tests/sim/report.h"

#include <stdarg.h>
#include <string.h>

#include "tests/sim/chance.h"
#include "tests/sim/event.h"
#include "tests/sim/judge.h"

#define LINE_BYTES 512

static bool tracing, mute;
static uint64_t digest;
static char failure[LINE_BYTES];

void sim_report_begin(uint64_t seed, bool trace)
{
	tracing = trace;
	digest = sim_mix(seed);
	failure[0] = 0;
}

bool sim_tracing(void)
{
	return tracing && !mute;
}

void sim_report_mute(bool on)
{
	mute = on;
}

void sim_trace(const char *format, ...)
{
	va_list args;

	if (!sim_tracing())
		return;
	printf("%12.6f ", (double)sim_now_ns / SIM_S);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

void sim_digest(uint64_t a, uint64_t b)
{
	digest = sim_mix(digest ^ sim_mix(sim_now_ns ^ sim_mix(a ^ sim_mix(b))));
}

uint64_t sim_digest_now(void)
{
	return digest;
}

void sim_fail(const char *format, ...)
{
	char line[LINE_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof line, format, args);
	va_end(args);
	sim_trace("FAILED: %s", line);
	if (!failure[0])
		snprintf(failure, sizeof failure, "%.3f s: %.480s", (double)sim_now_ns / SIM_S,
			 line);
}

const char *sim_failure(void)
{
	return failure[0] ? failure : NULL;
}

/* The server's log is what it says to standard error. */
int __wrap_fprintf(FILE *out, const char *format, ...);
int __wrap_fprintf(FILE *out, const char *format, ...)
{
	char line[2 * LINE_BYTES];
	int bytes = 0;
	va_list args;

	va_start(args, format);
	if (out != stderr)
		bytes = vfprintf(out, format, args);
	else
		bytes = vsnprintf(line, sizeof line, format, args);
	va_end(args);
	if (out == stderr && bytes) {
		line[strcspn(line, "\n")] = 0;
		sim_trace("  %s", line);
		sim_judge_line(line);
	}
	return bytes;
}
