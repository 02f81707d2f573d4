// SPDX-License-Identifier: GPL-2.0-or-later
/* netdumpctl.c - lists, shows and verifies the dumps below a folder, and what else is there. */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/dumps.h"
#include "server/verify.h"

#define FILE_FLAGS (O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)

enum { EXIT_OK = 0, EXIT_NOT_RIGHT = 1, EXIT_USAGE = 64 };

const char *argp_program_version = "netdumpctl " ND_VERSION;

static const char doc[] =
	"Lists, shows and verifies dumps that netdumpd received; and logs, dry runs and requests "
	"for drivers of living systems.\v"
	"  list       one line a dump, oldest first\n"
	"  show ID    what is known about one\n"
	"  verify ID  compute vmcore's SHA-256 anew, check that it is a well-formed ELF core;\n"
	"             of a dump that is not complete, check what is there; of a log or a\n"
	"             request only the SHA-256; of a dry run nothing is kept\n\n"
	"ID is the eight hex digits at the end of a dump's folder, the folder's name, or "
	"HOST/FOLDER.\n\n"
	"Exit status: 0 fine, 1 no such dump, or it is not right, 64 a command line without sense.";

static const struct argp_option options[] = {
	{"dir", 'd', "DIR", 0, "Where the dumps are", 0},
	{"json", 'j', NULL, 0, "Output for programs", 0},
	{0},
};

struct arguments {
	const char *dir, *verb, *id;
	bool json;
	int top;
};

