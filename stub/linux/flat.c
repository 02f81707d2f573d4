// SPDX-License-Identifier: GPL-2.0-or-later
/* flat.c - netdump.ko's half without paging: from out.S to DINI.  32-bit flat. */
#include "stub/common/find.h"
#include "stub/common/phys.h"
#include "stub/common/serial.h"
#include "stub/kexec/stub.h"

static void crash(uint32_t handoff_phys, const struct nd_crash *crash)
{
	struct nd_serial_settings settings;

	nd_serial_keep(&settings);
	nd_serial_open();
	nd_serial_print("\nstub: entered\n");
	nd_stub_named(handoff_phys, crash);
	nd_serial_print("stub: on with the panic\n");
	nd_serial_give_back(&settings);
}

static void fail(struct nd_visit *visit, const char *why)
{
	uint32_t i = 0;

	for (; why[i] && i < sizeof visit->text - 1; i++)
		visit->text[i] = why[i];
	visit->text[i] = 0;
	visit->state = ND_VISIT_FAILED;
}

/* The serial line is the living system's. */
static void visit(uint32_t handoff_phys, struct nd_visit *visit)
{
	const struct nd_handoff *h = nd_at_phys(handoff_phys);

	visit->refusal = ND_REFUSED_HANDOFF;
	if (nd_find_at(nd_at_phys(0), handoff_phys))
		visit->refusal = nd_stub_dini(h->dini_entry_phys, handoff_phys,
					      (uint32_t)(uintptr_t)visit, ND_DINI_VISIT);
	switch (visit->refusal) {
	case 0:
		return;
	case ND_REFUSED_HANDOFF:
		fail(visit, "the handoff block is damaged");
		return;
	case ND_REFUSED_MAGIC:
		fail(visit, "DINI is of a version without visits");
		return;
	case ND_REFUSED_SEAL:
		fail(visit, "fenced memory was changed");
		return;
	default:
		fail(visit, "DINI refused");
	}
}

void nd_flat_main(uint32_t handoff_phys, void *what)
{
	const uint32_t *magic = what;

	if (*magic == ND_VISIT_MAGIC)
		visit(handoff_phys, what);
	else
		crash(handoff_phys, what);
}
