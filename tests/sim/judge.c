// SPDX-License-Identifier: GPL-2.0-or-later
/* judge.c - holds what lies on the disk against what the machines have. */
#include "tests/sim/judge.h"

#include <bearssl.h>
#include <dirent.h>
#include <elf.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/map.h"
#include "server/partial.h"
#include "tests/fuzz/image.h"
#include "tests/sim/disk.h"
#include "tests/sim/report.h"
#include "tests/sim/server.h"

#define PARTIAL ".partial"
#define FLAGS   (O_RDONLY | O_CLOEXEC | O_NOFOLLOW)

static struct sim_machine *machine;
static unsigned int machines;
static bool rotten, stopped;
static struct sim_verdict verdict;

/* One folder. */
struct dump {
	int dir, vmcore;
	char path[256];
	bool complete;
	json_t *info;
	const struct sim_machine *of;
	uint8_t *bytes;
	size_t count;
};

void sim_judge_begin(struct sim_machine *all, unsigned int count, bool rots)
{
	machine = all;
	machines = count;
	rotten = rots;
}

void sim_judge_line(const char *line)
{
	const char *what = strstr(line, ": why it is incomplete cannot be written");
	const char *host = strstr(line, "netdumpd: ");

	if (!what || !host)
		return;
	host += strlen("netdumpd: ");
	for (unsigned int i = 0; i < machines; i++) {
		size_t bytes = strlen(machine[i].host);

		if (!strncmp(host, machine[i].host, bytes) && host[bytes] == '/')
			machine[i].unsaid++;
	}
}

__attribute__((format(printf, 2, 3))) static void wrong(const struct dump *d, const char *format,
							...)
{
	char what[256];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof what, format, args);
	va_end(args);
	verdict.wrong++;
	sim_fail("%s: %s", d->path, what);
}

static uint8_t *file_read(int dir, const char *name, size_t *bytes)
{
	int fd = openat(dir, name, FLAGS);
	struct stat st;
	uint8_t *data;

	*bytes = 0;
	if (fd < 0)
		return NULL;
	SIM_NEED(!fstat(fd, &st));
	data = malloc((size_t)st.st_size + 1);
	SIM_NEED(data && pread(fd, data, (size_t)st.st_size, 0) == st.st_size);
	close(fd);
	*bytes = (size_t)st.st_size;
	data[*bytes] = 0;
	return data;
}

static json_t *json_read(int dir, const char *name)
{
	size_t bytes;
	uint8_t *text = file_read(dir, name, &bytes);
	json_t *o = text ? json_loadb((char *)text, bytes, 0, NULL) : NULL;

	free(text);
	return o;
}

static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text ? text : "";
}

static const struct sim_machine *machine_of(const json_t *info)
{
	uint64_t session = strtoull(text_of(info, "session"), NULL, 16);

	for (unsigned int i = 0; i < machines && session; i++)
		if (machine[i].session == session)
			return &machine[i];
	return NULL;
}

/* What the machine's memory holds at phys; zeros where it cannot be read. */
static const uint8_t *page_of(const struct dump *d, uint64_t phys)
{
	static const uint8_t zeros[ND_PAGE_BYTES];
	const uint8_t *page = sim_memory_page((void *)&d->of->memory, phys);

	return page ? page : zeros;
}

/* Bytes of memory from phys on stand at `offset`. */
static bool memory_is(const struct dump *d, uint64_t phys, uint64_t bytes, uint64_t offset)
{
	if (offset > d->count || bytes > d->count - offset)
		return false;
	while (bytes) {
		uint64_t within = phys % ND_PAGE_BYTES, part = ND_PAGE_BYTES - within;

		part = part < bytes ? part : bytes;
		if (memcmp(d->bytes + offset, page_of(d, phys - within) + within, part))
			return false;
		phys += part;
		offset += part;
		bytes -= part;
	}
	return true;
}

static void load_must(const struct dump *d, const Elf64_Phdr *p, const struct sim_load *l,
		      unsigned int number)
{
	if (p->p_type != PT_LOAD || p->p_paddr != l->phys || p->p_vaddr != l->vaddr ||
	    p->p_filesz != l->bytes || p->p_memsz != l->mem_bytes)
		wrong(d, "PT_LOAD %u is not the machine's", number);
	else if (!memory_is(d, l->phys, l->bytes, p->p_offset))
		wrong(d, "memory of PT_LOAD %u, %#" PRIx64 " + %#" PRIx64 ", is not the machine's",
		      number, l->phys, l->bytes);
}

static void core_must(const struct dump *d)
{
	const struct sim_memory *m = &d->of->memory;
	const Elf64_Ehdr *ehdr = (const void *)d->bytes;
	const Elf64_Phdr *phdr = (const void *)(d->bytes + sizeof *ehdr);
	unsigned int notes = m->header_kind == SIM_HEADER_GOOD;
	size_t head = sizeof *ehdr + (m->loads + notes) * sizeof *phdr;

	if (d->count < head || memcmp(ehdr->e_ident, ELFMAG, SELFMAG) || ehdr->e_type != ET_CORE ||
	    ehdr->e_phoff != sizeof *ehdr || ehdr->e_phnum != m->loads + notes) {
		wrong(d, "no ELF core of %u segments", m->loads + notes);
		return;
	}
	if (notes && (phdr->p_type != PT_NOTE ||
		      !memmem(d->bytes + phdr->p_offset, phdr->p_filesz, "VMCOREINFO", 11)))
		wrong(d, "the notes are not there");
	for (unsigned int i = 0; i < m->loads; i++)
		load_must(d, &phdr[notes + i], &m->load[i], i);
}

