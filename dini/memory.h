/* SPDX-License-Identifier: GPL-2.0-or-later */
/* memory.h - the crashed system's memory, page by page, wherever it is. */
#ifndef DINI_MEMORY_H
#define DINI_MEMORY_H

#include <stdint.h>

#include "netdump/handoff.h"

/* map has to stay where it is. */
void nd_memory_init(const struct nd_range *map, unsigned int count);

/* Where this CPU's physical addresses end: a page table entry beyond is a fault. */
uint64_t nd_memory_limit_phys(void);

/*
 * ND_PAGE_BYTES at phys (a multiple of ND_PAGE_BYTES), or NULL where the map has no RAM
 * of the system's own.  Above 4 GiB the pointer is good until the next call.
 */
const void *nd_memory_page(void *unused, uint64_t phys);

#endif
