/* SPDX-License-Identifier: GPL-2.0-or-later */
/* registers.h - devices' registers in memory, wherever they are, uncached. */
#ifndef DINI_REGISTERS_H
#define DINI_REGISTERS_H

#include <stdint.h>

/* From phys on at least 2 MiB.  Good until the next call. */
volatile void *nd_registers_map(uint64_t phys);

static inline uint32_t nd_reg32(const volatile void *base, uint32_t at)
{
	return *(const volatile uint32_t *)((const volatile char *)base + at);
}

static inline void nd_reg32_set(volatile void *base, uint32_t at, uint32_t value)
{
	*(volatile uint32_t *)((volatile char *)base + at) = value;
}

static inline uint64_t nd_reg64(const volatile void *base, uint32_t at)
{
	return *(const volatile uint64_t *)((const volatile char *)base + at);
}

static inline void nd_reg64_set(volatile void *base, uint32_t at, uint64_t value)
{
	*(volatile uint64_t *)((volatile char *)base + at) = value;
}

#endif
