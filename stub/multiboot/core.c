// SPDX-License-Identifier: GPL-2.0-or-later
/* core.c - the ELF core header of this kernel's memory.  Long mode, mapped one to one. */
#include "stub/multiboot/core.h"

#include "stub/multiboot/machine.h"
#include "stub/multiboot/paging.h"

#define ELF_MAGIC   0x464C457Fu
#define EM_X86_64   62
#define ET_CORE     4
#define PT_LOAD     1
#define PT_NOTE     4
#define PF_RWX      7
#define NT_PRSTATUS 1
#define REF_PID     1

struct elf_header {
	uint32_t magic;
	uint8_t class, data, version, abi;
	uint8_t zero[8];
	uint16_t type, machine;
	uint32_t version32;
	uint64_t entry, phoff, shoff;
	uint32_t flags;
	uint16_t bytes, phentsize, phnum, shentsize, shnum, shstrndx;
};

struct elf_segment {
	uint32_t type, flags;
	uint64_t offset, vaddr, paddr, filesz, memsz, align;
};

struct elf_note {
	uint32_t name_bytes, desc_bytes, type;
};

/* struct elf_prstatus of 64-bit Linux, as readers of core files know it. */
struct prstatus {
	uint8_t signal[32];
	uint32_t pid, ppid, pgrp, sid;
	uint64_t times[8];
	struct nd_regs regs;
	uint64_t fs_base, gs_base, ds, es, fs, gs;
	uint64_t fp_valid;
};

#define VMCOREINFO_TEXT  "OSRELEASE=netdump-ref-1\nPAGESIZE=4096\n"
#define VMCOREINFO_BYTES (sizeof VMCOREINFO_TEXT - 1)
#define PADDED(bytes)    (((bytes) + 3) & ~3u)

static struct {
	struct elf_header header;
	struct elf_segment segment[1 + ND_RAM_MAX];
} core __attribute__((aligned(4096)));

static struct {
	struct elf_note prstatus_note;
	char prstatus_name[PADDED(sizeof "CORE")];
	struct prstatus prstatus __attribute__((packed, aligned(4)));
	struct elf_note info_note;
	char info_name[PADDED(sizeof "VMCOREINFO")];
	char info[PADDED(VMCOREINFO_BYTES)];
} notes __attribute__((aligned(8)));

_Static_assert(sizeof(struct elf_header) == 64, "elf_header");
_Static_assert(sizeof(struct elf_segment) == 56, "elf_segment");
_Static_assert(sizeof(struct prstatus) == 336, "prstatus");

static void text_copy(char *to, const char *from, uint32_t bytes)
{
	for (uint32_t i = 0; i < bytes; i++)
		to[i] = from[i];
}

static void notes_open(void)
{
	notes.prstatus_note = (struct elf_note){sizeof "CORE", sizeof notes.prstatus, NT_PRSTATUS};
	text_copy(notes.prstatus_name, "CORE", sizeof "CORE");
	notes.prstatus.pid = REF_PID;
	notes.info_note = (struct elf_note){sizeof "VMCOREINFO", VMCOREINFO_BYTES, 0};
	text_copy(notes.info_name, "VMCOREINFO", sizeof "VMCOREINFO");
	text_copy(notes.info, VMCOREINFO_TEXT, VMCOREINFO_BYTES);
}

void nd_core_open(const struct nd_ram *ram)
{
	notes_open();
	core.header = (struct elf_header){
		.magic = ELF_MAGIC,
		.class = 2, /* 64-bit, little-endian */
		.data = 1,
		.version = 1,
		.type = ET_CORE,
		.machine = EM_X86_64,
		.version32 = 1,
		.phoff = sizeof core.header,
		.bytes = sizeof core.header,
		.phentsize = sizeof core.segment[0],
		.phnum = (uint16_t)(1 + ram->count),
	};
	core.segment[0] = (struct elf_segment){
		.type = PT_NOTE,
		.offset = (uint64_t)(uintptr_t)&notes,
		.paddr = (uint64_t)(uintptr_t)&notes,
		.filesz = sizeof notes,
		.memsz = sizeof notes,
	};
	for (uint32_t i = 0; i < ram->count; i++) {
		uint64_t phys = ram->range[i].from_phys;
		uint64_t bytes = ram->range[i].to_phys - phys;

		core.segment[1 + i] = (struct elf_segment){
			.type = PT_LOAD,
			.flags = PF_RWX,
			.offset = phys,
			.vaddr = ND_DIRECT_LIN + phys,
			.paddr = phys,
			.filesz = bytes,
			.memsz = bytes,
		};
	}
}

void nd_core_registers(const struct nd_regs *regs)
{
	notes.prstatus.regs = *regs;
	notes.prstatus.ds = SEL_DATA;
	notes.prstatus.es = SEL_DATA;
	notes.prstatus.fs = SEL_DATA;
	notes.prstatus.gs = SEL_DATA;
}

uint64_t nd_core_phys(void)
{
	return (uint64_t)(uintptr_t)&core;
}

uint64_t nd_core_bytes(void)
{
	return sizeof core.header + (uint64_t)core.header.phnum * sizeof core.segment[0];
}
