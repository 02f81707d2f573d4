// SPDX-License-Identifier: GPL-2.0-or-later
/* exception.c - DINI's interrupt table and its report.  Long mode. */
#include "dini/exception.h"

#include "dini/action.h"
#include "dini/console.h"
#include "dini/io.h"

#define SEL_CODE64     0x18
#define INTERRUPT_GATE 0x8E00

struct nd_exception_frame {
	uint64_t vector, error, rip, cs, rflags, rsp, ss;
};

struct idt_entry {
	uint16_t offset_low, selector, type, offset_middle;
	uint32_t offset_high, zero;
};

extern const uint64_t nd_vectors[ND_EXCEPTIONS];
_Noreturn void nd_exception_report(const struct nd_exception_frame *frame);

static struct idt_entry idt[ND_EXCEPTIONS];

void nd_exception_init(void)
{
	for (unsigned int i = 0; i < ND_EXCEPTIONS; i++) {
		uint64_t at = nd_vectors[i];

		idt[i].offset_low = (uint16_t)at;
		idt[i].selector = SEL_CODE64;
		idt[i].type = INTERRUPT_GATE;
		idt[i].offset_middle = (uint16_t)(at >> 16);
		idt[i].offset_high = (uint32_t)(at >> 32);
	}
	nd_exception_load();
}

void nd_exception_load(void)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) idtr = {sizeof idt - 1, (uintptr_t)idt};

	__asm__ volatile("lidt %0" : : "m"(idtr));
}

void nd_exception_report(const struct nd_exception_frame *frame)
{
	uint64_t cr2;

	__asm__ volatile("mov %%cr2, %0" : "=r"(cr2));
	nd_say("exception %lu at %lx error %lx address %lx", frame->vector, frame->rip,
	       frame->error, cr2);
	nd_action_fail("DINI ran into an exception of the CPU");
}
