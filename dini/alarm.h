/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * alarm.h - interrupts firmware that does not return.
 *
 * Firmware runs with interrupts off, so only an NMI reaches it: the real-time clock's alarm,
 * whose line the I/O APIC delivers as one.  The gate gives up the call that it finds
 * (handoff.h "Calling the gate"); in DINI's own code it is only counted.
 */
#ifndef DINI_ALARM_H
#define DINI_ALARM_H

#include <stdbool.h>
#include <stdint.h>

#define ND_IOAPIC_PHYS 0xFEC00000u /* where it is unless ACPI says otherwise */
#define ND_ALARM_MAX_S 50          /* the clock's alarm comes round every minute */

/*
 * Directs the clock's line to this CPU, through the I/O APIC that has interrupt 0 of the
 * machine.  After nd_quiesce(), which masks every other.
 */
void nd_alarm_init(uint32_t ioapic_phys);

/* Whether it works: waits for one, half a second at most.  In long mode, with DINI's vectors. */
bool nd_alarm_works(void);

/* An NMI in so many seconds, or up to one less; 2 .. ND_ALARM_MAX_S.  Instead of any before. */
void nd_alarm_set(unsigned int seconds);
void nd_alarm_stop(void);

/* What the alarm changes, for a system that goes on: the clock's registers, its pin's entry. */
struct nd_alarm_kept {
	uint32_t ioapic_phys; /* 0: it has no such pin */
	uint32_t entry_low, entry_high;
	uint8_t status_a, status_b, seconds, minutes, hours, day;
};

void nd_alarm_keep(struct nd_alarm_kept *kept, uint32_t ioapic_phys);
/* The alarm is off then. */
void nd_alarm_give_back(const struct nd_alarm_kept *kept);

#endif
