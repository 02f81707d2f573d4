// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kernel.c - the server's parsers over a crashed kernel's memory that is spoilt: ELF core
 * header, notes, VMCOREINFO, page tables, log ring; then the layout of the file that
 * follows from them.
 *
 *   how u8: bit 0: pages come late; bit 1: VMCOREINFO is in the input; bit 2: no name of a
 *           page table, cr3 has to do; bit 3: no ELF core header; bit 4: page structures, and
 *           bits 5 to 7 what is left out, of ND_LEVEL_CACHE, _USER, _FREE
 *   absent u8: a page that cannot be read, from 64 on: none
 *   ranges u8: of HELLO's map, each phys u64, bytes u64, kind u8; 0: all is RAM
 *   with bit 1: bytes u16, VMCOREINFO
 *   then what is spoilt, as nd_image_spoil() takes it
 */
#include <elf.h>
#include <sys/mman.h>
#include <unistd.h>

#include "server/printk.h"
#include "server/select.h"
#include "server/stacks.h"
#include "server/verify.h"
#include "server/vmcore.h"
#include "tests/fuzz/image.h"
#include "wire/message.h"

#define ROUNDS_MAX (2 * ND_IMAGE_PAGES)
#define LOG_MAX    ((32u << 20) + 65536)
#define RANGE_RAM  1u /* netdump/wire.h */

static _Alignas(16) uint8_t memory[ND_IMAGE_BYTES];
static bool here[ND_IMAGE_PAGES], wanted[ND_IMAGE_PAGES];
static unsigned int absent_page;
static struct nd_core core;

static enum nd_mem_status page_get(void *context, uint64_t page, const uint8_t **data)
{
	(void)context;
	if (page >= ND_IMAGE_PAGES || page == absent_page)
		return ND_MEM_ABSENT;
	if (!here[page]) {
		wanted[page] = true;
		return ND_MEM_WAIT;
	}
	*data = memory + page * ND_PAGE_BYTES;
	return ND_MEM_OK;
}

static const struct nd_mem mem = {page_get, NULL};

/* Who waits has asked for something; it comes. */
static bool waits(enum nd_mem_status status, unsigned int *rounds)
{
	bool any = false;

	if (status != ND_MEM_WAIT)
		return false;
	for (unsigned int i = 0; i < ND_IMAGE_PAGES; i++) {
		any |= wanted[i] && !here[i];
		here[i] |= wanted[i];
	}
	ND_MUST(any && ++*rounds <= ROUNDS_MAX);
	return true;
}

static void hello_take(struct nd_wire_hello *hello, struct nd_input *in)
{
	unsigned int ranges = nd_input_u8(in) % 8;

	nd_hello_init(hello, 1, 1);
	if (!ranges)
		nd_hello_range_add(hello, 0, ND_IMAGE_BYTES, RANGE_RAM);
	for (unsigned int i = 0; i < ranges; i++) {
		uint64_t phys = nd_input_u64(in), bytes = nd_input_u64(in);

		nd_hello_range_add(hello, phys, bytes, nd_input_u8(in) % 4);
	}
}

/* Whether all of the image is RAM, and nothing else. */
static bool is_whole(const struct nd_wire_hello *hello)
{
	const struct nd_wire_range *r = &hello->range[0];

	return hello->range_count == 1 && !r->phys && r->bytes == ND_IMAGE_BYTES &&
	       r->kind == RANGE_RAM;
}

/* What goes into the file is RAM, and nothing wraps. */
static void core_must(const struct nd_pages *ram)
{
	ND_MUST(core.loads <= ND_CORE_PHDRS_MAX && core.notes <= ND_CORE_PHDRS_MAX);
	for (unsigned int i = 0; i < core.loads; i++) {
		const struct nd_core_load *l = &core.load[i];
		uint64_t first = l->phys / ND_PAGE_BYTES, last;

		ND_MUST(l->file_size <= l->mem_size);
		if (!l->file_size)
			continue;
		ND_MUST(l->phys + (l->file_size - 1) >= l->phys);
		last = (l->phys + (l->file_size - 1)) / ND_PAGE_BYTES;
		ND_MUST(nd_pages_has(ram, first) && nd_pages_has(ram, last));
	}
}

