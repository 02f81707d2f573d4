// SPDX-License-Identifier: GPL-2.0-or-later
/* report.c - what came of the machines. */
#include <sys/resource.h>

#include "tests/tools/fakecrash/crash.h"

static const char *status_text(uint32_t status)
{
	static const char *const text[] = {"complete", "incomplete", "refused"};

	return status < sizeof text / sizeof *text ? text[status] : "unanswered";
}

static double seconds(uint64_t from_ms, uint64_t to_ms)
{
	return to_ms > from_ms ? (double)(to_ms - from_ms) / 1000 : 0;
}

/* Pages that were sent more than once, in whole or in part. */
static uint64_t pages_again(const struct crash *c, const struct machine *m)
{
	uint64_t sent = m->agent.pages_sent + m->agent.zero_pages + m->agent.absent_pages;
	uint64_t once = memory_pages(&c->memory);

	return sent > once ? sent - once : 0;
}

static json_t *machine_json(const struct crash *c, const struct machine *m)
{
	char name[ND_HOST_NAME_BYTES];

	crash_host_name(c, m->number, name);
	return json_pack("{s:s, s:s, s:s, s:f, s:f, s:I, s:I, s:I, s:I}", "host", name, "status",
			 status_text(m->status), "text", m->agent.done_text, "seconds_to_read",
			 seconds(m->start_ms, m->first_read_ms), "seconds_to_done",
			 seconds(m->start_ms, m->end_ms), "pages_again",
			 (json_int_t)pages_again(c, m), "hellos", (json_int_t)m->agent.hellos,
			 "refused", (json_int_t)m->agent.refused, "wire_bytes",
			 (json_int_t)m->agent.bytes_sent);
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* First, middle and last of what the machines took. */
static json_t *spread_json(const struct crash *c, bool to_done)
{
	double *value = calloc(c->machines, sizeof *value);
	json_t *spread;

	if (!value)
		fatal("the report");
	for (unsigned int i = 0; i < c->machines; i++) {
		const struct machine *m = &c->machine[i];

		value[i] = seconds(m->start_ms, to_done ? m->end_ms : m->first_read_ms);
	}
	qsort(value, c->machines, sizeof *value, by_value);
	spread = json_pack("{s:f, s:f, s:f}", "first", value[0], "middle", value[c->machines / 2],
			   "last", value[c->machines - 1]);
	free(value);
	return spread;
}

json_t *crash_report(const struct crash *c, unsigned int *complete)
{
	uint64_t last_ms = c->begin_ms, wire = 0, again = 0, hellos = 0;
	json_t *all = json_array();
	struct rusage usage;

	for (unsigned int i = 0; i < c->machines; i++) {
		const struct machine *m = &c->machine[i];

		*complete += m->status == ND_DONE_COMPLETE;
		last_ms = m->end_ms > last_ms ? m->end_ms : last_ms;
		wire += m->agent.bytes_sent;
		again += pages_again(c, m);
		hellos += m->agent.hellos;
		json_array_append_new(all, machine_json(c, m));
	}
	getrusage(RUSAGE_SELF, &usage);
	return json_pack("{s:i, s:i, s:f, s:I, s:I, s:I, s:I, s:f, s:o, s:o, s:o}", "machines",
			 (int)c->machines, "complete", (int)*complete, "seconds",
			 seconds(c->begin_ms, last_ms), "memory_bytes",
			 (json_int_t)(memory_pages(&c->memory) * ND_PAGE_BYTES * *complete),
			 "wire_bytes", (json_int_t)wire, "pages_again", (json_int_t)again, "hellos",
			 (json_int_t)hellos, "cpu_seconds",
			 (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
				 (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6,
			 "seconds_to_read", spread_json(c, false), "seconds_to_done",
			 spread_json(c, true), "each", all);
}
