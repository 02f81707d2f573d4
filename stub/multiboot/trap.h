/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trap.h - exceptions: tables, and the registers that an exception leaves.  Long mode. */
#ifndef STUB_MULTIBOOT_TRAP_H
#define STUB_MULTIBOOT_TRAP_H

#include <stdint.h>

/* As vectors.asm pushes them, which is the order of an ELF core's register note. */
struct nd_regs {
	uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8;
	uint64_t rax, rcx, rdx, rsi, rdi;
	uint64_t error; /* the exception's error code, 0 if it has none */
	uint64_t rip, cs, rflags, rsp, ss;
};

_Static_assert(sizeof(struct nd_regs) == 21 * 8, "nd_regs");

#define ND_TRAP_VECTORS 33
#define ND_TRAP_DOUBLE  8
#define ND_TRAP_PAGE    14
#define ND_TRAP_PANIC   32 /* raised by nd_panic(), so that it has registers too */

/* Own GDT entry for the task segment, IDT, one stack each for double fault, NMI, machine check. */
void nd_trap_open(void);

uint64_t nd_trap_idt_lin(void);

/* vectors.asm calls it on every exception; crash.c has it. */
void nd_trap(uint64_t vector, const struct nd_regs *regs) __attribute__((noreturn));

#endif
