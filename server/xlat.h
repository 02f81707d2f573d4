/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xlat.h - reads the crashed kernel's virtual memory.
 *
 * The page-table walk is libaddrxlat's; its reads go through struct nd_mem, so a walk
 * that meets a page which has not come yet says ND_MEM_WAIT and is tried again later.
 */
#ifndef NETDUMP_SERVER_XLAT_H
#define NETDUMP_SERVER_XLAT_H

#include <stdbool.h>

#include "server/mem.h"
#include "server/vmcoreinfo.h"
#include "server/xen.h"

struct nd_xlat;

/*
 * The kernel's own page table by VMCOREINFO (swapper_pg_dir, phys_base,
 * pgtable_l5_enabled), else the one cr3 names (0: none).  NULL: neither, or no memory.
 * xen (NULL: none runs the machine): of its first domain's kernel the root alone has to be found;
 * page tables name the machine's memory.
 */
struct nd_xlat *nd_xlat_new(const struct nd_mem *mem, const struct nd_vmcoreinfo *v,
			    const struct nd_xen *xen, uint64_t cr3);
void nd_xlat_free(struct nd_xlat *x);

/* Where a virtual address lies; of all that it shares a page of 4 KiB with, too. */
enum nd_mem_status nd_xlat_find(struct nd_xlat *x, uint64_t virt, uint64_t *phys);

enum nd_mem_status nd_xlat_read(struct nd_xlat *x, uint64_t virt, void *to, size_t bytes);

#endif
