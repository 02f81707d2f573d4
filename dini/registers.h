/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * registers.h - devices' registers in memory, wherever they are, uncached.
 *
 * What works on them knows these functions only: tests put a model behind them.
 */
#ifndef DINI_REGISTERS_H
#define DINI_REGISTERS_H

#include <stdint.h>

/*
 * From phys on at least 2 MiB, good until the next call.  NULL, which is told, where this CPU has
 * no such address: firmware's tables are not always right.
 */
volatile void *nd_registers_map(uint64_t phys);

uint32_t nd_reg32(const volatile void *base, uint32_t at);
void nd_reg32_set(volatile void *base, uint32_t at, uint32_t value);
uint64_t nd_reg64(const volatile void *base, uint32_t at);
void nd_reg64_set(volatile void *base, uint32_t at, uint64_t value);

#endif
