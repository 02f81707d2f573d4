// SPDX-License-Identifier: GPL-2.0-or-later
/* fault.c - what the breaker needs of the system that runs it.  Long mode. */
#include "stub/multiboot/fault.h"

#include "stub/common/phys.h"
#include "stub/common/serial.h"
#include "stub/multiboot/paging.h"
#include "stub/multiboot/ram.h"
#include "tests/faults/breaker/breaks.h"

volatile void *nd_breaker_map(uint64_t phys, size_t bytes)
{
	uint64_t page = phys & ~(uint64_t)(ND_PAGE_BYTES - 1);
	uint64_t end = (phys + bytes + ND_PAGE_BYTES - 1) & ~(uint64_t)(ND_PAGE_BYTES - 1);

	if (!nd_paging_map(page, page, end - page))
		return NULL;
	nd_paging_use(); /* what was there before is forgotten */
	return nd_at_phys(phys);
}

enum nd_broken nd_breaker_unbind(uint16_t bdf, const char **why)
{
	(void)bdf;
	*why = "the reference kernel has no driver";
	return ND_BROKEN_NEVER;
}

void nd_fault_make(struct nd_word words, uint32_t handoff_phys)
{
	const struct nd_handoff *h =
		(const struct nd_handoff *)nd_breaker_map(handoff_phys, sizeof *h);

	if (h)
		nd_break(words.text, words.bytes, h);
	else
		nd_serial_print("ref: the handoff block cannot be mapped\n");
}
