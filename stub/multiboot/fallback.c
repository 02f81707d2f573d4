// SPDX-License-Identifier: GPL-2.0-or-later
/* fallback.c - what this kernel does without a network dump.  Long mode, interrupts off. */
#include "stub/multiboot/fallback.h"

#include "stub/common/phys.h"
#include "stub/common/reset.h"
#include "stub/common/serial.h"
#include "stub/multiboot/machine.h"
#include "stub/multiboot/ram.h"

#define FRAMES_MAX 16

/* What a function with a frame pointer pushes first. */
struct frame {
	uint64_t caller_lin;
	uint64_t return_lin;
};

static bool reboot_wanted;

void nd_fallback_open(bool reboot)
{
	reboot_wanted = reboot;
}

static bool within(uint64_t lin, const uint8_t *from, const uint8_t *to, uint64_t bytes)
{
	uint64_t from_lin = (uint64_t)(uintptr_t)from, to_lin = (uint64_t)(uintptr_t)to;

	return lin >= from_lin && lin <= to_lin - bytes;
}

/* Believes no frame outside the stack, and none that does not lie above the one before. */
static void callers_print(uint64_t frame_lin)
{
	uint64_t below = 0;

	for (uint32_t i = 0; i < FRAMES_MAX; i++) {
		const struct frame *frame = nd_at_phys(frame_lin);

		if (frame_lin <= below || frame_lin % 8 ||
		    !within(frame_lin, nd_stack_guard + ND_PAGE_BYTES, nd_stack_top,
			    sizeof *frame) ||
		    !within(frame->return_lin, nd_image_start, nd_image_end, 1))
			return;
		nd_serial_print("ref: called from %X\n", frame->return_lin);
		below = frame_lin;
		frame_lin = frame->caller_lin;
	}
}

#define CONTROL(name)                                                                              \
	({                                                                                         \
		uint64_t value;                                                                    \
		__asm__ volatile("mov %%" name ", %0" : "=r"(value));                              \
		value;                                                                             \
	})

void nd_fallback_report(const char *reason, const struct nd_regs *regs)
{
	nd_serial_print("ref: crash report: %s\n", reason);
	nd_serial_print("ref: rip %X rsp %X rflags %X error %X\n", regs->rip, regs->rsp,
			regs->rflags, regs->error);
	nd_serial_print("ref: rax %X rbx %X rcx %X rdx %X\n", regs->rax, regs->rbx, regs->rcx,
			regs->rdx);
	nd_serial_print("ref: rsi %X rdi %X rbp %X r8 %X\n", regs->rsi, regs->rdi, regs->rbp,
			regs->r8);
	nd_serial_print("ref: r9 %X r10 %X r11 %X r12 %X\n", regs->r9, regs->r10, regs->r11,
			regs->r12);
	nd_serial_print("ref: r13 %X r14 %X r15 %X\n", regs->r13, regs->r14, regs->r15);
	nd_serial_print("ref: cr0 %X cr2 %X cr3 %X cr4 %X\n", CONTROL("cr0"), CONTROL("cr2"),
			CONTROL("cr3"), CONTROL("cr4"));
	callers_print(regs->rbp);
	nd_serial_print("ref: end of report\n");
}

void nd_fallback_end(void)
{
	if (reboot_wanted) {
		nd_serial_print("ref: reboot\n");
		nd_reset();
	}
	nd_serial_print("ref: halted\n");
	nd_halt();
}
