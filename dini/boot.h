/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * boot.h - what start.asm found at entry and what C tells it back.
 *
 * DINI's region is seen at three places.  phys: where netdump.c32 put it, below
 * 4 GiB.  Its identity alias, the same number as a linear address.  And its home,
 * ND_DINI_LINEAR upwards, where C runs: the linker fixes absolute pointers there,
 * so the image needs no relocation and is never written to.  The low half of a
 * home address is the offset in the region.
 */
#ifndef DINI_BOOT_H
#define DINI_BOOT_H

#include <stddef.h>
#include <stdint.h>

#define ND_DINI_LINEAR   0x10000000000ull /* 1 TiB; the linker script has it too */
#define ND_WINDOW_LINEAR 0x20000000000ull /* 2 TiB: 1 GiB that slides over memory */
#define ND_WINDOW_BYTES  0x40000000ull
/* Devices' registers, behind the window: see registers.c. */
#define ND_REGISTERS_LINEAR (ND_WINDOW_LINEAR + ND_WINDOW_BYTES)
#define ND_GUARD_BYTES      64

/* Known to start.asm and gate.asm by these offsets. */
struct nd_boot {
	uint32_t base_phys;    /* of the region */
	uint32_t handoff_phys; /* ESI at entry */
	uint32_t crash_phys;   /* EBX at entry: struct nd_crash, or struct nd_visit */
	uint32_t esp;          /* the caller's, registers pushed on it */
	uint32_t cr0, cr3, cr4, efer;
	uint16_t cs, ds, es, fs, gs, ss;
	uint8_t gdtr[6], idtr[6]; /* the caller's */
	uint8_t own_gdtr[6], pad[2];
	uint32_t refusal;
	uint64_t rsp; /* of C while the gate runs */
	/* %fs points here; compiled code looks for its stack guard at %fs:0x28 */
	uint64_t fs_block[ND_GUARD_BYTES / 8];
	uint32_t magic; /* EAX at entry: ND_DINI_ENTER, ND_DINI_VISIT */
};

_Static_assert(offsetof(struct nd_boot, esp) == 12, "start.asm");
_Static_assert(offsetof(struct nd_boot, cs) == 32, "start.asm");
_Static_assert(offsetof(struct nd_boot, gdtr) == 44, "start.asm");
_Static_assert(offsetof(struct nd_boot, own_gdtr) == 56, "start.asm");
_Static_assert(offsetof(struct nd_boot, refusal) == 64, "start.asm");
_Static_assert(offsetof(struct nd_boot, rsp) == 72, "gate.asm");
_Static_assert(offsetof(struct nd_boot, fs_block) == 80, "gate.asm");
_Static_assert(offsetof(struct nd_boot, magic) == 144, "start.asm");

extern struct nd_boot nd_boot;
extern uint64_t nd_window_directory[512];    /* the window's page directory */
extern uint64_t nd_registers_directory[512]; /* the registers' */
extern char nd_memory_end[];
extern struct nd_last_words nd_last_words; /* ends there; handoff.h */

/*
 * Leaves long mode, near-calls entry_phys in 32-bit mode as handoff.h "Calling the
 * gate" asks, comes back.  Interrupts are off before, in between and after; the
 * IDT register is lost and must be loaded again.
 */
void nd_gate_enter64(uint32_t entry_phys);

/* leave.asm: to `next`, which never returns, with nothing left on the stack that was used. */
_Noreturn void nd_stack_leave64(void (*next)(void));

/* From start.asm, in long mode on the home stack; returns enum nd_refusal. */
uint32_t nd_main64(void);

/* start.asm: back to whoever entered, as if nd_main64() had returned that. */
_Noreturn void nd_return64(uint32_t refusal);

#endif
