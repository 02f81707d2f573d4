/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * image.h - the memory of a small crashed Linux, for the fuzzers to spoil.
 *
 * 64 pages from physical 0 on: page tables, a printk ring, an ELF core header, notes.  The
 * kernel's map at ND_IMAGE_KERNEL shows all of it through one large page; the ring's text
 * is mapped a page at a time.
 */
#ifndef TESTS_FUZZ_IMAGE_H
#define TESTS_FUZZ_IMAGE_H

#include "netdump/wire.h"
#include "tests/fuzz/input.h"

#define ND_IMAGE_PAGES      64u
#define ND_IMAGE_BYTES      (ND_IMAGE_PAGES * ND_PAGE_BYTES)
#define ND_IMAGE_KERNEL     0xffffffff80000000u
#define ND_IMAGE_CR3        0x1000u
#define ND_IMAGE_ELFCOREHDR 0x10000u
#define ND_IMAGE_RAM        0x1000u  /* to the end */
#define ND_IMAGE_REST       0x13000u /* from here on nothing has a meaning */

/* What dmesg shows of it. */
extern const char nd_image_log[];

void nd_image_make(uint8_t memory[ND_IMAGE_BYTES]);

/*
 * With page structures, and a VMCOREINFO that describes them: the first half of what is behind
 * ND_IMAGE_REST is free, of the second every other page belongs to a process.
 */
#define ND_IMAGE_FREE    0x20u /* pages' numbers */
#define ND_IMAGE_USER    0x30u
#define ND_IMAGE_STRUCTS 0xf000u
void nd_image_structs_put(uint8_t memory[ND_IMAGE_BYTES]);

/*
 * Writes some of the input's bytes over something that a parser looks at:
 * region u8, offset u16 (both taken modulo), bytes u8 (1 .. 64), the bytes; or, for the
 * region behind the last, count u8: the first program header stands there so often.
 */
void nd_image_spoil(uint8_t memory[ND_IMAGE_BYTES], struct nd_input *in);

#endif
