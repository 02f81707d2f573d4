/* SPDX-License-Identifier: GPL-2.0-or-later */
/* paging.h - the reference kernel's own page tables.  Long mode. */
#ifndef STUB_MULTIBOOT_PAGING_H
#define STUB_MULTIBOOT_PAGING_H

#include <stdbool.h>
#include <stdint.h>

/* Physical memory that is RAM is mapped here, offset by its address; nothing else is. */
#define ND_DIRECT_LIN 0xFFFF888000000000ull

/* Maps whole pages, read-write.  false: the pool of tables is used up, part is mapped. */
bool nd_paging_map(uint64_t lin, uint64_t phys, uint64_t bytes);

/* A zeroed page of the pool; NULL: used up. */
uint64_t *nd_paging_table(void);

/* The same as nd_paging_map() in tables of `levels` that an IOMMU walks: it knows these bits. */
bool nd_paging_map_below(uint64_t *root, unsigned int levels, uint64_t lin, uint64_t phys,
			 uint64_t bytes);

/* Uses the tables made so far; those that are added to them later count at once. */
void nd_paging_use(void);

uint64_t nd_paging_cr3(void);

#endif
