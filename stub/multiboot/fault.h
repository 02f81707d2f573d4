/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fault.h - breaks the machine as the lab's faults say.  Long mode. */
#ifndef STUB_MULTIBOOT_FAULT_H
#define STUB_MULTIBOOT_FAULT_H

#include "stub/common/words.h"

/* The words of tests/faults/breaker/breaks.h, with commas between them. */
void nd_fault_make(struct nd_word words, uint32_t handoff_phys);

#endif
