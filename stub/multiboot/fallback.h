/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fallback.h - what this kernel does without a network dump: a report on the serial line, then
 * a halt or a reset.  Long mode, interrupts off.
 */
#ifndef STUB_MULTIBOOT_FALLBACK_H
#define STUB_MULTIBOOT_FALLBACK_H

#include <stdbool.h>

#include "stub/multiboot/trap.h"

/* While healthy. */
void nd_fallback_open(bool reboot);

/* Reason, registers, and who called whom. */
void nd_fallback_report(const char *reason, const struct nd_regs *regs);
void nd_fallback_end(void) __attribute__((noreturn));

#endif
