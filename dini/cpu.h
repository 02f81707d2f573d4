/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cpu.h - what the system has the CPU do besides running code. */
#ifndef DINI_CPU_H
#define DINI_CPU_H

/*
 * The others wait for good, whatever they were at: one that the system could not stop would go on
 * writing.  Only the CPU that started the machine can do this: told so itself, it would start the
 * BIOS anew.  On any other, nothing is done.
 */
void nd_cpu_stop_others(void);

/* Breakpoints, counters, traces and the LAPIC's own interrupts off; xAPIC mode. */
void nd_cpu_quiesce(void);

#endif
