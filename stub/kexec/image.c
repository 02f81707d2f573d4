// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * image.c - the crash image that stands alone: without a dump it resets the machine, or stops
 * it if the command line says stub=halt.  32-bit flat, paging off.
 */
#include "stub/common/reset.h"
#include "stub/common/serial.h"
#include "stub/common/words.h"
#include "stub/kexec/stub.h"

static void halt(void) __attribute__((noreturn));
static void halt(void)
{
	for (;;)
		__asm__ volatile("cli; hlt");
}

void nd_image_main(uint32_t params_phys)
{
	struct nd_word value;

	nd_stub_main(params_phys);
	if (nd_word_find(nd_stub_line(params_phys), "stub=", &value) && nd_word_is(value, "halt")) {
		nd_serial_print("stub: halt\n");
		halt();
	}
	nd_serial_print("stub: reboot\n");
	nd_reset();
}
