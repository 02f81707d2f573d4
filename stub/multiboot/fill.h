/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fill.h - memory contents that say where they belong, for comparing a dump with.
 *
 * Page number N (physical address / 4096) has the kind N / 64 % 3:
 *   text    64 lines of 64 bytes: "ref page 0x%016x line %02u" of the page's physical
 *           address and the line's number, then dots, then a newline
 *   random  512 words of xorshift64 (13, 7, 17) from the seed (N + 1) * 0x9E3779B97F4A7C15,
 *           the first word being the state after one step
 *   zero    zeros
 * `some` fills the first page of each 64, `all` fills them all; `random` fills them all
 * with the kind of that name, which no compressor makes smaller.
 */
#ifndef STUB_MULTIBOOT_FILL_H
#define STUB_MULTIBOOT_FILL_H

#include <stdint.h>

#include "stub/multiboot/ram.h"

enum nd_fill { ND_FILL_NONE, ND_FILL_SOME, ND_FILL_ALL, ND_FILL_RANDOM };

/* Fills what is mapped at ND_DIRECT_LIN; returns pages. */
uint64_t nd_fill_ram(const struct nd_ram *ram, enum nd_fill fill);

#endif
