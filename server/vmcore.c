// SPDX-License-Identifier: GPL-2.0-or-later
/* vmcore.c - the dump's file: ELF64 core, sparse. */
#include "server/vmcore.h"

#include <errno.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGE_ROUND(n) (((n) + ND_PAGE_BYTES - 1) / ND_PAGE_BYTES * ND_PAGE_BYTES)

void nd_vmcore_free(struct nd_vmcore *v)
{
	free(v->extent);
	v->extent = NULL;
	v->extents = 0;
}

static int bytes_write(int fd, const uint8_t *data, size_t bytes, uint64_t offset)
{
	while (bytes) {
		ssize_t n = pwrite(fd, data, bytes, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? errno : EIO;
		data += n;
		bytes -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}

static bool layout_make(struct nd_vmcore *v, const struct nd_core *core, uint64_t offset)
{
	struct nd_pages all = {0};
	bool ok = true;

	for (unsigned int i = 0; i < core->loads && ok; i++) {
		const struct nd_core_load *l = &core->load[i];
		uint64_t first = l->phys / ND_PAGE_BYTES;

		if (l->file_size)
			ok = nd_pages_add(&all, first,
					  (l->phys + (l->file_size - 1)) / ND_PAGE_BYTES - first +
						  1);
	}
	v->extent = ok ? calloc(all.spans + 1, sizeof *v->extent) : NULL;
	if (v->extent) {
		v->extents = all.spans;
		v->pages = all.total;
		for (size_t i = 0; i < all.spans; i++) {
			v->extent[i] = (struct nd_vmcore_extent){all.span[i].page,
								 all.span[i].count, offset};
			offset += all.span[i].count * ND_PAGE_BYTES;
		}
		v->bytes = offset;
	}
	nd_pages_free(&all);
	return v->extent != NULL;
}

/* The extent that holds `page`, or the next above it; v->extents: none. */
static size_t extent_find(const struct nd_vmcore *v, uint64_t page)
{
	size_t low = 0, high = v->extents;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (v->extent[mid].page + v->extent[mid].count <= page)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static uint64_t offset_of(const struct nd_vmcore *v, uint64_t phys)
{
	const struct nd_vmcore_extent *e = &v->extent[extent_find(v, phys / ND_PAGE_BYTES)];

	return e->offset + (phys - e->page * ND_PAGE_BYTES);
}

/* ELF header and program headers; libelf decides neither place nor size of anything. */
static bool headers_write(const struct nd_vmcore *v, const struct nd_core *core, size_t note_bytes,
			  uint64_t note_offset)
{
	size_t count = core->loads + (note_bytes != 0), at = 0;
	Elf *elf = elf_begin(v->fd, ELF_C_WRITE, NULL);
	Elf64_Ehdr *ehdr = elf ? elf64_newehdr(elf) : NULL;
	Elf64_Phdr *phdr = ehdr ? elf64_newphdr(elf, count) : NULL;
	bool ok;

	if (!phdr) {
		elf_end(elf);
		return false;
	}
	elf_flagelf(elf, ELF_C_SET, ELF_F_LAYOUT);
	ehdr->e_ident[EI_DATA] = ELFDATA2LSB;
	ehdr->e_type = ET_CORE;
	ehdr->e_machine = (Elf64_Half)core->machine;
	ehdr->e_version = EV_CURRENT;
	ehdr->e_phoff = sizeof *ehdr;
	if (note_bytes)
		phdr[at++] = (Elf64_Phdr){
			.p_type = PT_NOTE,
			.p_offset = note_offset,
			.p_filesz = note_bytes,
			.p_memsz = note_bytes,
			.p_align = 4,
		};
	for (unsigned int i = 0; i < core->loads; i++) {
		const struct nd_core_load *l = &core->load[i];

		phdr[at++] = (Elf64_Phdr){
			.p_type = PT_LOAD,
			.p_flags = l->flags,
			.p_offset = l->file_size ? offset_of(v, l->phys) : v->bytes,
			.p_vaddr = l->vaddr,
			.p_paddr = l->paddr,
			.p_filesz = l->file_size,
			.p_memsz = l->mem_size,
		};
	}
	elf_flagphdr(elf, ELF_C_SET, ELF_F_DIRTY);
	ok = elf_update(elf, ELF_C_WRITE) >= 0;
	elf_end(elf);
	return ok;
}

bool nd_vmcore_begin(struct nd_vmcore *v, int fd, const struct nd_core *core, const uint8_t *notes,
		     size_t note_bytes, const char **why)
{
	uint64_t note_offset, pages = 0;

	memset(v, 0, sizeof *v);
	v->fd = fd;
	elf_version(EV_CURRENT);
	for (unsigned int i = 0; i < core->loads; i++) {
		pages += core->load[i].file_size / ND_PAGE_BYTES + 2;
		if (pages > ND_VMCORE_BYTES_MAX / ND_PAGE_BYTES) {
			*why = "the machine claims more than 16 TiB of memory";
			return false;
		}
	}
	note_offset = sizeof(Elf64_Ehdr) + (core->loads + (note_bytes != 0)) * sizeof(Elf64_Phdr);
	if (!layout_make(v, core, PAGE_ROUND(note_offset + note_bytes))) {
		*why = "out of memory for the file's layout";
		return false;
	}
	*why = "the file's headers cannot be written";
	return headers_write(v, core, note_bytes, note_offset) &&
	       !bytes_write(fd, notes, note_bytes, note_offset) && !ftruncate(fd, (off_t)v->bytes);
}

bool nd_vmcore_pages(const struct nd_vmcore *v, struct nd_pages *pages)
{
	for (size_t i = 0; i < v->extents; i++)
		if (!nd_pages_add(pages, v->extent[i].page, v->extent[i].count))
			return false;
	return true;
}

int nd_vmcore_write(const struct nd_vmcore *v, uint64_t phys, const uint8_t *data, size_t bytes)
{
	uint64_t to = phys + bytes;

	for (size_t i = extent_find(v, phys / ND_PAGE_BYTES); i < v->extents; i++) {
		const struct nd_vmcore_extent *e = &v->extent[i];
		uint64_t start = e->page * ND_PAGE_BYTES, end = start + e->count * ND_PAGE_BYTES;
		uint64_t from = phys > start ? phys : start, stop = to < end ? to : end;
		int error;

		if (from >= stop)
			break;
		error = bytes_write(v->fd, data + (from - phys), stop - from,
				    e->offset + (from - start));
		if (error)
			return error;
	}
	return 0;
}

uint64_t nd_vmcore_stable(const struct nd_vmcore *v, uint64_t page)
{
	size_t at = extent_find(v, page);

	if (at == v->extents)
		return v->bytes;
	if (page <= v->extent[at].page)
		return v->extent[at].offset;
	return v->extent[at].offset + (page - v->extent[at].page) * ND_PAGE_BYTES;
}
