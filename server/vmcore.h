/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vmcore.h - the dump's file: ELF64 core, sparse.
 *
 *   ELF header, program headers, notes, then the machine's memory, page by page in
 *   order of physical address.  A page that several PT_LOADs name (Linux names the
 *   kernel's own twice) is there once, and their p_offsets meet in it.
 */
#ifndef NETDUMP_SERVER_VMCORE_H
#define NETDUMP_SERVER_VMCORE_H

#include "server/elfcore.h"

struct nd_vmcore_extent {
	uint64_t page;
	uint64_t count;
	uint64_t offset; /* in the file */
};

struct nd_vmcore {
	int fd; /* owned by the caller, -1: none */
	struct nd_vmcore_extent *extent;
	size_t extents;
	uint64_t pages;
	uint64_t bytes; /* of the file */
};

/* Nothing larger is written, whatever a machine says that it has. */
#define ND_VMCORE_BYTES_MAX (1ull << 44)

/*
 * Decides the layout, writes headers and notes to fd, and sets the file's size.
 * False: *why says what failed.
 */
bool nd_vmcore_begin(struct nd_vmcore *v, int fd, const struct nd_core *core, const uint8_t *notes,
		     size_t note_bytes, const char **why);
void nd_vmcore_free(struct nd_vmcore *v);

/* All pages of the file.  False: no memory. */
bool nd_vmcore_pages(const struct nd_vmcore *v, struct nd_pages *pages);

/* Writes what of [phys, phys + bytes) the file has a place for; 0, or errno. */
int nd_vmcore_write(const struct nd_vmcore *v, uint64_t phys, const uint8_t *data, size_t bytes);

/* File offset below which nothing changes once all pages below `page` have come. */
uint64_t nd_vmcore_stable(const struct nd_vmcore *v, uint64_t page);

#endif