static void core_read(const struct nd_wire_hello *hello, bool has_header)
{
	struct nd_pages ram = {0};
	enum nd_mem_status status = ND_MEM_BAD;
	unsigned int rounds = 0;

	ND_MUST(nd_core_ram(hello, &ram));
	if (has_header) {
		do
			status = nd_core_parse(&core, &mem, ND_IMAGE_ELFCOREHDR);
		while (waits(status, &rounds));
		ND_MUST(status == ND_MEM_OK ? core.loads : core.why[0]);
	}
	if (status != ND_MEM_OK)
		nd_core_from_hello(&core, hello);
	nd_core_clip(&core, &ram);
	core_must(&ram);
	nd_pages_free(&ram);
}

static void log_read(const struct nd_vmcoreinfo *v, const struct nd_xen *xen, uint64_t cr3,
		     bool spoilt)
{
	enum nd_mem_status status;
	unsigned int rounds = 0;

	do {
		struct nd_xlat *x = nd_xlat_new(&mem, v, xen, cr3);
		const char *why = NULL;
		char *text = NULL;
		size_t bytes = 0;
		FILE *out = open_memstream(&text, &bytes);

		ND_MUST(out);
		status = x ? nd_printk_write(x, v, out, &why) : ND_MEM_BAD;
		nd_xlat_free(x);
		fclose(out);
		ND_MUST(status == ND_MEM_OK || !bytes);
		ND_MUST(!x || why);
		ND_MUST(bytes <= LOG_MAX);
		for (size_t i = 0; i < bytes; i++)
			ND_MUST((uint8_t)text[i] >= ' ' ? text[i] != 0x7f
							: text[i] == '\n' || text[i] == '\t');
		ND_MUST(spoilt || status == ND_MEM_WAIT || !strcmp(text, nd_image_log));
		free(text);
	} while (waits(status, &rounds));
}

static void stacks_want(const struct nd_vmcoreinfo *v, const struct nd_xen *xen, uint64_t cr3,
			const uint8_t *notes, size_t bytes)
{
	enum nd_mem_status status;
	unsigned int rounds = 0;

	do {
		struct nd_xlat *x = nd_xlat_new(&mem, v, xen, cr3);

		status = x ? nd_stacks_want(x, notes, bytes) : ND_MEM_OK;
		nd_xlat_free(x);
		ND_MUST(status <= ND_MEM_WAIT);
	} while (waits(status, &rounds));
}

static void excluded_must(const struct nd_pages *excluded, const struct nd_pages *ram,
			  unsigned int level, bool spoilt)
{
	uint64_t most = level & ND_LEVEL_FREE ? ND_IMAGE_USER - ND_IMAGE_FREE : 0;

	for (size_t i = 0; i < excluded->spans; i++)
		for (uint64_t p = 0; p < excluded->span[i].count; p++)
			ND_MUST(nd_pages_has(ram, excluded->span[i].page + p));
	if (level & ND_LEVEL_USER)
		most += (ND_IMAGE_PAGES - ND_IMAGE_USER) / 2;
	ND_MUST(spoilt || excluded->total == most);
}

/* What the level leaves out goes into core, if page structures can be believed. */
static void structs_read(const struct nd_vmcoreinfo *v, const struct nd_xen *xen, uint64_t cr3,
			 unsigned int level, bool spoilt)
{
	struct nd_pages ram = {0};
	const char *why = NULL;
	enum nd_mem_status status = ND_MEM_OK;
	unsigned int rounds = 0, steps = 0;
	struct nd_select *s;

	ND_MUST(nd_core_pages(&core, &ram));
	s = nd_select_new(v, level, &ram, &why);
	ND_MUST(s || why);
	while (s && !nd_select_over(s) && status == ND_MEM_OK) {
		do {
			struct nd_xlat *x = nd_xlat_new(&mem, v, xen, cr3);

			status = x ? nd_select_step(s, x, &why) : ND_MEM_BAD;
			nd_xlat_free(x);
		} while (waits(status, &rounds));
		ND_MUST(++steps < 4096);
	}
	ND_MUST(spoilt || (s && status == ND_MEM_OK));
	if (s && status == ND_MEM_OK) {
		excluded_must(nd_select_excluded(s), &ram, level, spoilt);
		nd_core_exclude(&core, nd_select_excluded(s));
	}
	nd_select_free(s);
	nd_pages_free(&ram);
}

/* A page that is written is where the file's own headers say. */
static void place_must(const struct nd_vmcore *v, const struct nd_core_load *l, unsigned int at)
{
	static const char word[] = "here it is";
	char found[sizeof word];
	Elf64_Phdr phdr;

	ND_MUST(pread(v->fd, &phdr, sizeof phdr, (off_t)(sizeof(Elf64_Ehdr) + at * sizeof phdr)) ==
		sizeof phdr);
	ND_MUST(phdr.p_type == PT_LOAD && phdr.p_filesz == l->file_size);
	if (l->file_size < sizeof word)
		return;
	ND_MUST(nd_vmcore_write(v, l->phys, (const uint8_t *)word, sizeof word) == 0);
	ND_MUST(pread(v->fd, found, sizeof found, (off_t)phdr.p_offset) == sizeof found);
	ND_MUST(!memcmp(found, word, sizeof word));
}

