/* SPDX-License-Identifier: GPL-2.0-or-later */
/* phys.h - physical memory where it is a pointer: paging off, or mapped one to one. */
#ifndef STUB_COMMON_PHYS_H
#define STUB_COMMON_PHYS_H

#include <stdint.h>

/* Opaque, or the compiler takes page 0 for NULL and what lies there for out of bounds. */
static inline void *nd_at_phys(uintptr_t phys)
{
	__asm__("" : "+r"(phys));
	return (void *)phys;
}

#endif
