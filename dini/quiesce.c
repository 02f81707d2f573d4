// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * quiesce.c - takes the machine back to how the firmware expects it.  Long mode.
 *
 * Interrupts stay off for good (IF = 0): what is put right here is for the few
 * instructions in which firmware itself may open them.
 */
#include "dini/quiesce.h"

#include <stdbool.h>
#include <string.h>

#include "dini/io.h"
#include "netdump/handoff.h"
#include "netdump/wire.h"

#define CMOS_INDEX       0x70
#define CMOS_DATA        0x71
#define CMOS_NMI_OFF     0x80
#define CMOS_SHUTDOWN    0x0F
#define PIC1             0x20
#define PIC2             0xA0
#define IRQ_TICK         0x01
#define PIT_CHANNEL_0    0x40
#define PIT_COMMAND      0x43
#define POST_PORT        0x80 /* a write to it takes the time old chips need */
#define MSR_APIC_BASE    0x1B
#define APIC_ON          (1u << 11)
#define APIC_X2          (1u << 10)
#define MSR_ARCH_CAPS    0x10A
#define ARCH_CAPS_XAPIC  (1u << 21) /* there is MSR_XAPIC_STATUS */
#define MSR_XAPIC_STATUS 0xBD
#define XAPIC_DISABLED   (1u << 0) /* leaving x2APIC mode would fault */

#define LAPIC_TPR     0x080
#define LAPIC_SVR     0x0F0
#define LAPIC_VERSION 0x030
#define LVT_CMCI      0x2F0
#define LVT_TIMER     0x320
#define LVT_THERMAL   0x330
#define LVT_PERF      0x340
#define LVT_LINT0     0x350
#define LVT_LINT1     0x360
#define LVT_ERROR     0x370
#define LVT_MASKED    0x10000u
#define LVT_EXTINT    0x700u

static uint8_t page0[ND_PAGE_BYTES] __attribute__((aligned(64)));
static bool page0_kept;

static void nmi_mask(void)
{
	nd_outb(CMOS_INDEX, CMOS_NMI_OFF | CMOS_SHUTDOWN);
	nd_outb(CMOS_DATA, 0); /* a reset is a cold start */
}

static void pic_write(uint16_t port, uint8_t value)
{
	nd_outb(port, value);
	nd_outb(POST_PORT, 0);
}

/* Vectors 08h and 70h as the BIOS sets them; only the BIOS tick comes through. */
static void pic_init(void)
{
	pic_write(PIC1 + 1, 0xFF);
	pic_write(PIC2 + 1, 0xFF);
	pic_write(PIC1, 0x11);
	pic_write(PIC2, 0x11);
	pic_write(PIC1 + 1, 0x08);
	pic_write(PIC2 + 1, 0x70);
	pic_write(PIC1 + 1, 0x04);
	pic_write(PIC2 + 1, 0x02);
	pic_write(PIC1 + 1, 0x01);
	pic_write(PIC2 + 1, 0x01);
	pic_write(PIC1 + 1, 0xFF & ~IRQ_TICK);
	pic_write(PIC2 + 1, 0xFF);
}

/* Channel 0, mode 3, count 65536: the BIOS tick. */
static void pit_init(void)
{
	nd_outb(PIT_COMMAND, 0x36);
	nd_outb(PIT_CHANNEL_0, 0);
	nd_outb(PIT_CHANNEL_0, 0);
}

static bool x2apic_is_locked(void)
{
	struct nd_cpuid r;

	if (nd_cpuid(0).eax < 7)
		return false;
	r = nd_cpuid(7);
	if (!(r.edx & (1u << 29)) || !(nd_rdmsr(MSR_ARCH_CAPS) & ARCH_CAPS_XAPIC))
		return false;
	return nd_rdmsr(MSR_XAPIC_STATUS) & XAPIC_DISABLED;
}

static void lapic_write(uint32_t base, uint32_t reg, uint32_t value)
{
	*(volatile uint32_t *)nd_low(base + reg) = value;
}

/*
 * xAPIC mode, every local source masked, the PIC's line passed through.  The task
 * priority keeps out messages of devices that the system left running; the PIC's
 * interrupts do not heed it (Intel SDM volume 3, "Task Priority").
 */
static void lapic_init(void)
{
	uint64_t msr;
	uint32_t base, last_lvt;

	if (!(nd_cpuid(1).edx & (1u << 9)))
		return;
	msr = nd_rdmsr(MSR_APIC_BASE);
	if (!(msr & APIC_ON) || (msr >> 32))
		return;
	if (msr & APIC_X2) {
		if (x2apic_is_locked())
			return;
		msr &= ~(uint64_t)(APIC_ON | APIC_X2); /* the only way back is through off */
		nd_wrmsr(MSR_APIC_BASE, msr);
		msr |= APIC_ON;
		nd_wrmsr(MSR_APIC_BASE, msr);
	}
	base = (uint32_t)msr & 0xFFFFF000u;
	last_lvt = *(volatile uint32_t *)nd_low(base + LAPIC_VERSION) >> 16 & 0xFF;
	lapic_write(base, LAPIC_SVR, 0x1FF);
	lapic_write(base, LAPIC_TPR, 0xFF);
	lapic_write(base, LVT_TIMER, LVT_MASKED);
	lapic_write(base, LVT_ERROR, LVT_MASKED | 0xFE);
	lapic_write(base, LVT_LINT1, LVT_MASKED);
	if (last_lvt >= 4)
		lapic_write(base, LVT_PERF, LVT_MASKED);
	if (last_lvt >= 5)
		lapic_write(base, LVT_THERMAL, LVT_MASKED);
	if (last_lvt >= 6)
		lapic_write(base, LVT_CMCI, LVT_MASKED);
	lapic_write(base, LVT_LINT0, LVT_EXTINT);
}

void nd_quiesce(uint32_t low_copy_phys)
{
	nmi_mask();
	lapic_init();
	pic_init();
	pit_init();
	memcpy(page0, nd_low(0), sizeof page0);
	page0_kept = true;
	memcpy(nd_low(0), nd_low(low_copy_phys), ND_LOW_COPY_BYTES);
	__asm__ volatile("fninit");
}

const void *nd_quiesce_page0(void)
{
	return page0_kept ? page0 : NULL;
}
