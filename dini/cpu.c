// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cpu.c - other CPUs, breakpoints, branch records, counters, traces and the LAPIC.  Long mode.
 *
 * In real mode a #DB would go to whatever the BIOS has for it, and traces (BTS, PEBS, PT) are
 * written to the system's memory by the CPU itself.  Each MSR is touched only where CPUID
 * or the maker says that there is one; a hypervisor may lack it all the same.
 *
 * Intel SDM volume 4 (MSRs), volume 3 sections 18 to 20, 33; AMD APM volume 2 section 13.
 */
#include "dini/cpu.h"

#include <stdbool.h>
#include <stdint.h>

#include "dini/io.h"

#define DR7_NONE 0x400ull

#define MSR_DEBUGCTL 0x1D9

#define MSR_MCG_STATUS 0x17A /* a machine check while one is noted here shuts the CPU down */

#define LEAF_MONITOR     0xA
#define MSR_EVENT_SELECT 0x186
#define MSR_GLOBAL_CTRL  0x38F
#define MSR_RTIT_CTL     0x570
#define RTIT_TRACE_EN    1ull

#define LEAF_AMD            0x80000001
#define LEAF_AMD_MONITOR    0x80000022
#define AMD_IBS             (1u << 10) /* ECX */
#define AMD_CORE_COUNTERS   (1u << 23) /* ECX */
#define MSR_AMD_SELECT      0xC0010000
#define AMD_SELECTS         4
#define MSR_AMD_CORE_SELECT 0xC0010200
#define AMD_CORE_SELECTS    6
#define MSR_AMD_GLOBAL_CTRL 0xC0000301
#define MSR_AMD_IBS_FETCH   0xC0011030
#define MSR_AMD_IBS_OP      0xC0011033

#define MSR_APIC_BASE    0x1B
#define APIC_ON          (1u << 11)
#define APIC_X2          (1u << 10)
#define APIC_FIRST       (1u << 8) /* this CPU started the machine */
#define MSR_X2_ICR       0x830
#define MSR_ARCH_CAPS    0x10A
#define ARCH_CAPS_XAPIC  (1u << 21) /* there is MSR_XAPIC_STATUS */
#define MSR_XAPIC_STATUS 0xBD
#define XAPIC_DISABLED   (1u << 0) /* leaving x2APIC mode would fault */

#define LAPIC_TPR       0x080
#define LAPIC_SVR       0x0F0
#define LAPIC_VERSION   0x030
#define LAPIC_ICR       0x300
#define LAPIC_ICR_HIGH  0x310
#define ICR_INIT        0x04500u
#define ICR_INIT_OTHERS 0xC4500u /* to all but this CPU */
#define ICR_PENDING     0x01000u
#define ICR_POLLS       100000
#define APICS           255 /* the next number is all of them */
#define LVT_CMCI        0x2F0
#define LVT_TIMER       0x320
#define LVT_THERMAL     0x330
#define LVT_PERF        0x340
#define LVT_LINT0       0x350
#define LVT_LINT1       0x360
#define LVT_ERROR       0x370
#define LVT_MASKED      0x10000u
#define LVT_EXTINT      0x700u

static bool maker_is(uint32_t ebx, uint32_t edx, uint32_t ecx)
{
	struct nd_cpuid r = nd_cpuid(0);

	return r.ebx == ebx && r.edx == edx && r.ecx == ecx;
}

static bool is_intel(void)
{
	return maker_is(0x756E6547, 0x49656E69, 0x6C65746E); /* GenuineIntel */
}

static bool is_amd(void)
{
	return maker_is(0x68747541, 0x69746E65, 0x444D4163) || /* AuthenticAMD */
	       maker_is(0x6F677948, 0x6E65476E, 0x656E6975);   /* HygonGenuine */
}

static void msr_clear(uint32_t msr, uint64_t bits)
{
	uint64_t value = nd_rdmsr(msr);

	if (value & bits)
		nd_wrmsr(msr, value & ~bits);
}

static void debug_off(void)
{
	__asm__ volatile("mov %0, %%dr7" : : "r"(DR7_NONE));
	if (is_intel() || is_amd())
		msr_clear(MSR_DEBUGCTL, ~0ull);
}

