/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ram.h - sorted ranges of usable memory.  No I/O; any CPU mode, and hosted. */
#ifndef STUB_MULTIBOOT_RAM_H
#define STUB_MULTIBOOT_RAM_H

#include <stdbool.h>
#include <stdint.h>

#define ND_RAM_MAX    64
#define ND_PAGE_BYTES 4096u

struct nd_ram_range {
	uint64_t from_phys;
	uint64_t to_phys; /* exclusive */
};

struct nd_ram {
	uint32_t count;
	struct nd_ram_range range[ND_RAM_MAX];
};

/* Both return false, and change nothing, if the list would grow too long. */
bool nd_ram_cut(struct nd_ram *ram, uint64_t from_phys, uint64_t to_phys);
bool nd_ram_add(struct nd_ram *ram, uint64_t from_phys, uint64_t to_phys);

/* Keeps whole pages only: a page that is partly something else is not ours. */
void nd_ram_whole_pages(struct nd_ram *ram);

uint64_t nd_ram_bytes(const struct nd_ram *ram);

#endif
