// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * main.c - from a crashed stock Linux kernel to DINI.
 *
 * 32-bit flat protected mode, paging off, one CPU, interrupts off.  It runs inside the
 * crash kernel reservation wherever kexec-tools put it, so it must not need relocating:
 * no static pointers (the linker scripts check).
 */
#include <stdint.h>

#include "netdump/handoff.h"
#include "stub/common/find.h"
#include "stub/common/phys.h"
#include "stub/common/serial.h"
#include "stub/common/words.h"
#include "stub/kexec/stub.h"

#define PARAMS_LINE_OFFSET      0x228 /* cmd_line_ptr in struct boot_params */
#define PARAMS_LINE_HIGH_OFFSET 0x0C8 /* ext_cmd_line_ptr: its upper half */
#define ELF_MAGIC               0x464C457Fu

static struct nd_crash crash;

static uint32_t params_field(uint32_t params_phys, uint32_t offset)
{
	return *(uint32_t *)nd_at_phys(params_phys + offset);
}

const char *nd_stub_line(uint32_t params_phys)
{
	uint32_t line_phys = 0;

	if (params_phys && !params_field(params_phys, PARAMS_LINE_HIGH_OFFSET))
		line_phys = params_field(params_phys, PARAMS_LINE_OFFSET);
	return line_phys ? nd_at_phys(line_phys) : "";
}

/* Fills in what the command line says about the crashed kernel. */
static void crash_fill(const char *line)
{
	uint64_t phys, bytes;
	struct nd_word value;

	crash.magic = ND_CRASH_MAGIC;
	crash.version = ND_CRASH_VERSION;
	crash.bytes = sizeof crash;
	if (!nd_word_find(line, "elfcorehdr=", &value)) {
		nd_serial_print("stub: no elfcorehdr= on the command line\n");
		return;
	}
	if (!nd_word_extent(value, &phys, &bytes)) {
		nd_serial_print("stub: elfcorehdr= is no address\n");
		return;
	}
	if (phys > UINT32_MAX - sizeof(uint32_t) ||
	    *(uint32_t *)nd_at_phys((uint32_t)phys) != ELF_MAGIC) {
		nd_serial_print("stub: no ELF core header at %X\n", phys);
		return;
	}
	nd_serial_print("stub: ELF core header at %X\n", phys);
	crash.elfcorehdr_phys = phys;
	crash.elfcorehdr_bytes = bytes;
	nd_stub_note_add(&crash, line);
}

/* The block that the command line names; 0: it names none that could be tried. */
static uint32_t named_try(const char *line)
{
	struct nd_word value;
	uint64_t named;

	if (!nd_word_find(line, "netdump=", &value))
		return 0;
	if (!nd_word_number(value, &named))
		named = 0; /* where none can be */
	return nd_stub_named(named, &crash) ? (uint32_t)named : 0;
}

/* Every block that looks right, the named one first. */
static void blocks_try(const char *line)
{
	const volatile uint8_t *low = nd_at_phys(0);
	uint32_t named = named_try(line), tried = named != 0, damaged = 0, phys = 0;

	while ((phys = nd_find_next(low, phys, &damaged)) != 0) {
		if (phys != named) {
			nd_stub_try(phys, &crash);
			tried++;
		}
		phys += ND_HANDOFF_ALIGN;
	}
	if (damaged)
		nd_serial_print("stub: %u damaged handoff blocks left alone\n", damaged);
	if (tried == 0 && damaged == 0)
		nd_serial_print("stub: no handoff block: was the machine booted by netdump.c32?\n");
}

void nd_stub_main(uint32_t params_phys)
{
	const char *line = nd_stub_line(params_phys);

	nd_serial_open();
	nd_serial_print("\nstub: entered\n");
	crash_fill(line);
	blocks_try(line);
}