static void file_make(const uint8_t *notes, size_t note_bytes)
{
	int fd = memfd_create("vmcore", 0);
	struct nd_pages pages = {0}, at = {0};
	const char *why = NULL;
	struct nd_core_parts part_at = {0};
	struct nd_core_load part;
	struct nd_vmcore v;
	char wrong[128];

	ND_MUST(fd >= 0);
	if (!nd_vmcore_plan(&v, &core, note_bytes, &why)) {
		ND_MUST(why);
		goto out;
	}
	v.fd = fd;
	ND_MUST(v.bytes - v.head_bytes == v.pages * ND_PAGE_BYTES);
	ND_MUST(v.bytes <= ND_VMCORE_BYTES_MAX + v.head_bytes);
	ND_MUST(!nd_vmcore_head_write(&v, &core, notes, note_bytes) &&
		!nd_vmcore_size_set(&v, true));
	ND_MUST(nd_vmcore_pages(&v, &pages) && pages.total == v.pages);
	ND_MUST(nd_vmcore_pages_at(&v, 0, v.bytes, &at) && at.total == v.pages);
	for (unsigned int i = 0; i < 8 && nd_core_part(&core, &part_at, &part); i++) {
		ND_MUST((part.phys - part.paddr) % ND_PAGE_BYTES ||
			!nd_pages_has(&core.excluded, part.paddr / ND_PAGE_BYTES));
		place_must(&v, &part, i + (note_bytes != 0));
	}
	part_at = (struct nd_core_parts){0};
	if (!nd_verify_elf(fd, wrong, sizeof wrong) && nd_core_part(&core, &part_at, &part)) {
		fprintf(stderr, "netdumpctl verify: %s\n", wrong);
		ND_MUST(!"a file that netdumpctl calls right");
	}
	nd_pages_free(&pages);
	nd_pages_free(&at);
out:
	nd_vmcore_free(&v);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct nd_input in = {data, bytes};
	unsigned int how = nd_input_u8(&in), rounds = 0, level;
	struct nd_core_said said;
	struct nd_vmcoreinfo v, given = {0};
	struct nd_wire_hello hello;
	enum nd_mem_status status;
	uint8_t *notes = NULL, *info = NULL;
	size_t note_bytes;
	bool spoilt;

	absent_page = nd_input_u8(&in);
	hello_take(&hello, &in);
	if (how & 2) {
		info = nd_input_exact(&in, nd_input_u16(&in) % 4096, &given.bytes);
		given.text = (const char *)info;
	}
	level = (how & 32 ? ND_LEVEL_CACHE : 0) | (how & 64 ? ND_LEVEL_USER : 0) |
		(how & 128 ? ND_LEVEL_FREE : 0);
	spoilt = nd_input_more(&in) || how & 2 || absent_page < ND_IMAGE_PAGES || how & 8;
	nd_image_make(memory);
	if (how & 16)
		nd_image_structs_put(memory);
	while (nd_input_more(&in))
		nd_image_spoil(memory, &in);
	memset(here, !(how & 1), sizeof here);
	memset(wanted, 0, sizeof wanted);

	core_read(&hello, !(how & 8));
	do {
		free(notes);
		status = nd_core_notes(&core, &mem, &notes, &note_bytes, &said);
	} while (waits(status, &rounds));
	ND_MUST(notes && note_bytes <= ND_CORE_NOTES_BYTES);
	v = said.vmcoreinfo;
	ND_MUST(!v.text || ((const uint8_t *)v.text >= notes &&
			    v.text + v.bytes <= (const char *)notes + note_bytes));
	if (how & 2)
		v = given;
	if (v.text)
		log_read(&v, &said.xen, how & 4 ? ND_IMAGE_CR3 : 0, spoilt);
	if (v.text)
		stacks_want(&v, &said.xen, how & 4 ? ND_IMAGE_CR3 : 0, notes, note_bytes);
	if (v.text && how & 16)
		structs_read(&v, &said.xen, how & 4 ? ND_IMAGE_CR3 : 0, level,
			     spoilt || !is_whole(&hello));
	file_make(notes, note_bytes);
	nd_pages_free(&core.excluded);
	free(notes);
	free(info);
	return 0;
}
