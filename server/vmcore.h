/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vmcore.h - the dump's file: ELF64 core, sparse.
 *
 *   ELF header, program headers, notes, then the machine's memory, page by page in
 *   order of physical address.  A page that several PT_LOADs name (Linux names the
 *   kernel's own twice) is there once, and their p_offsets meet in it.  Pages that the core
 *   excludes are in no PT_LOAD, so that nobody takes a hole for them.
 *
 * Or, of a living system, a plain file: what was sent, from its first byte on.
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
	uint64_t head_bytes; /* headers and notes, whole pages; memory begins behind them */
	uint64_t head_sum;   /* nd_sums_head() of them, once they are written */
	uint64_t bytes;      /* of the file, 0: no layout yet */
	uint64_t size;       /* to which it is cut at the end, within its last page */
};

/* Nothing larger is written, whatever a machine says that it has. */
#define ND_VMCORE_BYTES_MAX (1ull << 44)

/* Decides the layout; nothing is written.  False: *why says what is wrong. */
bool nd_vmcore_plan(struct nd_vmcore *v, const struct nd_core *core, size_t note_bytes,
		    const char **why);
/* Of a plain file, not empty: it has no head.  False: no memory. */
bool nd_vmcore_plan_plain(struct nd_vmcore *v, uint64_t size);
void nd_vmcore_free(struct nd_vmcore *v);

/* Writes headers and notes to v->fd, over what is there.  0, or errno. */
int nd_vmcore_head_write(struct nd_vmcore *v, const struct nd_core *core, const uint8_t *notes,
			 size_t note_bytes);
/* Sets the file's size; empty: memory that is in it already goes.  0, or errno. */
int nd_vmcore_size_set(const struct nd_vmcore *v, bool empty);
/* All is there: what fills up the last page goes.  0, or errno. */
int nd_vmcore_cut(const struct nd_vmcore *v);

/* All pages of the file.  False: no memory. */
bool nd_vmcore_pages(const struct nd_vmcore *v, struct nd_pages *pages);

/* Adds the pages that lie in bytes [from, to) of the file, in part or whole. */
bool nd_vmcore_pages_at(const struct nd_vmcore *v, uint64_t from, uint64_t to,
			struct nd_pages *pages);

/* Where in the file a page is; UINT64_MAX: nowhere. */
uint64_t nd_vmcore_offset(const struct nd_vmcore *v, uint64_t page);

/* Writes what of [phys, phys + bytes) the file has a place for; 0, or errno. */
int nd_vmcore_write(const struct nd_vmcore *v, uint64_t phys, const uint8_t *data, size_t bytes);

/* Makes memory in bytes [from, to) of the file zeros again.  0, or errno. */
int nd_vmcore_clear(const struct nd_vmcore *v, uint64_t from, uint64_t to);

/* File offset below which nothing changes once all pages below `page` have come. */
uint64_t nd_vmcore_stable(const struct nd_vmcore *v, uint64_t page);

#endif
