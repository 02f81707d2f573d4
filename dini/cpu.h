/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cpu.h - what the system has the CPU do besides running code. */
#ifndef DINI_CPU_H
#define DINI_CPU_H

/* Breakpoints, counters, traces and the LAPIC's own interrupts off; xAPIC mode. */
void nd_cpu_quiesce(void);

#endif
