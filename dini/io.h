/* SPDX-License-Identifier: GPL-2.0-or-later */
/* io.h - ports and CPU registers, and memory below 4 GiB.  Long mode, ring 0. */
#ifndef DINI_IO_H
#define DINI_IO_H

#include <stdint.h>

static inline void nd_outb(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline uint8_t nd_inb(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

static inline void nd_outw(uint16_t port, uint16_t value)
{
	__asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline uint16_t nd_inw(uint16_t port)
{
	uint16_t value;

	__asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

static inline void nd_outl(uint16_t port, uint32_t value)
{
	__asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline uint32_t nd_inl(uint16_t port)
{
	uint32_t value;

	__asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

/* An MSR that this CPU does not have reads as 0 and takes no write: vectors.asm. */
static inline uint64_t nd_rdmsr(uint32_t msr)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
	return (uint64_t)high << 32 | low;
}

static inline void nd_wrmsr(uint32_t msr, uint64_t value)
{
	__asm__ volatile("wrmsr"
			 :
			 : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
			 : "memory");
}

static inline uint64_t nd_rdtsc(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

/* Only where CPUID has it.  0 where the source stays empty. */
static inline uint64_t nd_rdrand(void)
{
	uint64_t drawn = 0;
	uint8_t good = 0;

	for (unsigned int i = 0; i < 10 && !good; i++)
		__asm__ volatile("rdrand %0; setc %1" : "=r"(drawn), "=q"(good) : : "cc");
	return good ? drawn : 0;
}

struct nd_cpuid {
	uint32_t eax, ebx, ecx, edx;
};

static inline struct nd_cpuid nd_cpuid(uint32_t leaf)
{
	struct nd_cpuid r;

	__asm__ volatile("cpuid"
			 : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
			 : "a"(leaf), "c"(0));
	return r;
}

/* Physical memory below 4 GiB; hidden from the compiler, which has views about page 0. */
static inline void *nd_low(uint32_t phys)
{
	uintptr_t linear = phys;

	__asm__("" : "+r"(linear));
	return (void *)linear;
}

#endif
