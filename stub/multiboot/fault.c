// SPDX-License-Identifier: GPL-2.0-or-later
/* fault.c - what the breaker needs of the system that runs it.  Long mode. */
#include "stub/multiboot/fault.h"

#include "stub/common/phys.h"
#include "stub/common/serial.h"
#include "stub/multiboot/paging.h"
#include "stub/multiboot/ram.h"
#include "tests/faults/breaker/breaks.h"

#define CPUID_PCID    (1u << 17)
#define CPUID_X2APIC  (1u << 21)
#define MSR_APIC_BASE 0x1B
#define APIC_X2       (1u << 10)
#define APIC_ON       (1u << 11)
#define CR4_PCIDE     (1ull << 17)
#define PCID_BITS     0xFFFull
#define SOME_PCID     5ull

volatile void *nd_breaker_map(uint64_t phys, size_t bytes)
{
	uint64_t page = phys & ~(uint64_t)(ND_PAGE_BYTES - 1);
	uint64_t end = (phys + bytes + ND_PAGE_BYTES - 1) & ~(uint64_t)(ND_PAGE_BYTES - 1);

	if (!nd_paging_map(page, page, end - page))
		return NULL;
	nd_paging_use(); /* what was there before is forgotten */
	return nd_at_phys(phys);
}

enum nd_broken nd_breaker_unbind(uint16_t bdf, const char **why)
{
	(void)bdf;
	*why = "the reference kernel has no driver";
	return ND_BROKEN_NEVER;
}

static uint32_t cpuid_ecx(uint32_t leaf)
{
	uint32_t eax = leaf, ebx, ecx, edx;

	__asm__ volatile("cpuid" : "+a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx));
	return ecx;
}

static uint64_t msr_read(uint32_t msr)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
	return (uint64_t)high << 32 | low;
}

static void msr_write(uint32_t msr, uint64_t value)
{
	__asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

enum nd_broken nd_breaker_x2apic(const struct nd_nic *unused, const struct nd_handoff *none,
				 const char **why)
{
	(void)unused;
	(void)none;
	*why = "the CPU has no x2APIC";
	if (!(cpuid_ecx(1) & CPUID_X2APIC))
		return ND_BROKEN_NEVER;
	msr_write(MSR_APIC_BASE, msr_read(MSR_APIC_BASE) | APIC_ON | APIC_X2);
	*why = "the APIC stays in its mode";
	return msr_read(MSR_APIC_BASE) & APIC_X2 ? ND_BROKEN : ND_BROKEN_NOT;
}

enum nd_broken nd_breaker_pcid(const struct nd_nic *unused, const struct nd_handoff *none,
			       const char **why)
{
	uint64_t cr4, cr3;

	(void)unused;
	(void)none;
	*why = "the CPU has no PCID";
	if (!(cpuid_ecx(1) & CPUID_PCID))
		return ND_BROKEN_NEVER;
	__asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
	__asm__ volatile("mov %0, %%cr4" : : "r"(cr4 | CR4_PCIDE));
	__asm__ volatile("mov %%cr3, %0" : "=r"(cr3));
	__asm__ volatile("mov %0, %%cr3" : : "r"(cr3 | SOME_PCID) : "memory");
	__asm__ volatile("mov %%cr3, %0" : "=r"(cr3));
	*why = "CR3 keeps no PCID";
	return (cr3 & PCID_BITS) == SOME_PCID ? ND_BROKEN : ND_BROKEN_NOT;
}

void nd_fault_make(struct nd_word words, uint32_t handoff_phys)
{
	const struct nd_handoff *h =
		(const struct nd_handoff *)nd_breaker_map(handoff_phys, sizeof *h);

	if (h)
		nd_break(words.text, words.bytes, h);
	else
		nd_serial_print("ref: the handoff block cannot be mapped\n");
}
