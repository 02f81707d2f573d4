// SPDX-License-Identifier: GPL-2.0-or-later
/* reason.c - leaving why no dump was made.  32-bit flat, or long mode. */
#include "stub/common/reason.h"

#include <stdbool.h>

#include "stub/common/phys.h"

#define PAGE_BYTES 4096u

/*
 * What a block says of DINI's region is believed if DINI's own header there says it too.  One that
 * is whole may be of the boot before, and its region the system's memory by now.
 */
static bool region_fits(const struct nd_handoff *h)
{
	const struct nd_dini_header *dini;

	if (h->dini_phys < ND_HANDOFF_BELOW || h->dini_phys % PAGE_BYTES || !h->dini_bytes ||
	    h->dini_bytes % PAGE_BYTES || h->dini_bytes > UINT32_MAX - h->dini_phys)
		return false;
	dini = nd_at_phys(h->dini_phys);
	return dini->magic == ND_DINI_FILE_MAGIC && dini->bytes == sizeof *dini &&
	       dini->image_bytes == h->dini_image_bytes && dini->memory_bytes == h->dini_bytes;
}

void nd_reason_keep(const struct nd_handoff *h, const char *text)
{
	if (region_fits(h))
		nd_last_words_write(nd_at_phys(nd_last_words_phys(h)), text);
}

void nd_reason_leave(struct nd_handoff *h, const char *text)
{
	char *to = h->last_words, *end = to + sizeof h->last_words;

	while (to < end - 1 && *text)
		*to++ = *text++;
	while (to < end)
		*to++ = 0;
}
