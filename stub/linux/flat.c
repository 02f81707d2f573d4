// SPDX-License-Identifier: GPL-2.0-or-later
/* flat.c - netdump.ko's half without paging: from out.S to DINI.  32-bit flat. */
#include "stub/common/serial.h"
#include "stub/kexec/stub.h"

void nd_flat_main(uint32_t handoff_phys, const struct nd_crash *crash)
{
	struct nd_serial_settings settings;

	nd_serial_keep(&settings);
	nd_serial_open();
	nd_serial_print("\nstub: entered\n");
	nd_stub_named(handoff_phys, crash);
	nd_serial_print("stub: on with the panic\n");
	nd_serial_give_back(&settings);
}
