/* SPDX-License-Identifier: GPL-2.0-or-later */
/* elfcore_test.c - ELF core headers, whole and mangled; notes; layout of our own file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "server/elfcore.h"

#define MEMORY_PAGES 16
#define HEADER_PHYS  0x1000

static uint8_t memory[MEMORY_PAGES * ND_PAGE_BYTES];
static uint64_t waiting; /* a page that has not come yet */

static enum nd_mem_status page_get(void *context, uint64_t page, const uint8_t **data)
{
	(void)context;
	if (page == waiting)
		return ND_MEM_WAIT;
	if (page >= MEMORY_PAGES)
		return ND_MEM_ABSENT;
	*data = memory + page * ND_PAGE_BYTES;
	return ND_MEM_OK;
}

static const struct nd_mem mem = {page_get, NULL};

struct header {
	Elf64_Ehdr ehdr;
	Elf64_Phdr phdr[4];
};

static struct header *header_make(void)
{
	struct header *h = (struct header *)(memory + HEADER_PHYS);

	memset(memory, 0, sizeof memory);
	waiting = UINT64_MAX;
	memcpy(h->ehdr.e_ident, ELFMAG, SELFMAG);
	h->ehdr.e_ident[EI_CLASS] = ELFCLASS64;
	h->ehdr.e_ident[EI_DATA] = ELFDATA2LSB;
	h->ehdr.e_ident[EI_VERSION] = EV_CURRENT;
	h->ehdr.e_type = ET_CORE;
	h->ehdr.e_machine = EM_X86_64;
	h->ehdr.e_version = EV_CURRENT;
	h->ehdr.e_phoff = sizeof h->ehdr;
	h->ehdr.e_ehsize = sizeof h->ehdr;
	h->ehdr.e_phentsize = sizeof(Elf64_Phdr);
	h->ehdr.e_phnum = 3;
	h->phdr[0] = (Elf64_Phdr){
		.p_type = PT_NOTE, .p_offset = 0x3000, .p_filesz = 0x400, .p_memsz = 0x400};
	h->phdr[1] = (Elf64_Phdr){.p_type = PT_LOAD,
				  .p_offset = 0x5000,
				  .p_paddr = 0x1000,
				  .p_vaddr = 0xffff888000001000,
				  .p_filesz = 0x2000,
				  .p_memsz = 0x2000};
	h->phdr[2] = (Elf64_Phdr){.p_type = PT_LOAD,
				  .p_offset = 0x100000,
				  .p_paddr = 0x100000,
				  .p_filesz = 0x100000,
				  .p_memsz = 0x100000};
	return h;
}

static struct nd_core core;

static void a_whole_header(void **state)
{
	(void)state;
	header_make();
	assert_int_equal(nd_core_parse(&core, &mem, HEADER_PHYS), ND_MEM_OK);
	assert_int_equal(core.loads, 2);
	assert_int_equal(core.notes, 1);
	assert_int_equal(core.load[0].phys, 0x5000);
	assert_int_equal(core.load[0].paddr, 0x1000);
	waiting = HEADER_PHYS / ND_PAGE_BYTES;
	assert_int_equal(nd_core_parse(&core, &mem, HEADER_PHYS), ND_MEM_WAIT);
}

static void mangled(struct header *h, int row)
{
	switch (row) {
	case 0:
		h->ehdr.e_ident[0] = 0;
		break;
	case 1:
		h->ehdr.e_ident[EI_CLASS] = ELFCLASS32;
		break;
	case 2:
		h->ehdr.e_type = ET_EXEC;
		break;
	case 3:
		h->ehdr.e_phnum = 0;
		break;
	case 4:
		h->ehdr.e_phnum = ND_CORE_PHDRS_MAX + 1;
		break;
	case 5:
		h->ehdr.e_phentsize = 32;
		break;
	case 6:
		h->ehdr.e_phoff = 1ull << 40;
		break;
	case 7:
		h->ehdr.e_phoff = 8;
		break;
	case 8:
		h->phdr[1].p_offset = UINT64_MAX - 0x1000;
		break;
	case 9:
		h->phdr[1].p_paddr = UINT64_MAX - 0x1000;
		break;
	case 10:
		h->phdr[1].p_filesz = 0x3000; /* more than in memory */
		break;
	case 11:
		h->phdr[0].p_filesz = 1 << 30;
		break;
	case 12:
		h->phdr[1].p_type = h->phdr[2].p_type = PT_NULL;
		break;
	case 13:
		h->ehdr.e_phoff = 0xf000; /* the table runs out of what can be read */
		h->ehdr.e_phnum = ND_CORE_PHDRS_MAX;
		break;
	default:
		h->phdr[1].p_memsz = UINT64_MAX;
		h->phdr[1].p_filesz = UINT64_MAX;
		break;
	}
}

