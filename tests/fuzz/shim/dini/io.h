/* SPDX-License-Identifier: GPL-2.0-or-later */
/* io.h - in the place of dini/io.h: no ports, and memory that is made up. */
#ifndef DINI_IO_H
#define DINI_IO_H

#include "tests/fuzz/shim/phys.h"

struct nd_cpuid {
	uint32_t eax, ebx, ecx, edx;
};

/* A CPU with 40 bits of physical address. */
static inline struct nd_cpuid nd_cpuid(uint32_t leaf)
{
	return (struct nd_cpuid){.eax = leaf == 0x80000000 ? 0x80000008 : 40};
}

/* Of a test that has ports. */
void nd_outb(uint16_t port, uint8_t value);
void nd_outw(uint16_t port, uint16_t value);

static inline void *nd_low(uint32_t phys)
{
	return nd_fuzz_phys + phys;
}

#endif
