/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cpu.h - what the system has the CPU do besides running code. */
#ifndef DINI_CPU_H
#define DINI_CPU_H

#include <stdint.h>

/*
 * The others wait for good, whatever they were at: one that the system could not stop would go on
 * writing.  But not the CPU that started the machine, with this number of its local APIC: told so
 * it would start the BIOS anew.
 */
void nd_cpu_stop_others(uint8_t first_apic);

/* Breakpoints, counters, traces and the LAPIC's own interrupts off; xAPIC mode. */
void nd_cpu_quiesce(void);

#endif
