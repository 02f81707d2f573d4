// SPDX-License-Identifier: GPL-2.0-or-later
/* block.c - one handoff block: is it to be believed, and if so, DINI.  32-bit flat, paging off. */
#include "netdump/handoff.h"
#include "stub/common/find.h"
#include "stub/common/phys.h"
#include "stub/common/reason.h"
#include "stub/common/seal.h"
#include "stub/common/serial.h"
#include "stub/kexec/stub.h"

static void reason_put(struct nd_handoff *h, const char *text)
{
	nd_reason_leave(h, text);
	nd_reason_keep(h, text);
}

void nd_stub_try(uint32_t handoff_phys, const struct nd_crash *crash)
{
	struct nd_handoff *h = nd_at_phys(handoff_phys);

	nd_serial_print("stub: handoff block at %x, dini at %x\n", handoff_phys, h->dini_phys);
	if (!nd_seal_holds(h)) {
		reason_put(h, "stub: fenced memory was changed");
		nd_serial_print("stub: refused: fenced memory was changed\n");
		return;
	}
	nd_serial_print("stub: refused: dini says %u\n",
			nd_stub_dini(h->dini_entry_phys, handoff_phys, (uint32_t)(uintptr_t)crash,
				     ND_DINI_ENTER));
}

bool nd_stub_named(uint64_t phys, const struct nd_crash *crash)
{
	const volatile uint8_t *low = nd_at_phys(0);

	if (nd_find_at(low, phys)) {
		nd_stub_try((uint32_t)phys, crash);
		return true;
	}
	if (nd_find_remains_at(low, phys)) {
		reason_put(nd_at_phys((uint32_t)phys), "stub: the handoff block is damaged");
		nd_serial_print("stub: refused: the handoff block is damaged\n");
	} else {
		nd_serial_print("stub: no handoff block where netdump= says\n");
	}
	return false;
}
