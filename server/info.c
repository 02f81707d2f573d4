// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * info.c - info.json: what is known about one dump.
 *
 * Strings from the wire are made valid UTF-8 by replacing what is not ASCII; a string
 * that jansson refuses would silently drop its key.
 */
#include "server/info.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/machine.h"

static json_t *text_json(const char *text)
{
	char clean[512];
	size_t i = 0;

	for (; text[i] && i + 1 < sizeof clean; i++)
		clean[i] = text[i] >= 0x20 && text[i] < 0x7f ? text[i] : '?';
	clean[i] = 0;
	return json_string(clean);
}

static json_t *hex_json(uint64_t value)
{
	return json_sprintf("0x%" PRIx64, value);
}

static json_t *time_json(double when_s)
{
	time_t seconds = (time_t)when_s;
	char text[40];
	struct tm tm;

	if (when_s <= 0)
		return json_null();
	strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", gmtime_r(&seconds, &tm));
	return json_sprintf("%s.%03dZ", text, (int)((when_s - (double)seconds) * 1000));
}

static json_t *seconds_json(double from_s, double to_s)
{
	return to_s > 0 ? json_real((double)(int64_t)((to_s - from_s) * 1000 + 0.5) / 1000)
			: json_null();
}

static void spans_append(json_t *list, const struct nd_pages *pages)
{
	for (size_t i = 0; i < pages->spans && json_array_size(list) < ND_INFO_RANGES_MAX; i++)
		json_array_append_new(
			list, json_pack("{s:o, s:I}", "phys",
					hex_json(pages->span[i].page * ND_PAGE_BYTES), "bytes",
					(json_int_t)(pages->span[i].count * ND_PAGE_BYTES)));
}

static json_t *spans_json(const struct nd_pages *pages)
{
	json_t *list = json_array();

	spans_append(list, pages);
	return list;
}

/* What has not come; before the file has a layout, that is all of RAM. */
static const struct nd_pages *missing_pages(const struct nd_machine *m)
{
	return m->vmcore.bytes ? &m->pending : &m->ram;
}

static json_t *fenced_json(const struct nd_wire_hello *hello)
{
	static const char *const kind[] = {"unknown", "ram", "gate", "undi", "dini"};
	json_t *list = json_array();

	for (unsigned int i = 0; i < hello->range_count; i++) {
		const struct nd_wire_range *r = &hello->range[i];

		if (r->kind == 1)
			continue;
		json_array_append_new(list, json_pack("{s:o, s:I, s:s}", "phys", hex_json(r->phys),
						      "bytes", (json_int_t)r->bytes, "kind",
						      kind[r->kind < 5 ? r->kind : 0]));
	}
	return list;
}

/* Names of the counts, in the file and in the map. */
static const struct {
	const char *name;
	size_t offset;
} count_names[] = {
	{"datagrams", offsetof(struct nd_counts, datagrams)},
	{"wire_bytes", offsetof(struct nd_counts, wire_bytes)},
	{"pages", offsetof(struct nd_counts, pages)},
	{"zero_pages", offsetof(struct nd_counts, zero_pages)},
	{"absent_pages", offsetof(struct nd_counts, absent_pages)},
	{"reasked_pages", offsetof(struct nd_counts, reasked_pages)},
	{"duplicates", offsetof(struct nd_counts, duplicates)},
	{"late", offsetof(struct nd_counts, late)},
	{"refused", offsetof(struct nd_counts, refused)},
	{"reads", offsetof(struct nd_counts, reads)},
	{"timeouts", offsetof(struct nd_counts, timeouts)},
	{"resumed", offsetof(struct nd_counts, resumed)},
	{"reasked_chunks", offsetof(struct nd_counts, reasked_chunks)},
};

#define COUNTS (sizeof count_names / sizeof *count_names)

static uint64_t *count_of(struct nd_counts *c, size_t which)
{
	return (uint64_t *)((char *)c + count_names[which].offset);
}

static json_t *counts_json(struct nd_counts c)
{
	json_t *counts = json_object();

	for (size_t i = 0; i < COUNTS; i++)
		json_object_set_new(counts, count_names[i].name,
				    json_integer((json_int_t)*count_of(&c, i)));
	return counts;
}

json_t *nd_info_past(const struct nd_machine *m)
{
	return json_pack("{s:o, s:I, s:I}", "counts", counts_json(m->counts), "started_ms",
			 (json_int_t)(m->started_s * 1000), "first_log_ms",
			 (json_int_t)(m->first_log_s * 1000));
}

/* The earlier of two moments, of which 0 is none. */
static double earlier(double a_s, double b_s)
{
	if (a_s <= 0)
		return b_s;
	return b_s > 0 && b_s < a_s ? b_s : a_s;
}

static double moment_of(const json_t *past, const char *key)
{
	return (double)json_integer_value(json_object_get(past, key)) / 1000;
}

void nd_info_past_add(struct nd_machine *m, const json_t *past)
{
	const json_t *counts = json_object_get(past, "counts");

	for (size_t i = 0; i < COUNTS; i++) {
		json_int_t n = json_integer_value(json_object_get(counts, count_names[i].name));

		if (n > 0 && n < INT64_MAX / 2)
			*count_of(&m->counts, i) += (uint64_t)n;
	}
	m->started_s = earlier(m->started_s, moment_of(past, "started_ms"));
	m->first_log_s = earlier(m->first_log_s, moment_of(past, "first_log_ms"));
}

