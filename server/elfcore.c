// SPDX-License-Identifier: GPL-2.0-or-later
/* elfcore.c - the crashed kernel's ELF core header: parsing it, with libelf. */
#include "server/elfcore.h"

#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PHOFF_MAX       65536u /* kexec-tools: right behind the ELF header */
#define NOTE_BYTES_MAX  65536u /* of one PT_NOTE: VMCOREINFO's is 4 KiB */
#define ALIGN4(n)       (((n) + 3) & ~(uint64_t)3)
#define NT_PRSTATUS_ELF 1

bool nd_core_ram(const struct nd_wire_hello *hello, struct nd_pages *ram)
{
	for (unsigned int i = 0; i < hello->range_count; i++) {
		const struct nd_wire_range *r = &hello->range[i];
		uint64_t first = r->phys / ND_PAGE_BYTES;
		uint64_t last = (r->phys + (r->bytes - 1)) / ND_PAGE_BYTES;

		if (r->kind == 1 && !nd_pages_add(ram, first, last - first + 1))
			return false;
	}
	return true;
}

static enum nd_mem_status bad(struct nd_core *core, const char *why)
{
	snprintf(core->why, sizeof core->why, "ELF core header: %s", why);
	return ND_MEM_BAD;
}

/* The first `bytes` of the header, malloc'ed. */
static enum nd_mem_status image_read(struct nd_core *core, const struct nd_mem *mem, uint64_t phys,
				     uint8_t **image, size_t *bytes)
{
	Elf64_Ehdr ehdr;
	enum nd_mem_status status = nd_mem_read(mem, phys, &ehdr, sizeof ehdr);

	if (status == ND_MEM_ABSENT)
		return bad(core, "it lies in memory that cannot be read");
	if (status != ND_MEM_OK)
		return status;
	if (memcmp(ehdr.e_ident, ELFMAG, SELFMAG) || ehdr.e_ident[EI_CLASS] != ELFCLASS64 ||
	    ehdr.e_ident[EI_DATA] != ELFDATA2LSB || ehdr.e_type != ET_CORE)
		return bad(core, "not a little-endian ELF64 core");
	if (ehdr.e_phentsize != sizeof(Elf64_Phdr) || !ehdr.e_phnum ||
	    ehdr.e_phnum > ND_CORE_PHDRS_MAX || ehdr.e_phoff < sizeof ehdr ||
	    ehdr.e_phoff > PHOFF_MAX)
		return bad(core, "its program header table is malformed");
	*bytes = ehdr.e_phoff + ehdr.e_phnum * sizeof(Elf64_Phdr);
	*image = malloc(*bytes);
	if (!*image)
		return bad(core, "no memory for it");
	status = nd_mem_read(mem, phys, *image, *bytes);
	return status == ND_MEM_ABSENT ? bad(core, "part of it cannot be read") : status;
}

static bool wraps(uint64_t start, uint64_t bytes)
{
	return bytes && bytes - 1 > UINT64_MAX - start;
}

static enum nd_mem_status phdr_take(struct nd_core *core, const GElf_Phdr *p)
{
	if (p->p_type != PT_LOAD && p->p_type != PT_NOTE)
		return ND_MEM_OK;
	if (!p->p_filesz || !p->p_memsz)
		return ND_MEM_OK;
	if (wraps(p->p_offset, p->p_filesz))
		return bad(core, "an extent runs past the end of the address space");
	if (p->p_type == PT_NOTE) {
		if (p->p_filesz > NOTE_BYTES_MAX)
			return bad(core, "a note is absurdly large");
		core->note[core->notes++] = (struct nd_core_note){p->p_offset, p->p_filesz};
		return ND_MEM_OK;
	}
	if (p->p_filesz > p->p_memsz || wraps(p->p_paddr, p->p_memsz) ||
	    wraps(p->p_vaddr, p->p_memsz))
		return bad(core, "an extent runs past the end of the address space");
	core->load[core->loads++] = (struct nd_core_load){
		.phys = p->p_offset,
		.file_size = p->p_filesz,
		.mem_size = p->p_memsz,
		.vaddr = p->p_vaddr,
		.paddr = p->p_paddr,
		.flags = p->p_flags,
	};
	return ND_MEM_OK;
}

enum nd_mem_status nd_core_parse(struct nd_core *core, const struct nd_mem *mem, uint64_t phys)
{
	uint8_t *image = NULL;
	size_t bytes = 0, count = 0;
	Elf *elf = NULL;
	GElf_Ehdr ehdr;
	GElf_Phdr phdr;
	enum nd_mem_status status;

