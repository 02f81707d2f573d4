// SPDX-License-Identifier: GPL-2.0-or-later
/* parts.c - the PT_LOADs of our file: the core's, without the pages that are left out. */
#include <stdlib.h>

#include "server/elfcore.h"

bool nd_core_pages(const struct nd_core *core, struct nd_pages *pages)
{
	for (unsigned int i = 0; i < core->loads; i++) {
		const struct nd_core_load *l = &core->load[i];
		uint64_t first = l->paddr / ND_PAGE_BYTES;

		if (l->file_size &&
		    !nd_pages_add(pages, first,
				  (l->paddr + (l->file_size - 1)) / ND_PAGE_BYTES - first + 1))
			return false;
	}
	return true;
}

bool nd_core_part(const struct nd_core *core, struct nd_core_parts *at, struct nd_core_load *part)
{
	while (at->load < core->loads) {
		const struct nd_core_load *l = &core->load[at->load];
		uint64_t start = l->paddr + at->offset, left = l->file_size - at->offset,
			 end = left;
		const struct nd_span *hole = NULL;

		/* Else a page of the file is not one of the system's. */
		if ((l->phys - l->paddr) % ND_PAGE_BYTES == 0)
			hole = nd_pages_next(&core->excluded, start / ND_PAGE_BYTES);
		if (hole && left && hole->page <= start / ND_PAGE_BYTES) {
			end = (hole->page + hole->count) * ND_PAGE_BYTES - start;
			at->offset += end < left ? end : left;
			at->load += end >= left;
			at->offset = end >= left ? 0 : at->offset;
			continue;
		}
		if (hole && hole->page * ND_PAGE_BYTES - start < left)
			end = hole->page * ND_PAGE_BYTES - start;
		*part = *l;
		part->phys += at->offset;
		part->vaddr += at->offset;
		part->paddr += at->offset;
		part->file_size = end;
		part->mem_size = end < left ? end : l->mem_size - at->offset;
		at->offset = end < left ? at->offset + end : 0;
		at->load += end >= left;
		return true;
	}
	return false;
}

/* Ends early, for a machine may name the same memory a thousand times. */
static bool parts_fit(const struct nd_core *core)
{
	struct nd_core_parts at = {0};
	struct nd_core_load part;
	unsigned int count = 0;

	while (nd_core_part(core, &at, &part))
		if (++count > ND_CORE_PARTS_MAX)
			return false;
	return true;
}

uint64_t nd_core_exclude(struct nd_core *core, struct nd_pages *excluded)
{
	uint64_t least = 1;

	core->excluded = *excluded;
	*excluded = (struct nd_pages){0};
	while (!parts_fit(core)) {
		least *= 2;
		nd_pages_prune(&core->excluded, least);
	}
	return least;
}

void nd_core_free(struct nd_core *core)
{
	if (core)
		nd_pages_free(&core->excluded);
	free(core);
}
