// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * core.c - the ELF core header that netdumpd makes a vmcore of, as kexec-tools would make it:
 * a note for each CPU, VMCOREINFO, the kernel's image, RAM.
 */
#include <linux/crash_core.h>
#include <linux/elf.h>
#include <linux/elfcore.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/string.h>

#include "netdump.h"

#define NOTE_NAME "CORE"

/* A CPU's note: the name is padded to 8 bytes, an empty header ends the list. */
struct note {
	struct elf64_note head;
	char name[8];
	struct elf_prstatus status;
	struct elf64_note end;
} __packed __aligned(8);

static struct {
	struct elf64_hdr *header;
	struct elf64_phdr *segment;
	unsigned int order, cpus;
	struct note *own;   /* of the CPU that panics */
	struct note *empty; /* of those of which the kernel has none */
} core;

static void segment_add(u32 type, const struct nd_extent *e, u64 linear)
{
	struct elf64_phdr *segment = &core.segment[core.header->e_phnum++];

	segment->p_type = type;
	segment->p_flags = type == PT_LOAD ? PF_R | PF_W | PF_X : 0;
	segment->p_offset = e->phys;
	segment->p_paddr = type == PT_LOAD ? e->phys : 0;
	segment->p_vaddr = linear;
	segment->p_filesz = segment->p_memsz = e->bytes;
}

static void header_init(struct elf64_hdr *header)
{
	memcpy(header->e_ident, ELFMAG, SELFMAG);
	header->e_ident[EI_CLASS] = ELFCLASS64;
	header->e_ident[EI_DATA] = ELFDATA2LSB;
	header->e_ident[EI_VERSION] = EV_CURRENT;
	header->e_type = ET_CORE;
	header->e_machine = EM_X86_64;
	header->e_version = EV_CURRENT;
	header->e_ehsize = sizeof *header;
	header->e_phentsize = sizeof(struct elf64_phdr);
	header->e_phoff = sizeof *header;
}

static struct nd_extent note_extent(struct note *note)
{
	return (struct nd_extent){virt_to_phys(note), sizeof *note};
}

/* Each possible CPU has the segment with its number. */
static void notes_add(void)
{
	for (core.cpus = 0; core.cpus < nr_cpu_ids; core.cpus++) {
		struct nd_extent notes = note_extent(core.empty);
		int error = cpu_present(core.cpus) ? nd_crash_notes_read(core.cpus, &notes) : 0;

		if (error) {
			pr_warn("netdump: registers of CPU %u will be missing: /sys says %d\n",
				core.cpus, error);
			notes = note_extent(core.empty);
		}
		segment_add(PT_NOTE, &notes, 0);
	}
}

static void memory_add(const struct nd_memory *memory)
{
	if (memory->kernel.bytes)
		segment_add(PT_LOAD, &memory->kernel,
			    __START_KERNEL_map + memory->kernel.phys - phys_base);
	for (unsigned int i = 0; i < memory->ram_count; i++)
		segment_add(PT_LOAD, &memory->ram[i], (u64)__va(memory->ram[i].phys));
}

int nd_core_make(const struct nd_memory *memory)
{
	const struct nd_extent info = {paddr_vmcoreinfo_note(), VMCOREINFO_NOTE_SIZE};
	size_t segments = nr_cpu_ids + 2 + memory->ram_count;
	size_t bytes = sizeof *core.header + segments * sizeof *core.segment;

	if (segments >= PN_XNUM)
		return -E2BIG;
	core.order = get_order(bytes + sizeof *core.own + sizeof *core.empty);
	core.header = (void *)__get_free_pages(GFP_KERNEL | __GFP_ZERO, core.order);
	if (!core.header)
		return -ENOMEM;
	core.segment = (void *)(core.header + 1);
	core.own = (void *)core.header + bytes;
	core.empty = core.own + 1;
	header_init(core.header);
	notes_add();
	segment_add(PT_NOTE, &info, 0);
	memory_add(memory);
	return 0;
}

void nd_core_free(void)
{
	free_pages((unsigned long)core.header, core.order);
	core.header = NULL;
}

struct nd_extent nd_core_extent(void)
{
	return (struct nd_extent){virt_to_phys(core.header),
				  sizeof *core.header +
					  core.header->e_phnum * sizeof *core.segment};
}

void nd_core_registers(const struct pt_regs *regs)
{
	const struct nd_extent own = note_extent(core.own);
	unsigned int cpu = smp_processor_id();

	core.own->head.n_namesz = sizeof NOTE_NAME;
	core.own->head.n_descsz = sizeof core.own->status;
	core.own->head.n_type = NT_PRSTATUS;
	memcpy(core.own->name, NOTE_NAME, sizeof NOTE_NAME);
	core.own->status.common.pr_pid = current->pid;
	/* the registers of a note begin with these, in this order; what follows is user space's */
	memcpy(&core.own->status.pr_reg, regs, sizeof *regs);
	if (cpu < core.cpus) {
		core.segment[cpu].p_offset = own.phys;
		core.segment[cpu].p_filesz = core.segment[cpu].p_memsz = own.bytes;
	}
}