static void sha_must(const struct dump *d)
{
	br_sha256_context sha;
	uint8_t sum[br_sha256_SIZE];
	char text[2 * br_sha256_SIZE + 1];

	br_sha256_init(&sha);
	br_sha256_update(&sha, d->bytes, d->count);
	br_sha256_out(&sha, sum);
	for (size_t i = 0; i < sizeof sum; i++)
		snprintf(text + 2 * i, 3, "%02x", sum[i]);
	if (strcmp(text, text_of(d->info, "sha256")))
		wrong(d, "its SHA-256 is not what info.json says");
}

static void log_must(const struct dump *d)
{
	size_t bytes;
	char *text = (char *)file_read(d->dir, "dmesg.txt", &bytes);

	if (d->of->memory.header_kind == SIM_HEADER_GOOD ? !text || strcmp(text, nd_image_log)
							 : text != NULL)
		wrong(d, "dmesg.txt is not the machine's log");
	free(text);
}

static void complete_must(const struct dump *d)
{
	verdict.complete++;
	if (!d->of || strcmp(text_of(d->info, "status"), "complete")) {
		wrong(d, "its folder says complete, info.json does not");
		return;
	}
	if (json_integer_value(json_object_get(d->info, "missing_pages")))
		wrong(d, "it is complete, and pages are missing");
	core_must(d);
	if (stopped) /* once is enough, and it takes the longest */
		sha_must(d);
	log_must(d);
}

static bool span_get(const json_t *list, size_t at, uint64_t *page, uint64_t *count)
{
	const json_t *pair = json_array_get(list, at);

	*page = (uint64_t)json_integer_value(json_array_get(pair, 0));
	*count = (uint64_t)json_integer_value(json_array_get(pair, 1));
	return pair != NULL;
}

static bool spans_have(const json_t *list, uint64_t page)
{
	uint64_t first, count;

	for (size_t i = 0; span_get(list, i, &first, &count); i++)
		if (page >= first && page - first < count)
			return true;
	return false;
}

/*
 * Pages of the file that are not the machine's: those that the map says are there (*claimed,
 * from *first on), and those that it does not.
 */
static uint64_t pages_wrong(const struct dump *d, const json_t *map, uint64_t *claimed,
			    uint64_t *first)
{
	const json_t *extents = json_object_get(map, "extents");
	uint64_t offset = (uint64_t)json_integer_value(json_object_get(map, "head_bytes"));
	uint64_t page, count, bad = 0;

	*claimed = 0;
	for (size_t i = 0; span_get(extents, i, &page, &count); i++)
		for (; count; page++, count--, offset += ND_PAGE_BYTES) {
			if (memory_is(d, page * ND_PAGE_BYTES, ND_PAGE_BYTES, offset))
				continue;
			bad++;
			if (spans_have(json_object_get(map, "missing"), page))
				continue;
			if (!(*claimed)++)
				*first = page;
		}
	return bad;
}

/* The next life would take it up by these sums. */
static uint64_t chunks_wrong(const struct dump *d)
{
	struct nd_partial p;
	uint64_t chunks = 0, bad = 1;

	nd_partial_look(&p, d->dir, "vmcore", d->of->session);
	if (p.why_not)
		wrong(d, "its map cannot be used: %s", p.why_not);
	else
		SIM_NEED(!nd_partial_verify(&p, d->vmcore, &chunks, &bad));
	nd_partial_free(&p);
	return bad;
}

static void seal_must(const struct dump *d)
{
	const char *why = NULL;
	size_t bytes;
	char *text = (char *)file_read(d->dir, "map.json", &bytes);
	struct nd_map *map = nd_map_parse(text, bytes, d->of->session, d->of->token, &why);

	if (!map)
		wrong(d, "its map is no good for its machine: %s", why);
	nd_map_free(map);
	free(text);
}

/*
 * A power failure may take what was written after the map, never what the map claims; only the
 * sums say what became of that on a disk that rots.  Returns what is not there.
 */
static uint64_t map_must(const struct dump *d, const json_t *map)
{
	uint64_t claimed, first = 0, bad = pages_wrong(d, map, &claimed, &first);
	uint64_t bad_chunks = chunks_wrong(d);

	seal_must(d);
	if (claimed && !(rotten && bad_chunks))
		wrong(d, "%" PRIu64 " pages from %#" PRIx64 " on are not what its map says",
		      claimed, first * ND_PAGE_BYTES);
	if (bad_chunks && !rotten)
		wrong(d, "%" PRIu64 " chunks are not what its map says", bad_chunks);
	return bad;
}

