/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bare.h - what every guest needs: its start, the serial line, a verdict.  32-bit flat mode,
 * paging off.
 */
#ifndef GUEST_BARE_H
#define GUEST_BARE_H

#include <stdint.h>

#define EXIT_PASS 0x10 /* QEMU ends with 33 */
#define EXIT_FAIL 0x00 /* with 1 */

#define CHECK(what)                                                                                \
	do {                                                                                       \
		if (!(what))                                                                       \
			fail(#what);                                                               \
	} while (0)

/* As the loader has it: Multiboot Specification 0.6.96, 3.3. */
struct multiboot_module {
	uint32_t start, end, string, zero;
};

struct multiboot_info {
	uint32_t flags, mem_lower, mem_upper, boot_device, cmdline, module_count, modules;
};

/* The guest's own; boot.asm calls it. */
void guest_main(const struct multiboot_info *info);

/* boot.asm: a near call; EAX as it comes back, ~0 if what must be kept was changed. */
uint32_t guest_call(uint32_t entry, uint32_t eax, uint32_t ebx, uint32_t esi);

void *phys(uint32_t at);
void print(const char *s);

/* End QEMU by its exit port, which ends with code * 2 + 1. */
_Noreturn void leave(uint8_t code);
_Noreturn void fail(const char *what);

#endif
