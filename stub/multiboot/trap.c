// SPDX-License-Identifier: GPL-2.0-or-later
/* trap.c - exceptions: the tables.  Long mode, own page tables. */
#include "stub/multiboot/trap.h"

#include "stub/multiboot/machine.h"

#define IST_STACK_BYTES 8192
#define IST_STACKS      3
#define GATE_INTERRUPT  0x8E00 /* present, ring 0, IF = 0 on entry */
#define TSS_AVAILABLE   0x89

struct idt_gate {
	uint16_t offset_low;
	uint16_t selector;
	uint16_t ist_type; /* low byte: which interrupt stack, 0: the current one */
	uint16_t offset_mid;
	uint32_t offset_high;
	uint32_t zero;
};

struct tss {
	uint32_t zero0;
	uint64_t rsp[3];
	uint64_t zero1;
	uint64_t ist[7];
	uint64_t zero2;
	uint16_t zero3;
	uint16_t io_map;
} __attribute__((packed));

_Static_assert(sizeof(struct idt_gate) == 16, "idt_gate");
_Static_assert(sizeof(struct tss) == 104, "tss");

static struct idt_gate idt[ND_TRAP_VECTORS];
static struct tss tss;
static uint8_t ist_stack[IST_STACKS][IST_STACK_BYTES] __attribute__((aligned(16)));

/* A stack overflow cannot push its own page fault: that becomes a double fault, which has
 * a stack of its own, and so have the two that can come at any instruction. */
static uint16_t ist_of(uint32_t vector)
{
	switch (vector) {
	case ND_TRAP_DOUBLE:
		return 1;
	case 2: /* NMI */
		return 2;
	case 18: /* machine check */
		return 3;
	}
	return 0;
}

static void tss_open(void)
{
	uint64_t base = (uint64_t)(uintptr_t)&tss;

	for (uint32_t i = 0; i < IST_STACKS; i++)
		tss.ist[i] = (uint64_t)(uintptr_t)ist_stack[i] + IST_STACK_BYTES;
	tss.io_map = sizeof tss;
	nd_gdt[SEL_TSS / 8] = (sizeof tss - 1) | (base & 0xFFFFFF) << 16 |
			      (uint64_t)TSS_AVAILABLE << 40 | (base >> 24 & 0xFF) << 56;
	nd_gdt[SEL_TSS / 8 + 1] = base >> 32;
	__asm__ volatile("ltr %w0" : : "r"(SEL_TSS) : "memory");
}

void nd_trap_open(void)
{
	const struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) idtr = {sizeof idt - 1, nd_trap_idt_lin()};

	tss_open();
	for (uint32_t i = 0; i < ND_TRAP_VECTORS; i++) {
		uint64_t entry = (uint64_t)(uintptr_t)nd_vectors + (uint64_t)i * ND_VECTOR_BYTES;

		idt[i] = (struct idt_gate){
			.offset_low = (uint16_t)entry,
			.selector = SEL_CODE64,
			.ist_type = (uint16_t)(GATE_INTERRUPT | ist_of(i)),
			.offset_mid = (uint16_t)(entry >> 16),
			.offset_high = (uint32_t)(entry >> 32),
		};
	}
	__asm__ volatile("lidt %0" : : "m"(idtr) : "memory");
}

uint64_t nd_trap_idt_lin(void)
{
	return (uint64_t)(uintptr_t)idt;
}