static void mangled_headers_are_refused(void **state)
{
	(void)state;
	for (int row = 0; row <= 14; row++) {
		mangled(header_make(), row);
		if (nd_core_parse(&core, &mem, HEADER_PHYS) != ND_MEM_BAD || !core.why[0])
			fail_msg("row %d was taken", row);
	}
}

static void extents_are_cut_to_ram(void **state)
{
	struct nd_pages ram = {0};

	(void)state;
	header_make();
	nd_core_parse(&core, &mem, HEADER_PHYS);
	nd_pages_add(&ram, 0x100, 0x80); /* half of the second; nothing of the first */
	nd_core_clip(&core, &ram);
	assert_int_equal(core.clipped, 2);
	assert_int_equal(core.load[0].file_size, 0);
	assert_int_equal(core.load[1].file_size, 0x80000);
	assert_int_equal(core.load[1].mem_size, 0x100000);
	nd_pages_free(&ram);
}

/* Each row: what is left out, and the PT_LOADs that are left. */
static void excluded_pages_are_in_no_extent(void **state)
{
	static const struct {
		struct nd_span out[2];
		struct {
			uint64_t phys, file_size, mem_size;
		} part[4];
	} row[] = {
		/* 0 */ {{{0}}, {{0x10800, 0x4000, 0x4000}, {0x40000, 0x3000, 0x8000}}},
		/* 1: the first page, of which half is RAM */
		{{{0x10, 1}}, {{0x11000, 0x3800, 0x3800}, {0x40000, 0x3000, 0x8000}}},
		/* 2: in the middle */
		{{{0x12, 2}},
		 {{0x10800, 0x1800, 0x1800}, {0x14000, 0x800, 0x800}, {0x40000, 0x3000, 0x8000}}},
		/* 3: all of one; the end of the other, of which more is not in the file */
		{{{0x10, 5}, {0x42, 1}}, {{0x40000, 0x2000, 0x2000}}},
		/* 4: between, and behind */
		{{{0x15, 9}, {0x43, 90}}, {{0x10800, 0x4000, 0x4000}, {0x40000, 0x3000, 0x8000}}},
		/* 5: all */ {{{0, 0x1000}}, {{0}}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct nd_pages out = {0};
		struct nd_core_parts at = {0};
		struct nd_core_load part;
		unsigned int n = 0;

		memset(&core, 0, sizeof core);
		core.loads = 2;
		core.load[0] =
			(struct nd_core_load){0x10800, 0x4000, 0x4000, 0x910800, 0x810800, 7};
		core.load[1] =
			(struct nd_core_load){0x40000, 0x3000, 0x8000, 0x940000, 0x840000, 7};
		for (int k = 0; k < 2; k++)
			nd_pages_add(&out, 0x800 + row[i].out[k].page, row[i].out[k].count);
		assert_int_equal(nd_core_exclude(&core, &out), 1);
		for (; nd_core_part(&core, &at, &part); n++) {
			if (part.phys != row[i].part[n].phys ||
			    part.file_size != row[i].part[n].file_size ||
			    part.mem_size != row[i].part[n].mem_size)
				fail_msg("row %zu, part %u", i, n);
			assert_int_equal(part.vaddr - part.phys, 0x900000);
			assert_int_equal(part.paddr - part.phys, 0x800000);
		}
		assert_true(n == 4 || !row[i].part[n].phys);
		nd_pages_free(&core.excluded);
	}
}

/* Where there would be too many, the shortest runs are there after all. */
static void extents_are_bounded(void **state)
{
	struct nd_pages out = {0};
	struct nd_core_parts at = {0};
	struct nd_core_load part;
	unsigned int n = 0;

	(void)state;
	memset(&core, 0, sizeof core);
	core.loads = 1;
	core.load[0] =
		(struct nd_core_load){.phys = 0, .file_size = 1ull << 40, .mem_size = 1ull << 40};
	for (uint64_t i = 0; i < 2 * ND_CORE_PARTS_MAX; i++)
		nd_pages_add(&out, i * 10 + 1, i % 3 ? 1 : 3);
	assert_int_equal(nd_core_exclude(&core, &out), 2);
	while (nd_core_part(&core, &at, &part))
		n++;
	assert_int_equal(n, core.excluded.spans + 1);
	assert_true(n > ND_CORE_PARTS_MAX / 2 && n <= ND_CORE_PARTS_MAX);
	nd_pages_free(&core.excluded);
}

static size_t note_put(uint8_t *at, const char *name, uint32_t type, uint32_t desc)
{
	Elf64_Nhdr n = {(uint32_t)strlen(name) + 1, desc, type};

	memcpy(at, &n, sizeof n);
	memcpy(at + sizeof n, name, n.n_namesz);
	return sizeof n + (n.n_namesz + 3u) / 4 * 4 + (desc + 3) / 4 * 4;
}

static void notes_are_joined(void **state)
{
	uint8_t *notes;
	size_t bytes, first;
	struct nd_core_said said;
	struct header *h = header_make();
	char release[16];

	(void)state;
	h->phdr[2].p_type = PT_NOTE;
	h->phdr[2].p_offset = 0x4000;
	h->phdr[2].p_filesz = h->phdr[2].p_memsz = 0x1000;
	first = note_put(memory + 0x3000, "CORE", NT_PRSTATUS, 336);
	note_put(memory + 0x4000, "VMCOREINFO", 0, 14);
	memcpy(memory + 0x4000 + 12 + 12, "OSRELEASE=6.1\n", 14);
	assert_int_equal(nd_core_parse(&core, &mem, HEADER_PHYS), ND_MEM_OK);
	assert_int_equal(nd_core_notes(&core, &mem, &notes, &bytes, &said), ND_MEM_OK);
	assert_int_equal(bytes, first + 12 + 12 + 16);
	assert_int_equal(said.cpus, 1);
	assert_true(nd_vmcoreinfo_text(&said.vmcoreinfo, "OSRELEASE", release, sizeof release));
	assert_string_equal(release, "6.1");
	assert_false(said.xen.runs);
	free(notes);

	/* Xen's VMCOREINFO is not Linux'. */
	memcpy(memory + 0x5000, memory + 0x4000, 40);
	note_put(memory + 0x4000, "VMCOREINFO_XEN", 0, 24);
	memcpy(memory + 0x4000 + 12 + 16 + 24, memory + 0x5000, 40);
	note_put(memory + 0x4000 + 12 + 16 + 24 + 40, "Xen", 0x1000001, 80);
	note_put(memory + 0x4000 + 12 + 16 + 24 + 40 + 96, "VMCOREINFO_XEN", 0, 24);
	assert_int_equal(nd_core_notes(&core, &mem, &notes, &bytes, &said), ND_MEM_OK);
	assert_int_equal(said.vmcoreinfo.bytes, 14);
	assert_true(nd_vmcoreinfo_text(&said.vmcoreinfo, "OSRELEASE", release, sizeof release));
	assert_true(said.xen.runs);
	free(notes);

	/* A length that runs out of its page ends the list before it. */
	((Elf64_Nhdr *)(memory + 0x4000))->n_descsz = UINT32_MAX;
	assert_int_equal(nd_core_notes(&core, &mem, &notes, &bytes, &said), ND_MEM_OK);
	assert_int_equal(bytes, first);
	assert_null(said.vmcoreinfo.text);
	free(notes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_header),
		cmocka_unit_test(mangled_headers_are_refused),
		cmocka_unit_test(extents_are_cut_to_ram),
		cmocka_unit_test(excluded_pages_are_in_no_extent),
		cmocka_unit_test(extents_are_bounded),
		cmocka_unit_test(notes_are_joined),
	};

	return cmocka_run_group_tests_name("elfcore", tests, NULL, NULL);
}
