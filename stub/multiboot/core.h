/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * core.h - the ELF core header that describes this kernel's memory to a dump's reader.
 *
 * Laid out while healthy; at the crash only the registers are filled in.  As in Linux'
 * own header, p_offset is a physical address, for notes and memory alike.
 */
#ifndef STUB_MULTIBOOT_CORE_H
#define STUB_MULTIBOOT_CORE_H

#include <stdint.h>

#include "stub/multiboot/ram.h"
#include "stub/multiboot/trap.h"

void nd_core_open(const struct nd_ram *ram);
void nd_core_registers(const struct nd_regs *regs);

uint64_t nd_core_phys(void);
uint64_t nd_core_bytes(void); /* ELF header and program headers */

#endif
