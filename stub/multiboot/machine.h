/* SPDX-License-Identifier: GPL-2.0-or-later */
/* machine.h - what the assembly parts and the linker script give to C, and selectors. */
#ifndef STUB_MULTIBOOT_MACHINE_H
#define STUB_MULTIBOOT_MACHINE_H

#include <stdint.h>

/* head.asm; its GDT */
#define SEL_CODE64 0x08
#define SEL_DATA   0x10
#define SEL_CODE32 0x18
#define SEL_TSS    0x20
extern uint64_t nd_gdt[];
extern uint8_t nd_stack_guard[]; /* one page, below the stack, never mapped */
extern uint8_t nd_stack_top[];

/* vectors.asm: one entry per vector, this far apart */
#define ND_VECTOR_BYTES 16
extern const uint8_t nd_vectors[];

/* ref.ld: all of the kernel, whole pages */
extern uint8_t nd_image_start[];
extern uint8_t nd_image_end[];

/*
 * trampoline.asm: from long mode to a near call of DINI as handoff.h "Entering DINI" has
 * it, and back if it refuses; the result is its enum nd_refusal.
 */
uint32_t nd_flat_call(uint32_t entry_phys, uint32_t handoff_phys, uint32_t crash_phys);

/* head.asm calls it on the kernel's stack, with boot page tables: 4 GiB mapped one to one. */
void nd_ref_main(uint32_t magic, uint32_t mb_info_phys) __attribute__((noreturn));

static inline void nd_halt(void) __attribute__((noreturn));
static inline void nd_halt(void)
{
	for (;;)
		__asm__ volatile("cli; hlt");
}

#endif