static error_t option_take(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case 'd':
		a->dir = arg;
		return 0;
	case 'j':
		a->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (!a->verb)
			a->verb = arg;
		else if (!a->id)
			a->id = arg;
		else
			argp_error(state, "%s: unexpected", arg);
		return 0;
	case ARGP_KEY_END:
		if (!a->dir)
			argp_error(state, "--dir is missing");
		if (!a->verb)
			argp_error(state, "what to do is missing: list, show ID or verify ID");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int64_t number(const struct nd_dump *d, const char *key)
{
	return json_integer_value(json_object_get(d->info, key));
}

/* The panic line of a dump; and what is most like it of the others. */
static const char *about(const struct nd_dump *d, char *text, size_t room)
{
	if (d->kind == &nd_kinds[ND_HELLO_LOG])
		return nd_dump_text(d, "name");
	if (d->kind == &nd_kinds[ND_HELLO_TEST])
		snprintf(text, room, "%.1f MB/s", (double)number(d, "bytes_per_second") / 1e6);
	else if (d->kind == &nd_kinds[ND_HELLO_DRIVERS])
		snprintf(text, room, "%" PRId64 " modules", number(d, "modules"));
	else
		return nd_dump_text(d, "panic");
	return text;
}

static void list_text(const struct nd_dumps *all)
{
	printf("%-8s  %-20s  %-7s  %-24s  %-10s  %5s  %10s  %-20s  %s\n", "ID", "HOST", "KIND",
	       "DATE", "STATUS", "THERE", "MIB", "RELEASE", "ABOUT");
	for (size_t i = 0; i < all->count; i++) {
		const struct nd_dump *d = all->dump[i];
		bool dump = d->kind == &nd_kinds[ND_HELLO_CRASH];
		int64_t bytes = number(d, dump ? "vmcore_bytes" : "bytes");
		char text[40];

		printf("%-8s  %-20.*s  %-7s  %-24s  %-10s  %4u%%  %10.*f  %-20s  %s\n",
		       nd_dump_text(d, "id"), (int)strcspn(d->path, "/"), d->path, d->kind->name,
		       nd_dump_text(d, dump ? "crashed" : "started"),
		       d->info ? nd_dump_text(d, "status") : "no info", nd_dump_percent(d),
		       dump ? 0 : 2, (double)(dump ? bytes >> 20 << 20 : bytes) / (1 << 20),
		       nd_dump_text(d, "release"), about(d, text, sizeof text));
	}
}

static void list_json(const struct nd_dumps *all)
{
	json_t *list = json_array();

	for (size_t i = 0; i < all->count; i++) {
		json_array_append_new(list, nd_dump_json(all->dump[i]));
	}
	json_dumpf(list, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
	putchar('\n');
	json_decref(list);
}

static int list_run(const struct arguments *a, struct nd_dumps *all)
{
	if (a->json)
		list_json(all);
	else
		list_text(all);
	return EXIT_OK;
}

static void line_text(const struct nd_dump *d, const char *label, const char *key)
{
	if (*nd_dump_text(d, key))
		printf("%-16s %s\n", label, nd_dump_text(d, key));
}

static void line_number(const struct nd_dump *d, const char *label, const char *key)
{
	const json_t *v = json_object_get(d->info, key);

	if (json_is_integer(v))
		printf("%-16s %" PRId64 "\n", label, (int64_t)json_integer_value(v));
	else if (json_is_real(v))
		printf("%-16s %.3f\n", label, json_real_value(v));
}

static void show_text(const struct arguments *a, const struct nd_dump *d)
{
	const struct {
		const char *label, *key;
		bool number;
	} line[] = {
		{"kind", "kind", false},
		{"name", "name", false},
		{"host", "host", false},
		{"address", "ip", false},
		{"MAC", "mac", false},
		{"session", "session", false},
		{"status", "status", false},
		{"why", "why", false},
		{"remarks", "notes", false},
		{"crashed", "crashed", false},
		{"started", "started", false},
		{"crash reason", "reason", false},
		{"release", "release", false},
		{"Xen", "xen", false},
		{"panic", "panic", false},
		{"CPUs", "cpus", true},
		{"s to first log", "seconds_to_first_log", true},
		{"s to the end", "seconds_to_end", true},
		{"pages", "pages", true},
		{"zero pages", "zero_pages", true},
		{"absent pages", "absent_pages", true},
		{"missing pages", "missing_pages", true},
		{"bytes on wire", "wire_bytes", true},
		{"datagrams", "datagrams", true},
		{"pages reasked", "reasked_pages", true},
		{"duplicates", "duplicates", true},
		{"refused", "refused", true},
		{"times resumed", "resumed", true},
		{"chunks reasked", "reasked_chunks", true},
		{"vmcore bytes", "vmcore_bytes", true},
		{"bytes", "bytes", true},
		{"seconds", "seconds", true},
		{"bytes/second", "bytes_per_second", true},
		{"modules", "modules", true},
		{"bytes of drivers", "answer_bytes", true},
		{"SHA-256", "sha256", false},
	};

	printf("%-16s %s/%s\n", "files", a->dir, d->path);
	for (size_t i = 0; i < sizeof line / sizeof *line; i++) {
		if (line[i].number)
			line_number(d, line[i].label, line[i].key);
		else
			line_text(d, line[i].label, line[i].key);
	}
	if (!d->is_partial)
		return;
	printf("%-16s %u %%\n", "there", d->partial.percent);
	if (d->partial.why_not)
		printf("%-16s no, a server would start over: %s\n", "resumable",
		       d->partial.why_not);
	else
		printf("%-16s yes, if its machine still waits\n", "resumable");
}

static int show_run(const struct arguments *a, struct nd_dumps *all)
{
	struct nd_dump *d = nd_dumps_find(all, a->id);
	json_t *one;

	if (!d)
		return EXIT_NOT_RIGHT;
	if (!d->info) {
		fprintf(stderr, "netdumpctl: %s: info.json is missing or damaged\n", d->path);
		return EXIT_NOT_RIGHT;
	}
	if (!a->json) {
		show_text(a, d);
		return EXIT_OK;
	}
	one = nd_dump_json(d);
	json_dumpf(one, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
	putchar('\n');
	json_decref(one);
	return EXIT_OK;
}

/* A partial dump is never right, but what is there may be. */
static const char *partial_check(const struct nd_dump *d, int vmcore, char *why, size_t room)
{
	const char *noun = d->kind->noun;
	uint64_t chunks, wrong;
	int error;

	if (!d->partial.map || d->partial.why_not) {
		snprintf(why, room, "the %s is incomplete, and nobody knows what is there: %s",
			 noun, d->partial.why_not);
		return why;
	}
	error = nd_partial_verify(&d->partial, vmcore, &chunks, &wrong);
	if (error)
		snprintf(why, room, "%s: %s", d->kind->file, strerror(error));
	else if (wrong)
		snprintf(why, room,
			 "the %s is incomplete, and %" PRIu64 " of %" PRIu64
			 " chunks are not as they came",
			 noun, wrong, chunks);
	else
		snprintf(why, room, "the %s is incomplete: %u %% is there, and as it came", noun,
			 d->partial.percent);
	return why;
}

/* NULL: right; else what is wrong. */
static const char *dump_check(const struct arguments *a, const struct nd_dump *d, char *why,
			      size_t room)
{
	char path[ND_DUMP_PATH_BYTES + 16], sha[65];
	const char *wrong = NULL, *file = d->kind->file;
	int fd, error;

	if (d->kind->passing)
		return d->is_partial ? "the dry run is incomplete" : NULL;
	snprintf(path, sizeof path, "%s/%s", d->path, file);
	fd = openat(a->top, path, FILE_FLAGS);
	if (fd < 0) {
		snprintf(why, room, "%s: %s", file, strerror(errno));
		return why;
	}
	if (d->is_partial) {
		wrong = partial_check(d, fd, why, room);
		close(fd);
		return wrong;
	}
	error = nd_verify_sha(fd, sha);
	if (error) {
		snprintf(why, room, "%s: %s", file, strerror(error));
		wrong = why;
	} else if (!d->info || strcmp(nd_dump_text(d, "sha256"), sha)) {
		snprintf(why, room, "%s's SHA-256 is not the one in info.json", file);
		wrong = why;
	} else if (d->kind == &nd_kinds[ND_HELLO_CRASH] && !nd_verify_elf(fd, why, room)) {
		wrong = why;
	}
	close(fd);
	return wrong;
}

static int verify_run(const struct arguments *a, struct nd_dumps *all)
{
	struct nd_dump *d = nd_dumps_find(all, a->id);
	char why[128];
	const char *wrong;

	if (!d)
		return EXIT_NOT_RIGHT;
	wrong = dump_check(a, d, why, sizeof why);
	if (a->json) {
		json_t *o =
			json_pack("{s:s, s:b, s:s?}", "path", d->path, "ok", !wrong, "why", wrong);

		json_dumpf(o, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
		putchar('\n');
		json_decref(o);
	} else if (wrong) {
		printf("%s: NOT right: %s\n", d->path, wrong);
	} else if (d->kind->passing) {
		printf("%s: right: a dry run, of which nothing is kept\n", d->path);
	} else {
		printf("%s: right: SHA-256 matches%s\n", d->path,
		       d->kind == &nd_kinds[ND_HELLO_CRASH] ? ", the ELF core is well formed" : "");
	}
	return wrong ? EXIT_NOT_RIGHT : EXIT_OK;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		options, option_take, "list\nshow ID\nverify ID", doc, NULL, NULL, NULL};
	static const struct {
		const char *name;
		bool id;
		int (*run)(const struct arguments *a, struct nd_dumps *all);
	} verb[] = {
		{"list", false, list_run}, {"show", true, show_run}, {"verify", true, verify_run}};
	struct arguments a = {.top = -1};
	struct nd_dumps all = {0};
	int status;

	argp_parse(&argp, argc, argv, 0, NULL, &a);
	for (size_t i = 0; i < sizeof verb / sizeof *verb; i++) {
		if (strcmp(a.verb, verb[i].name) || !a.id != !verb[i].id)
			continue;
		a.top = open(a.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (a.top < 0) {
			fprintf(stderr, "netdumpctl: --dir %s: %s\n", a.dir, strerror(errno));
			return EXIT_NOT_RIGHT;
		}
		if (!nd_dumps_read(&all, a.top)) {
			fprintf(stderr, "netdumpctl: --dir %s: %s\n", a.dir, strerror(errno));
			return EXIT_NOT_RIGHT;
		}
		status = verb[i].run(&a, &all);
		if (all.unread && !verb[i].id)
			status = EXIT_NOT_RIGHT;
		nd_dumps_free(&all);
		close(a.top);
		return fflush(stdout) ? EXIT_NOT_RIGHT : status;
	}
	fprintf(stderr, "netdumpctl: say list, show ID or verify ID (see --help)\n");
	return EXIT_USAGE;
}