	memset(core, 0, sizeof *core);
	status = image_read(core, mem, phys, &image, &bytes);
	if (status != ND_MEM_OK)
		goto out;
	elf_version(EV_CURRENT);
	elf = elf_memory((char *)image, bytes);
	if (!elf || !gelf_getehdr(elf, &ehdr) || elf_getphdrnum(elf, &count)) {
		status = bad(core, "libelf does not take it");
		goto out;
	}
	core->machine = ehdr.e_machine;
	for (size_t i = 0; i < count && i < ND_CORE_PHDRS_MAX && status == ND_MEM_OK; i++)
		status = gelf_getphdr(elf, (int)i, &phdr) ? phdr_take(core, &phdr)
							  : bad(core, "a program header is cut");
	if (status == ND_MEM_OK && !core->loads)
		status = bad(core, "it names no memory");
out:
	elf_end(elf);
	free(image);
	return status;
}

void nd_core_from_hello(struct nd_core *core, const struct nd_wire_hello *hello)
{
	memset(core, 0, sizeof *core);
	core->machine = EM_X86_64;
	for (unsigned int i = 0; i < hello->range_count; i++) {
		const struct nd_wire_range *r = &hello->range[i];

		if (r->kind != 1)
			continue;
		core->load[core->loads++] = (struct nd_core_load){
			.phys = r->phys,
			.file_size = r->bytes,
			.mem_size = r->bytes,
			.paddr = r->phys,
			.flags = PF_R | PF_W | PF_X,
		};
	}
}

void nd_core_clip(struct nd_core *core, const struct nd_pages *ram)
{
	for (unsigned int i = 0; i < core->loads; i++) {
		struct nd_core_load *l = &core->load[i];
		uint64_t room = 0;

		for (size_t s = 0; s < ram->spans; s++) {
			uint64_t from = ram->span[s].page * ND_PAGE_BYTES;
			uint64_t bytes = ram->span[s].count * ND_PAGE_BYTES;

			if (l->phys >= from && l->phys - from < bytes)
				room = bytes - (l->phys - from);
		}
		if (l->file_size > room) {
			l->file_size = room;
			core->clipped++;
		}
	}
}

static bool is_named(const char *name, size_t bytes, const char *wanted)
{
	return bytes == strlen(wanted) + 1 && !memcmp(name, wanted, bytes);
}

static void note_look(struct nd_core_said *said, const Elf64_Nhdr *n, const char *name,
		      const uint8_t *desc)
{
	if (n->n_type == NT_PRSTATUS_ELF && is_named(name, n->n_namesz, "CORE"))
		said->cpus++;
	if (is_named(name, n->n_namesz, "VMCOREINFO"))
		said->vmcoreinfo = (struct nd_vmcoreinfo){(const char *)desc, n->n_descsz};
	nd_xen_note(&said->xen, name, n->n_namesz, n->n_type, desc, n->n_descsz);
}

/* Appends the notes of one PT_NOTE, up to the first without a name. */
static size_t notes_append(uint8_t *to, const uint8_t *from, size_t left, struct nd_core_said *said)
{
	size_t used = 0;

	for (;;) {
		Elf64_Nhdr n;
		uint64_t name, desc;

		if (left - used < sizeof n)
			break;
		memcpy(&n, from + used, sizeof n);
		name = ALIGN4((uint64_t)n.n_namesz);
		desc = ALIGN4((uint64_t)n.n_descsz);
		if (!name || name + desc > left - used - sizeof n)
			break;
		memcpy(to + used, from + used, sizeof n + name + desc);
		note_look(said, &n, (const char *)to + used + sizeof n,
			  to + used + sizeof n + name);
		used += sizeof n + name + desc;
	}
	return used;
}

enum nd_mem_status nd_core_notes(const struct nd_core *core, const struct nd_mem *mem,
				 uint8_t **notes, size_t *bytes, struct nd_core_said *said)
{
	enum nd_mem_status status = ND_MEM_OK;
	uint8_t *page = malloc(NOTE_BYTES_MAX);
	size_t room = 0;

	*notes = NULL;
	*bytes = 0;
	memset(said, 0, sizeof *said);
	for (unsigned int i = 0; i < core->notes; i++)
		room += core->note[i].bytes;
	if (room > ND_CORE_NOTES_BYTES)
		room = ND_CORE_NOTES_BYTES;
	*notes = malloc(room + 1);
	if (!page || !*notes) {
		free(page);
		return ND_MEM_BAD;
	}
	for (unsigned int i = 0; i < core->notes; i++) {
		const struct nd_core_note *n = &core->note[i];
		enum nd_mem_status s = nd_mem_read(mem, n->phys, page, n->bytes);

		/* A CPU's note that cannot be read is left out; the rest is worth having. */
		if (s == ND_MEM_WAIT)
			status = s;
		if (s == ND_MEM_OK && n->bytes <= room - *bytes)
			*bytes += notes_append(*notes + *bytes, page, n->bytes, said);
	}
	free(page);
	return status;
}