/* Without a map: of what its machine has at least, what does not fit into the file. */
static uint64_t pages_beyond(const struct dump *d)
{
	uint64_t pages = 0, room = d->count / ND_PAGE_BYTES;

	for (unsigned int i = 0; i < d->of->memory.loads; i++)
		if (d->of->memory.load[i].bytes / ND_PAGE_BYTES > pages)
			pages = d->of->memory.load[i].bytes / ND_PAGE_BYTES;
	return pages > room ? pages - room : 0;
}

static void partial_must(const struct dump *d)
{
	json_t *map = json_read(d->dir, "map.json");
	const char *status = text_of(d->info, "status");
	uint64_t missing = (uint64_t)json_integer_value(json_object_get(d->info, "missing_pages"));
	uint64_t gone = 0;

	verdict.partial++;
	if (map && !d->of)
		wrong(d, "it has a map, and is nobody's");
	else if (map)
		gone = map_must(d, map);
	else if (d->of)
		gone = pages_beyond(d);
	sim_trace("%s: %s, %zu bytes, %s, missing %" PRIu64 ", not there %" PRIu64, d->path, status,
		  d->count, map ? "a map" : "no map", missing, gone);
	if (!strcmp(status, "incomplete") && gone > missing && !rotten)
		wrong(d, "info.json says that %" PRIu64 " pages are missing; it is %" PRIu64,
		      missing, gone);
	/* A machine that is turned out while the disk is broken has had its second attempt. */
	if (stopped && d->of && d->of->outcome == SIM_TOLD && d->of->status == ND_DONE_INCOMPLETE &&
	    d->of->unsaid < 2 && d->of->told_life == sim_server_lives() &&
	    strcmp(text_of(d->info, "why"), d->of->text))
		wrong(d, "its machine was told \"%s\", info.json says \"%s\"", d->of->text,
		      text_of(d->info, "why"));
	json_decref(map);
}

static void dump_must(int host, const char *host_name, const char *name)
{
	size_t bytes = strlen(name), tail = strlen(PARTIAL);
	struct dump d = {.complete = bytes <= tail || strcmp(name + bytes - tail, PARTIAL)};

	snprintf(d.path, sizeof d.path, "%s/%s", host_name, name);
	d.dir = openat(host, name, FLAGS | O_DIRECTORY);
	SIM_NEED(d.dir >= 0);
	d.vmcore = openat(d.dir, "vmcore", FLAGS);
	d.info = json_read(d.dir, "info.json");
	d.bytes = file_read(d.dir, "vmcore", &d.count);
	d.of = machine_of(d.info);
	if (d.of && d.of->locked_out)
		wrong(&d, "its machine has no key");
	if (d.complete && !d.bytes)
		wrong(&d, "no vmcore");
	else if (d.complete)
		complete_must(&d);
	else
		partial_must(&d);
	free(d.bytes);
	json_decref(d.info);
	if (d.vmcore >= 0)
		close(d.vmcore);
	close(d.dir);
}

typedef void entry_fn(int folder, const char *folder_name, const char *name);

static void entries_each(int folder, const char *folder_name, entry_fn *take)
{
	DIR *d = fdopendir(openat(folder, ".", FLAGS | O_DIRECTORY));
	struct dirent *e;

	SIM_NEED(d);
	while ((e = readdir(d)))
		take(folder, folder_name, e->d_name);
	closedir(d);
}

static void host_must(int top, const char *unused, const char *name)
{
	int host = openat(top, name, FLAGS | O_DIRECTORY);

	(void)unused;
	SIM_NEED(host >= 0);
	entries_each(host, name, dump_must);
	close(host);
}

struct sim_verdict sim_judge_all(bool in_order)
{
	int top = sim_disk_top();

	stopped = in_order;
	memset(&verdict, 0, sizeof verdict);
	sim_disk_spare(true);
	entries_each(top, "", host_must);
	sim_disk_spare(false);
	close(top);
	for (unsigned int i = 0; i < machines; i++)
		if (machine[i].outcome == SIM_TOLD && machine[i].status == ND_DONE_COMPLETE)
			sim_judge_told(&machine[i]);
	return verdict;
}

static const struct sim_machine *sought;
static bool found, synced;

static void dump_seek(int host, const char *host_name, const char *name)
{
	int dir;
	json_t *info;

	if (strstr(name, PARTIAL))
		return;
	dir = openat(host, name, FLAGS | O_DIRECTORY);
	info = json_read(dir, "info.json");
	if (machine_of(info) == sought) {
		found = true;
		synced = sim_disk_is_synced(host_name, name);
	}
	json_decref(info);
	close(dir);
}

void sim_judge_told(const struct sim_machine *m)
{
	int top = sim_disk_top(), host;

	sought = m;
	found = synced = false;
	sim_disk_spare(true);
	host = openat(top, m->host, FLAGS | O_DIRECTORY);
	if (host >= 0) {
		entries_each(host, m->host, dump_seek);
		close(host);
	}
	sim_disk_spare(false);
	close(top);
	if (!found)
		sim_fail("m%u is told complete, and no such dump lies there", m->number);
	else if (!synced)
		sim_fail("m%u is told complete, and its dump is not synced", m->number);
}
