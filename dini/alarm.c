// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * alarm.c - interrupts firmware that does not return.  Long mode, or 32-bit in a guest.
 *
 * Why this clock and no other: it is in every machine, at the same ports and on the same
 * pin; it can be set seconds ahead; and no firmware needs it, as it may need the PIT's tick.
 * Registers: Motorola MC146818A; Intel 82093AA (I/O APIC).
 */
#include "dini/alarm.h"

#include "dini/io.h"
#include "dini/ports.h"

#define SECONDS       0x00
#define ALARM_SECONDS 0x01
#define ALARM_MINUTES 0x03
#define ALARM_HOURS   0x05
#define ALARM_ANY     0xFF
#define STATUS_A      0x0A
#define A_RATE        0x0F
#define A_RATE_1024HZ 0x06
#define STATUS_B      0x0B
#define B_SET         0x80 /* the clock stands still */
#define B_PERIODIC    0x40
#define B_ALARM       0x20
#define B_UPDATED     0x10
#define B_BINARY      0x04
#define STATUS_C      0x0C /* to read it lowers the clock's line */
#define STATUS_D      0x0D /* newer ones: the alarm's day, 0: any */

#define DAY_OF_ALARM  0x3F
#define ENTRY_MASKED  0x10000u
#define ENTRY_NMI     0x400u /* fixed destination, edge, active high, not masked */
#define PIN_CLOCK     8
#define SECONDS_TRIES 8
#define PROOF_POLLS   50000 /* of some microseconds each */
#define PROOF_PAUSES  32    /* in which an emulator gets to its clock */

volatile uint32_t nd_alarm_nmis; /* vectors.asm counts */

static uint8_t cmos_read(uint8_t at)
{
	nd_outb(CMOS_INDEX, CMOS_NMI_OFF | at);
	return nd_inb(CMOS_DATA);
}

static void cmos_write(uint8_t at, uint8_t value)
{
	nd_outb(CMOS_INDEX, CMOS_NMI_OFF | at);
	nd_outb(CMOS_DATA, value);
}

static uint8_t bcd_from(unsigned int n)
{
	return (uint8_t)(n / 10 << 4 | n % 10);
}

static unsigned int bcd_to(uint8_t bcd)
{
	return (bcd >> 4) * 10u + (bcd & 0x0F);
}

/* The clock changes under the reader's hand: what was read twice is right. */
static unsigned int seconds_read(bool binary)
{
	uint8_t now = cmos_read(SECONDS);

	for (unsigned int i = 0; i < SECONDS_TRIES; i++) {
		uint8_t again = cmos_read(SECONDS);

		if (again == now)
			break;
		now = again;
	}
	return binary ? now : bcd_to(now);
}

/* What the clock raises its line for, and the line down. */
static void sources_set(uint8_t sources)
{
	uint8_t b = cmos_read(STATUS_B) & (uint8_t) ~(B_SET | B_PERIODIC | B_ALARM | B_UPDATED);

	cmos_write(STATUS_B, b);
	cmos_read(STATUS_C);
	cmos_write(STATUS_B, b | sources);
}

static uint32_t ioapic_read(uint32_t phys, uint8_t reg)
{
	volatile uint32_t *select = nd_low(phys + IOAPIC_INDEX), *data = nd_low(phys + IOAPIC_DATA);

	*select = reg;
	return *data;
}

static void ioapic_write(uint32_t phys, uint8_t reg, uint32_t value)
{
	volatile uint32_t *select = nd_low(phys + IOAPIC_INDEX), *data = nd_low(phys + IOAPIC_DATA);

	*select = reg;
	*data = value;
}

static bool has_pin(uint32_t ioapic_phys)
{
	return (ioapic_read(ioapic_phys, IOAPIC_VERSION) >> 16 & 0xFF) >= PIN_CLOCK;
}

void nd_alarm_init(uint32_t ioapic_phys)
{
	uint32_t this_cpu =
		nd_cpuid(1).ebx & 0xFF000000u; /* its APIC's number, as the entry has it */

	sources_set(0);
	if (!has_pin(ioapic_phys))
		return;
	ioapic_write(ioapic_phys, IOAPIC_TABLE + 2 * PIN_CLOCK + 1, this_cpu);
	ioapic_write(ioapic_phys, IOAPIC_TABLE + 2 * PIN_CLOCK, ENTRY_NMI);
}

bool nd_alarm_works(void)
{
	uint32_t before = nd_alarm_nmis;

	cmos_write(STATUS_A, (uint8_t)((cmos_read(STATUS_A) & ~A_RATE) | A_RATE_1024HZ));
	sources_set(B_PERIODIC);
	for (unsigned int i = 0; i < PROOF_POLLS && nd_alarm_nmis == before; i++) {
		nd_outb(POST_PORT, 0);
		for (unsigned int k = 0; k < PROOF_PAUSES; k++)
			__asm__ volatile("pause");
	}
	sources_set(0);
	return nd_alarm_nmis != before;
}

void nd_alarm_set(unsigned int seconds)
{
	bool binary = cmos_read(STATUS_B) & B_BINARY;
	unsigned int at = (seconds_read(binary) + seconds) % 60;

	cmos_write(ALARM_SECONDS, binary ? (uint8_t)at : bcd_from(at));
	cmos_write(ALARM_MINUTES, ALARM_ANY);
	cmos_write(ALARM_HOURS, ALARM_ANY);
	cmos_write(STATUS_D, 0);
	sources_set(B_ALARM);
}

void nd_alarm_stop(void)
{
	sources_set(0);
}

void nd_alarm_keep(struct nd_alarm_kept *kept, uint32_t ioapic_phys)
{
	kept->ioapic_phys = has_pin(ioapic_phys) ? ioapic_phys : 0;
	if (kept->ioapic_phys) {
		kept->entry_low = ioapic_read(ioapic_phys, IOAPIC_TABLE + 2 * PIN_CLOCK);
		kept->entry_high = ioapic_read(ioapic_phys, IOAPIC_TABLE + 2 * PIN_CLOCK + 1);
	}
	kept->status_a = cmos_read(STATUS_A);
	kept->status_b = cmos_read(STATUS_B);
	kept->seconds = cmos_read(ALARM_SECONDS);
	kept->minutes = cmos_read(ALARM_MINUTES);
	kept->hours = cmos_read(ALARM_HOURS);
	kept->day = cmos_read(STATUS_D);
}

void nd_alarm_give_back(const struct nd_alarm_kept *kept)
{
	sources_set(0);
	if (kept->ioapic_phys) {
		ioapic_write(kept->ioapic_phys, IOAPIC_TABLE + 2 * PIN_CLOCK, ENTRY_MASKED);
		ioapic_write(kept->ioapic_phys, IOAPIC_TABLE + 2 * PIN_CLOCK + 1, kept->entry_high);
		ioapic_write(kept->ioapic_phys, IOAPIC_TABLE + 2 * PIN_CLOCK, kept->entry_low);
	}
	cmos_write(STATUS_A, kept->status_a);
	cmos_write(ALARM_SECONDS, kept->seconds);
	cmos_write(ALARM_MINUTES, kept->minutes);
	cmos_write(ALARM_HOURS, kept->hours);
	cmos_write(STATUS_D, kept->day & DAY_OF_ALARM);
	cmos_write(STATUS_B, kept->status_b);
	nd_outb(CMOS_INDEX, STATUS_D); /* with NMIs open again, as the index's upper bit has it */
	nd_inb(CMOS_DATA);
}
