/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xen.h - a machine that Xen runs: what Xen's crash note says, and where its first domain's memory
 * is.
 *
 * The note is XEN_ELFNOTE_CRASH_INFO (xen/include/public/elfnote.h, struct crash_xen_info).  A
 * domain numbers its memory by itself; the first domain's list of where each page frame lies is a
 * tree of three levels, each page of it 512 frame numbers of the machine's (struct
 * arch_shared_info, xen/include/public/arch-x86/xen.h).  Pure over struct nd_mem; nothing is
 * believed.
 */
#ifndef NETDUMP_SERVER_XEN_H
#define NETDUMP_SERVER_XEN_H

#include <stdbool.h>

#include "server/mem.h"

#define ND_XEN_VERSION_BYTES 32

struct nd_xen {
	bool runs; /* the machine: a note said so */
	uint64_t major, minor;
	uint64_t extra_phys; /* what follows them, a string */
	uint64_t list_frame; /* the top of the first domain's tree */
};

/* Takes a note, if it is Xen's.  name: with its NUL. */
void nd_xen_note(struct nd_xen *xen, const char *name, size_t name_bytes, uint32_t type,
		 const uint8_t *desc, size_t bytes);

/* Xen's version, cut to what can be read of it. */
enum nd_mem_status nd_xen_version(const struct nd_xen *xen, const struct nd_mem *mem,
				  char text[ND_XEN_VERSION_BYTES]);

/* Where a page frame of the first domain's lies in the machine. */
enum nd_mem_status nd_xen_frame(const struct nd_xen *xen, const struct nd_mem *mem,
				uint64_t domain_frame, uint64_t *frame);

#endif
