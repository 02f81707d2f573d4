/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * elfcore.h - the crashed kernel's ELF core header, and the layout of our file.
 *
 * Linux prepares, at `kexec -p`, what /proc/vmcore would show: PT_LOADs whose p_offset
 * is the physical address to read at, and PT_NOTEs in memory.  Parsing is pure over
 * struct nd_mem; nothing in the header is believed.
 */
#ifndef NETDUMP_SERVER_ELFCORE_H
#define NETDUMP_SERVER_ELFCORE_H

#include <stdbool.h>

#include "netdump/wire.h"
#include "server/mem.h"
#include "server/pages.h"
#include "server/vmcoreinfo.h"
#include "server/xen.h"

#define ND_CORE_PHDRS_MAX   1024
#define ND_CORE_PARTS_MAX   16384      /* PT_LOADs of our file */
#define ND_CORE_NOTES_BYTES (4u << 20) /* 8,192 CPUs' registers are 3 MiB */
#define ND_CORE_WHY_BYTES   128

struct nd_core_load {
	uint64_t phys;      /* where the machine's memory is read */
	uint64_t file_size; /* bytes of it that go into the file */
	uint64_t mem_size;
	uint64_t vaddr, paddr;
	uint32_t flags;
};

struct nd_core_note {
	uint64_t phys;
	uint64_t bytes;
};

struct nd_core {
	unsigned int loads, notes;
	struct nd_core_load load[ND_CORE_PHDRS_MAX];
	struct nd_core_note note[ND_CORE_PHDRS_MAX];
	unsigned int clipped;        /* PT_LOADs cut to what HELLO calls RAM */
	unsigned int machine;        /* e_machine */
	struct nd_pages excluded;    /* by paddr: pages that are not to be in the file */
	char why[ND_CORE_WHY_BYTES]; /* after ND_MEM_BAD */
};

/* RAM by HELLO, as whole pages (a page that is partly RAM counts).  False: no memory. */
bool nd_core_ram(const struct nd_wire_hello *hello, struct nd_pages *ram);

/* Reads the header at phys. */
enum nd_mem_status nd_core_parse(struct nd_core *core, const struct nd_mem *mem, uint64_t phys);

/* Without a header: a PT_LOAD for each range of RAM that HELLO names. */
void nd_core_from_hello(struct nd_core *core, const struct nd_wire_hello *hello);

/*
 * Cuts every PT_LOAD to the stretch of `ram` that it starts in; one that starts outside
 * keeps its size in memory and gets no bytes.
 */
void nd_core_clip(struct nd_core *core, const struct nd_pages *ram);

/* Adds all pages of the core's PT_LOADs, by paddr.  False: no memory. */
bool nd_core_pages(const struct nd_core *core, struct nd_pages *pages);

/*
 * Takes the set of pages that the file does without.  Short runs stay in it where that
 * would make more than ND_CORE_PARTS_MAX of its PT_LOADs; returns how many pages the runs have
 * at least that are left out.
 */
uint64_t nd_core_exclude(struct nd_core *core, struct nd_pages *excluded);

/* The PT_LOADs of the file: what excluded pages leave of the core's. */
struct nd_core_parts {
	unsigned int load; /* all zero: begin */
	uint64_t offset;
};
bool nd_core_part(const struct nd_core *core, struct nd_core_parts *at, struct nd_core_load *part);

void nd_core_free(struct nd_core *core);

/* What notes say. */
struct nd_core_said {
	unsigned int cpus;               /* that have an NT_PRSTATUS */
	struct nd_vmcoreinfo vmcoreinfo; /* Linux'; with Xen its first domain's.  Of *notes */
	struct nd_xen xen;
};

/*
 * All notes, one after the other, trailing zeros dropped: what /proc/vmcore shows as its
 * one PT_NOTE.  *notes is malloc'ed.
 */
enum nd_mem_status nd_core_notes(const struct nd_core *core, const struct nd_mem *mem,
				 uint8_t **notes, size_t *bytes, struct nd_core_said *said);

#endif
