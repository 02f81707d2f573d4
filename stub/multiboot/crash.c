// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * crash.c - the in-kernel stub: from an exception to DINI.  Long mode, interrupts off.
 *
 * All it needs was laid out at boot.  Where DINI cannot be entered or refuses, the kernel goes
 * on with what it has itself, fallback.c.  Fenced memory is not mapped while the kernel is
 * healthy, so no stray write of its own can reach it.
 */
#include "stub/multiboot/crash.h"

#include <stddef.h>

#include "stub/common/find.h"
#include "stub/common/phys.h"
#include "stub/common/reason.h"
#include "stub/common/seal.h"
#include "stub/common/serial.h"
#include "stub/multiboot/core.h"
#include "stub/multiboot/fallback.h"
#include "stub/multiboot/machine.h"
#include "stub/multiboot/paging.h"
#include "stub/multiboot/trap.h"

static const char *const trap_names[] = {
	"divide error",
	"debug",
	"NMI",
	"breakpoint",
	"overflow",
	"bound range",
	"invalid opcode",
	"no coprocessor",
	"double fault",
	"coprocessor overrun",
	"invalid TSS",
	"segment not present",
	"stack segment",
	"general protection",
	"page fault",
	"reserved",
	"x87",
	"alignment check",
	"machine check",
	"SIMD",
};

static struct nd_crash crash;
static struct {
	uint32_t handoff_phys;
	uint32_t dini_entry_phys;
	uint32_t last_words_phys;
} way_out;
static const char *panic_reason;
static uint32_t reason_bytes;
static uint32_t entered;

static void reason_text(const char *text)
{
	while (*text && reason_bytes < sizeof crash.reason - 1)
		crash.reason[reason_bytes++] = *text++;
	crash.reason[reason_bytes] = 0;
}

static void reason_hex(uint64_t value)
{
	char text[17];

	for (uint32_t i = 0; i < 16; i++)
		text[i] = "0123456789abcdef"[value >> (60 - 4 * i) & 15];
	text[16] = 0;
	reason_text("0x");
	reason_text(text);
}

static void reason_fill(uint64_t vector, const struct nd_regs *regs)
{
	uint64_t cr2;

	__asm__ volatile("mov %%cr2, %0" : "=r"(cr2));
	if (vector == ND_TRAP_PANIC) {
		reason_text(panic_reason);
		return;
	}
	if (vector < sizeof trap_names / sizeof trap_names[0])
		reason_text(trap_names[vector]);
	else
		reason_text("exception");
	if (vector == ND_TRAP_DOUBLE && cr2 - (uint64_t)(uintptr_t)nd_stack_guard < ND_PAGE_BYTES)
		reason_text(" (stack overflow)");
	if (vector == ND_TRAP_PAGE || vector == ND_TRAP_DOUBLE) {
		reason_text(" at ");
		reason_hex(cr2);
	}
	reason_text(", rip ");
	reason_hex(regs->rip);
}

/* One to one, by whole pages.  Only now, at the crash, can the kernel see fenced memory. */
static bool fenced_map(uint32_t phys, uint32_t bytes)
{
	uint64_t from = phys & ~(uint64_t)(ND_PAGE_BYTES - 1);
	uint64_t to = ((uint64_t)phys + bytes + ND_PAGE_BYTES - 1) & ~(uint64_t)(ND_PAGE_BYTES - 1);

	return nd_paging_map(from, from, to - from);
}

/* NULL: DINI may be called.  The block is mapped. */
static const char *fence_fault(const struct nd_handoff *h)
{
	if (!nd_find_at(nd_at_phys(0), way_out.handoff_phys))
		return "the handoff block is damaged";
	for (uint32_t i = 0; i < h->seal_count; i++)
		if (!fenced_map(h->seal[i].phys, h->seal[i].bytes))
			return "fenced memory cannot be mapped";
	return nd_seal_holds(h) ? NULL : "fenced memory was changed";
}

/* Where the next boot looks was read while the block was whole.  The block is mapped. */
static void last_words_leave(struct nd_handoff *h, const char *why)
{
	if (fenced_map(way_out.last_words_phys, sizeof(struct nd_last_words)))
		nd_last_words_write(nd_at_phys(way_out.last_words_phys), why);
	if (nd_find_remains_at(nd_at_phys(0), way_out.handoff_phys))
		nd_reason_leave(h, why);
}

static void dini_try(void)
{
	struct nd_handoff *h = nd_at_phys(way_out.handoff_phys);
	const char *fault;

	if (!way_out.handoff_phys) {
		nd_serial_print("ref: no netdump\n");
		return;
	}
	if (!fenced_map(way_out.handoff_phys, sizeof *h)) {
		nd_serial_print("ref: refused: the handoff block cannot be mapped\n");
		return;
	}
	fault = fence_fault(h);
	if (fault) {
		nd_serial_print("ref: refused: %s\n", fault);
		last_words_leave(h, fault);
		return;
	}
	nd_serial_print("ref: dini refused %u\n",
			nd_flat_call(way_out.dini_entry_phys, way_out.handoff_phys,
				     (uint32_t)(uintptr_t)&crash));
}

void nd_trap(uint64_t vector, const struct nd_regs *regs)
{
	if (entered++) {
		nd_serial_print("ref: exception %u while crashing, rip %X\n", (uint32_t)vector,
				regs->rip);
		nd_fallback_end();
	}
	reason_fill(vector, regs);
	nd_serial_print("ref: panic: %s\n", crash.reason);
	nd_core_registers(regs);
	dini_try();
	nd_fallback_report(crash.reason, regs);
	nd_fallback_end();
}

void nd_panic(const char *reason)
{
	panic_reason = reason;
	__asm__ volatile("int %0" : : "i"(ND_TRAP_PANIC) : "memory");
	__builtin_unreachable();
}

void nd_crash_open(uint32_t handoff_phys, const struct nd_handoff *h)
{
	way_out.handoff_phys = handoff_phys;
	way_out.dini_entry_phys = handoff_phys ? h->dini_entry_phys : 0;
	way_out.last_words_phys = handoff_phys ? nd_last_words_phys(h) : 0;
	crash.magic = ND_CRASH_MAGIC;
	crash.version = ND_CRASH_VERSION;
	crash.bytes = sizeof crash;
	crash.elfcorehdr_phys = nd_core_phys();
	crash.elfcorehdr_bytes = nd_core_bytes();
	crash.cr3 = nd_paging_cr3();
	crash.idt_base = nd_trap_idt_lin();
}
