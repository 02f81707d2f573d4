// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * note.c - vmcoreinfo=BYTES@ADDRESS: a note that the ELF core header lacks.
 *
 * kexec-tools hand on Xen's VMCOREINFO and leave its first domain's out.  32-bit flat, paging off.
 */
#include "stub/common/phys.h"
#include "stub/common/serial.h"
#include "stub/common/words.h"
#include "stub/kexec/stub.h"

#define PHDRS_MAX  1024
#define PT_NOTE    4
#define PAGE_BYTES 4096

/* ELF64, as far as it is looked at. */
struct elf_header {
	uint8_t before[32];
	uint64_t phdrs_offset;
	uint8_t between[14];
	uint16_t phdr_bytes;
	uint16_t phdr_count;
	uint8_t after[6];
};

struct elf_phdr {
	uint32_t type;
	uint32_t flags;
	uint64_t offset, virt, phys;
	uint64_t file_bytes, memory_bytes;
	uint64_t align;
};
_Static_assert(sizeof(struct elf_header) == 64, "ELF64 header");
_Static_assert(sizeof(struct elf_phdr) == 56, "ELF64 program header");

static uint64_t page_left(uint64_t phys)
{
	return PAGE_BYTES - phys % PAGE_BYTES;
}

/*
 * The slot behind the last program header, if it is empty; else NULL.  kexec-tools give no size:
 * what they reserve ends with a page, and the page in which the table ends is theirs.
 */
static struct elf_phdr *phdr_free(uint32_t header_phys, const struct elf_header *elf,
				  uint64_t bytes)
{
	uint32_t offset = sizeof *elf + elf->phdr_count * sizeof(struct elf_phdr);
	const uint8_t *slot;

	if (elf->phdr_bytes != sizeof(struct elf_phdr) || elf->phdrs_offset != sizeof *elf ||
	    elf->phdr_count >= PHDRS_MAX)
		return NULL;
	if ((bytes && bytes < offset + sizeof(struct elf_phdr)) ||
	    header_phys > UINT32_MAX - offset - sizeof(struct elf_phdr) ||
	    page_left(header_phys + offset - 1) < 1 + sizeof(struct elf_phdr))
		return NULL;
	slot = nd_at_phys(header_phys + offset);
	for (uint32_t i = 0; i < sizeof(struct elf_phdr); i++)
		if (slot[i])
			return NULL;
	return (struct elf_phdr *)slot;
}

void nd_stub_note_add(const struct nd_crash *crash, const char *line)
{
	struct elf_header *elf = nd_at_phys((uint32_t)crash->elfcorehdr_phys);
	uint64_t phys, bytes;
	struct elf_phdr *phdr;
	struct nd_word value;

	if (!nd_word_find(line, "vmcoreinfo=", &value))
		return;
	if (!nd_word_extent(value, &phys, &bytes) || !bytes) {
		nd_serial_print("stub: vmcoreinfo= is no BYTES@ADDRESS\n");
		return;
	}
	phdr = phdr_free((uint32_t)crash->elfcorehdr_phys, elf, crash->elfcorehdr_bytes);
	if (!phdr) {
		nd_serial_print("stub: the ELF core header has no room for vmcoreinfo=\n");
		return;
	}
	/* A domain's next page may be anywhere in the machine. */
	if (bytes > page_left(phys))
		bytes = page_left(phys);
	phdr->type = PT_NOTE;
	phdr->offset = phdr->phys = phys;
	phdr->file_bytes = phdr->memory_bytes = bytes;
	elf->phdr_count++;
}