static void intel_counters_off(void)
{
	uint32_t leaves = nd_cpuid(0).eax;
	struct nd_cpuid r = {0};

	if (leaves >= LEAF_MONITOR)
		r = nd_cpuid(LEAF_MONITOR);
	if ((r.eax & 0xFF) >= 2)
		msr_clear(MSR_GLOBAL_CTRL, ~0ull);
	for (uint32_t i = 0; (r.eax & 0xFF) && i < (r.eax >> 8 & 0xFF); i++)
		msr_clear(MSR_EVENT_SELECT + i, ~0ull);
	if (leaves >= 7 && (nd_cpuid(7).ebx & (1u << 25)))
		msr_clear(MSR_RTIT_CTL, RTIT_TRACE_EN);
}

static void amd_counters_off(void)
{
	uint32_t leaves = nd_cpuid(0x80000000).eax, has;

	if (leaves < LEAF_AMD)
		return;
	has = nd_cpuid(LEAF_AMD).ecx;
	if (leaves >= LEAF_AMD_MONITOR && (nd_cpuid(LEAF_AMD_MONITOR).eax & 1))
		msr_clear(MSR_AMD_GLOBAL_CTRL, ~0ull);
	for (uint32_t i = 0; i < AMD_SELECTS && !(has & AMD_CORE_COUNTERS); i++)
		msr_clear(MSR_AMD_SELECT + i, ~0ull);
	for (uint32_t i = 0; i < AMD_CORE_SELECTS && (has & AMD_CORE_COUNTERS); i++)
		msr_clear(MSR_AMD_CORE_SELECT + 2 * i, ~0ull);
	if (has & AMD_IBS) {
		nd_wrmsr(MSR_AMD_IBS_FETCH, 0);
		nd_wrmsr(MSR_AMD_IBS_OP, 0);
	}
}

static bool has_lapic(void)
{
	return nd_cpuid(1).edx & (1u << 9);
}

static uint32_t lapic_read(uint32_t base, uint32_t reg)
{
	return *(volatile uint32_t *)nd_low(base + reg);
}

static void lapic_write(uint32_t base, uint32_t reg, uint32_t value)
{
	*(volatile uint32_t *)nd_low(base + reg) = value;
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

/*
 * xAPIC mode, every local source masked, the PIC's line passed through.  The task
 * priority keeps out messages of devices that the system left running; the PIC's
 * interrupts do not heed it (Intel SDM volume 3, "Task Priority").
 */
static void lapic_init(void)
{
	uint64_t msr;
	uint32_t base, last_lvt;

	if (!has_lapic())
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
	last_lvt = lapic_read(base, LAPIC_VERSION) >> 16 & 0xFF;
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

/* To all but this CPU with ICR_INIT_OTHERS, to one with ICR_INIT and its number. */
static void icr_send(uint64_t apic_base, uint32_t command, uint32_t apic)
{
	uint32_t base = (uint32_t)apic_base & 0xFFFFF000u;

	if (apic_base & APIC_X2) {
		nd_wrmsr(MSR_X2_ICR, (uint64_t)apic << 32 | command);
		return;
	}
	for (unsigned int i = 0; i < ICR_POLLS; i++)
		if (!(lapic_read(base, LAPIC_ICR) & ICR_PENDING))
			break;
	lapic_write(base, LAPIC_ICR_HIGH, apic << 24);
	lapic_write(base, LAPIC_ICR, command);
}

void nd_cpu_stop_others(uint8_t first_apic)
{
	uint32_t this_apic = nd_cpuid(1).ebx >> 24;
	uint64_t apic_base;

	if (!has_lapic())
		return;
	apic_base = nd_rdmsr(MSR_APIC_BASE);
	if (!(apic_base & APIC_ON) || (!(apic_base & APIC_X2) && apic_base >> 32))
		return;
	if (apic_base & APIC_FIRST) {
		icr_send(apic_base, ICR_INIT_OTHERS, 0);
		return;
	}
	for (uint32_t apic = 0; apic < APICS; apic++)
		if (apic != this_apic && apic != first_apic)
			icr_send(apic_base, ICR_INIT, apic);
}

void nd_cpu_quiesce(void)
{
	debug_off();
	if (nd_cpuid(1).edx & (1u << 14))
		nd_wrmsr(MSR_MCG_STATUS, 0);
	if (is_intel())
		intel_counters_off();
	if (is_amd())
		amd_counters_off();
	lapic_init();
	__asm__ volatile("fninit");
}
