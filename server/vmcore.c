// SPDX-License-Identifier: GPL-2.0-or-later
/* vmcore.c - the dump's file: ELF64 core, sparse. */
#include "server/vmcore.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/store.h"
#include "server/sums.h"

#define PAGE_ROUND(n) (((n) + ND_PAGE_BYTES - 1) / ND_PAGE_BYTES * ND_PAGE_BYTES)

void nd_vmcore_free(struct nd_vmcore *v)
{
	free(v->extent);
	v->extent = NULL;
	v->extents = 0;
}

static bool layout_make(struct nd_vmcore *v, const struct nd_core *core, uint64_t offset)
{
	struct nd_pages all = {0};
	struct nd_core_parts at = {0};
	struct nd_core_load part;
	bool ok = true;

	while (ok && nd_core_part(core, &at, &part)) {
		uint64_t first = part.phys / ND_PAGE_BYTES;

		if (part.file_size)
			ok = nd_pages_add(&all, first,
					  (part.phys + (part.file_size - 1)) / ND_PAGE_BYTES -
						  first + 1);
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
		v->bytes = v->size = offset;
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

uint64_t nd_vmcore_offset(const struct nd_vmcore *v, uint64_t page)
{
	size_t at = extent_find(v, page);

	if (at == v->extents || page < v->extent[at].page)
		return UINT64_MAX;
	return v->extent[at].offset + (page - v->extent[at].page) * ND_PAGE_BYTES;
}

static unsigned int headers_count(const struct nd_core *core, size_t note_bytes)
{
	struct nd_core_parts at = {0};
	struct nd_core_load part;
	unsigned int count = note_bytes != 0;

	while (nd_core_part(core, &at, &part))
		count++;
	return count;
}

static size_t headers_bytes(const struct nd_core *core, size_t note_bytes)
{
	return sizeof(Elf64_Ehdr) + headers_count(core, note_bytes) * sizeof(Elf64_Phdr);
}

bool nd_vmcore_plan(struct nd_vmcore *v, const struct nd_core *core, size_t note_bytes,
		    const char **why)
{
	uint64_t pages = 0;

	memset(v, 0, sizeof *v);
	v->fd = -1;
	for (unsigned int i = 0; i < core->loads; i++) {
		pages += core->load[i].file_size / ND_PAGE_BYTES + 2;
		if (pages > ND_VMCORE_BYTES_MAX / ND_PAGE_BYTES) {
			*why = "the machine claims more than 16 TiB of memory";
			return false;
		}
	}
	v->head_bytes = PAGE_ROUND(headers_bytes(core, note_bytes) + note_bytes);
	if (!layout_make(v, core, v->head_bytes)) {
		*why = "out of memory for the file's layout";
		return false;
	}
	return true;
}

bool nd_vmcore_plan_plain(struct nd_vmcore *v, uint64_t size)
{
	memset(v, 0, sizeof *v);
	v->fd = -1;
	v->extent = calloc(1, sizeof *v->extent);
	if (!v->extent)
		return false;
	v->size = size;
	v->bytes = PAGE_ROUND(size);
	v->pages = v->extent->count = v->bytes / ND_PAGE_BYTES;
	v->extents = 1;
	return true;
}

static void headers_make(const struct nd_vmcore *v, const struct nd_core *core, size_t note_bytes,
			 uint8_t *head)
{
	Elf64_Phdr *phdr = (Elf64_Phdr *)(head + sizeof(Elf64_Ehdr));
	struct nd_core_parts at = {0};
	struct nd_core_load part;
	Elf64_Ehdr ehdr = {
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			    EV_CURRENT},
		.e_type = ET_CORE,
		.e_machine = (Elf64_Half)core->machine,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof ehdr,
		.e_ehsize = sizeof ehdr,
		.e_phentsize = sizeof *phdr,
		.e_phnum = (Elf64_Half)headers_count(core, note_bytes),
	};

	memcpy(head, &ehdr, sizeof ehdr);
	if (note_bytes)
		*phdr++ = (Elf64_Phdr){
			.p_type = PT_NOTE,
			.p_offset = headers_bytes(core, note_bytes),
			.p_filesz = note_bytes,
			.p_memsz = note_bytes,
			.p_align = 4,
		};
	while (nd_core_part(core, &at, &part))
		*phdr++ = (Elf64_Phdr){
			.p_type = PT_LOAD,
			.p_flags = part.flags,
			.p_offset = part.file_size
					    ? nd_vmcore_offset(v, part.phys / ND_PAGE_BYTES) +
						      part.phys % ND_PAGE_BYTES
					    : v->bytes,
			.p_vaddr = part.vaddr,
			.p_paddr = part.paddr,
			.p_filesz = part.file_size,
			.p_memsz = part.mem_size,
		};
}

/* Not with libelf, which cuts the file behind what it writes: there may be memory in it. */
int nd_vmcore_head_write(struct nd_vmcore *v, const struct nd_core *core, const uint8_t *notes,
			 size_t note_bytes)
{
	uint8_t *head = NULL;
	int error;

	if (!v->head_bytes)
		return 0;
	head = calloc(1, v->head_bytes);
	if (!head)
		return ENOMEM;
	headers_make(v, core, note_bytes, head);
	if (note_bytes)
		memcpy(head + headers_bytes(core, note_bytes), notes, note_bytes);
	v->head_sum = nd_sums_head(0, head, v->head_bytes);
	error = nd_store_write(v->fd, head, v->head_bytes, 0);
	free(head);
	return error;
}

int nd_vmcore_size_set(const struct nd_vmcore *v, bool empty)
{
	if (empty && ftruncate(v->fd, (off_t)v->head_bytes))
		return errno;
	return ftruncate(v->fd, (off_t)v->bytes) ? errno : 0;
}

int nd_vmcore_cut(const struct nd_vmcore *v)
{
	return v->size != v->bytes && ftruncate(v->fd, (off_t)v->size) ? errno : 0;
}

bool nd_vmcore_pages(const struct nd_vmcore *v, struct nd_pages *pages)
{
	for (size_t i = 0; i < v->extents; i++)
		if (!nd_pages_add(pages, v->extent[i].page, v->extent[i].count))
			return false;
	return true;
}

bool nd_vmcore_pages_at(const struct nd_vmcore *v, uint64_t from, uint64_t to,
			struct nd_pages *pages)
{
	for (size_t i = 0; i < v->extents; i++) {
		const struct nd_vmcore_extent *e = &v->extent[i];
		uint64_t end = e->offset + e->count * ND_PAGE_BYTES;
		uint64_t start = from > e->offset ? from : e->offset, stop = to < end ? to : end;
		uint64_t first = (start - e->offset) / ND_PAGE_BYTES;

		if (start < stop &&
		    !nd_pages_add(pages, e->page + first,
				  (stop - e->offset + ND_PAGE_BYTES - 1) / ND_PAGE_BYTES - first))
			return false;
	}
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
		error = nd_store_write(v->fd, data + (from - phys), stop - from,
				       e->offset + (from - start));
		if (error)
			return error;
	}
	return 0;
}

int nd_vmcore_clear(const struct nd_vmcore *v, uint64_t from, uint64_t to)
{
	static const uint8_t zeros[1 << 16];
	int error;

	if (from < v->head_bytes)
		from = v->head_bytes;
	if (to > v->bytes)
		to = v->bytes;
	if (from >= to || !fallocate(v->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)from,
				     (off_t)(to - from)))
		return 0;
	if (errno != EOPNOTSUPP)
		return errno;
	for (; from < to; from += sizeof zeros) {
		error = nd_store_write(v->fd, zeros,
				       to - from < sizeof zeros ? to - from : sizeof zeros, from);
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