static void crash_add(json_t *info, const struct nd_machine *m)
{
	json_object_set_new(info, "reason", text_json(m->hello.reason));
	json_object_set_new(info, "release", text_json(m->release));
	/* null: the machine does not run it */
	json_object_set_new(info, "xen", m->xen[0] ? text_json(m->xen) : json_null());
	json_object_set_new(info, "panic", text_json(m->panic));
	json_object_set_new(info, "cpus", json_integer(m->said.cpus));
	json_object_set_new(info, "cr3", hex_json(m->hello.cr3));
	json_object_set_new(info, "idt_base", hex_json(m->hello.idt_base));
	json_object_set_new(info, "crashed", time_json(m->base_s));
	json_object_set_new(info, "first_log", time_json(m->first_log_s));
	json_object_set_new(info, "seconds_to_first_log", seconds_json(m->base_s, m->first_log_s));
	/* null: no level, all pages are there */
	json_object_set_new(info, "level", m->level ? json_integer(m->level) : json_null());
	json_object_set_new(info, "excluded_pages",
			    json_integer(m->core ? (json_int_t)m->core->excluded.total : 0));
	json_object_set_new(info, "vmcore_bytes", json_integer((json_int_t)m->vmcore.bytes));
	json_object_set_new(info, "fenced", fenced_json(&m->hello));
}

/* What a living system sent: seconds are from its first HELLO to the latest new byte. */
static void living_add(json_t *info, const struct nd_machine *m)
{
	uint64_t bytes = m->hello.range[0].bytes, missing = missing_pages(m)->total;
	double seconds = m->last_data_s - m->started_s;
	double came = missing ? (double)(m->ram.total - missing) * ND_PAGE_BYTES : (double)bytes;
	char title[ND_KIND_TITLE_BYTES];

	json_object_set_new(info, "bytes", json_integer((json_int_t)bytes));
	json_object_set_new(info, "seconds", seconds_json(m->started_s, m->last_data_s));
	json_object_set_new(info, "bytes_per_second",
			    seconds > 0 ? json_integer((json_int_t)(came / seconds)) : json_null());
	if (m->hello.kind == ND_HELLO_LOG) {
		nd_kind_title(title, m->hello.reason);
		json_object_set_new(info, "name", json_string(title));
	}
	if (m->hello.kind != ND_HELLO_DRIVERS)
		return;
	json_object_set_new(info, "release", text_json(m->release));
	json_object_set_new(info, "modules", json_integer(m->modules));
	json_object_set_new(info, "answer_bytes", json_integer((json_int_t)m->answer_bytes));
}

json_t *nd_info_make(const struct nd_machine *m, bool over)
{
	char ip[INET_ADDRSTRLEN] = "", mac[18], token[ND_STORE_TOKEN_TEXT_BYTES];
	const uint8_t *a = m->hello.mac;
	json_t *info = counts_json(m->counts);

	if (!info)
		return NULL;
	inet_ntop(AF_INET, &m->address.sin_addr, ip, sizeof ip);
	snprintf(mac, sizeof mac, "%02x:%02x:%02x:%02x:%02x:%02x", a[0], a[1], a[2], a[3], a[4],
		 a[5]);
	json_object_set_new(info, "version", json_integer(ND_INFO_VERSION));
	json_object_set_new(info, "kind", json_string(m->kind->name));
	json_object_set_new(info, "status",
			    json_string(!over                           ? "receiving"
					: m->status == ND_DONE_COMPLETE ? "complete"
									: "incomplete"));
	json_object_set_new(info, "why", m->why[0] ? text_json(m->why) : json_null());
	json_object_set_new(info, "notes", text_json(m->notes));
	json_object_set_new(info, "host", text_json(m->host));
	json_object_set_new(info, "mac", json_string(mac));
	json_object_set_new(info, "ip", json_string(ip));
	json_object_set_new(info, "session", json_sprintf("%016" PRIx64, m->session));
	json_object_set_new(info, "id", json_sprintf("%08" PRIx32, (uint32_t)m->session));
	nd_store_token_text(token, m->hello.token);
	json_object_set_new(info, "token_hash", json_string(token));
	json_object_set_new(info, "started", time_json(m->started_s));
	json_object_set_new(info, "last_data", time_json(m->last_data_s));
	if (m->hello.kind == ND_HELLO_CRASH)
		crash_add(info, m);
	else
		living_add(info, m);
	/* At most ND_INFO_RANGES_MAX of each; the totals are whole. */
	json_object_set_new(info, "absent", spans_json(&m->absent));
	json_object_set_new(info, "missing", spans_json(missing_pages(m)));
	json_object_set_new(info, "missing_pages",
			    json_integer((json_int_t)missing_pages(m)->total));
	return info;
}

void nd_info_spoil(json_t *info, const char *why)
{
	json_object_set_new(info, "status", json_string("incomplete"));
	json_object_set_new(info, "why", text_json(why));
}

void nd_info_finish(json_t *info, const char *sha256, double now_s, double base_s)
{
	json_object_set_new(info, "sha256", sha256 ? json_string(sha256) : json_null());
	json_object_set_new(info, "finished", time_json(now_s));
	json_object_set_new(info, "seconds_to_end", seconds_json(base_s, now_s));
}

char *nd_info_text(const json_t *info)
{
	char *text = json_dumps(info, JSON_INDENT(2) | JSON_SORT_KEYS);
	size_t bytes = text ? strlen(text) : 0;
	char *line = text ? realloc(text, bytes + 2) : NULL;

	if (!line) {
		free(text);
		return NULL;
	}
	line[bytes] = '\n';
	line[bytes + 1] = 0;
	return line;
}
