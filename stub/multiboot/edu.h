/* SPDX-License-Identifier: GPL-2.0-or-later */
/* edu.h - QEMU's "edu" device: a DMA engine that does as it is told. */
#ifndef STUB_MULTIBOOT_EDU_H
#define STUB_MULTIBOOT_EDU_H

#include <stdint.h>

/* Has it write to this kernel's memory, and then to fenced memory, and prints what came of it. */
void nd_edu_check(uint32_t fenced_phys);

#endif
