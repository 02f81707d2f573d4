// SPDX-License-Identifier: GPL-2.0-or-later
/* upset.c - HPET, I/O APIC, PICs, disk, watchdog, breakpoints, NMI, A20.  32-bit flat mode. */
#include "upset.h"

#include <stdbool.h>

#include "bare.h"
#include "ports.h"

#define HPET_PHYS     0xFED00000u
#define IOAPIC_PHYS   0xFEC00000u
#define IOAPIC_LINES  24
#define ALARM_LINE    8               /* the real-time clock, as an NMI: dini/alarm.c */
#define AHCI          (0x1F << 3 | 2) /* part of the chipset: always there */
#define AHCI_CLASS    0x0106
#define WATCHDOG_ID   0x25AB8086u
#define WATCHDOG_LOCK 0x68
#define WATCHDOG_ON   2
#define BUS_MASTER    4u
#define LINE_OFF      0x400u
#define BDA_PHYS      0x400
#define PORT_A        0x92
#define LAPIC_PHYS    0xFEE00000u
#define ICR_NMI       0x4400u
#define IDT_GATE      0x8E00
#define NMI           2

static volatile uint32_t *reg(uint32_t at)
{
	return phys(at);
}

static uint32_t ioapic(uint32_t index)
{
	*reg(IOAPIC_PHYS) = index;
	return *reg(IOAPIC_PHYS + 0x10);
}

static void ioapic_set(uint32_t index, uint32_t value)
{
	*reg(IOAPIC_PHYS) = index;
	*reg(IOAPIC_PHYS + 0x10) = value;
}

static void pics_remap(void)
{
	static const uint8_t words[][2] = {
		{0x20, 0x11}, {0xA0, 0x11}, {0x21, 0x20}, {0xA1, 0x28}, {0x21, 4},
		{0xA1, 2},    {0x21, 1},    {0xA1, 1},    {0x21, 0},    {0xA1, 0},
	};

	for (unsigned int i = 0; i < sizeof words / sizeof words[0]; i++)
		outb(words[i][0], words[i][1]);
	outb(ELCR, inb(ELCR) ^ 0x20);
	outb(ELCR + 1, inb(ELCR + 1) ^ 0x0C);
}

/* Where there is one: 0 for none. */
static uint16_t watchdog(void)
{
	for (uint16_t bdf = 8; bdf < 256; bdf++)
		if (config_read(bdf, 0) == WATCHDOG_ID)
			return bdf;
	return 0;
}

/* That register is there for byte-wide cycles only. */
static bool watchdog_is_on(uint16_t bdf)
{
	config_read(bdf, WATCHDOG_LOCK);
	return inb(0xCFC) & WATCHDOG_ON;
}

static void watchdog_arm(void)
{
	uint16_t bdf = watchdog();

	if (!bdf)
		return;
	config_read(bdf, WATCHDOG_LOCK);
	outb(0xCFC, WATCHDOG_ON);
	CHECK(watchdog_is_on(bdf));
}

static void disk_upset(void)
{
	CHECK(config_read(AHCI, 8) >> 16 == AHCI_CLASS);
	config_write(AHCI, 4, (config_read(AHCI, 4) & 0xFFFF) | BUS_MASTER);
	CHECK(config_read(AHCI, 4) & BUS_MASTER);
}

/* DINI writes here when it puts back what the BIOS had. */
static void breakpoint_set(void)
{
	__asm__ volatile("mov %0, %%dr0" : : "r"(BDA_PHYS));
	__asm__ volatile("mov %0, %%dr7" : : "r"(0x000D0402)); /* writes of 4 bytes */
}

/* All that comes now is in an NMI's handler, as after a watchdog's panic: none returns from it. */
static void nmi_enter(void)
{
	static struct {
		uint16_t low, selector, type, high;
	} idt[NMI + 1];
	struct {
		uint16_t limit;
		uint32_t base;
	} __attribute__((packed)) before, ours = {sizeof idt - 1, (uint32_t)idt};
	uint32_t handler;

	idt[NMI].type = IDT_GATE;
	__asm__ volatile("mov %%cs, %0" : "=m"(idt[NMI].selector));
	__asm__ volatile("sidt %0" : "=m"(before));
	*reg(LAPIC_PHYS + 0x310) = *reg(LAPIC_PHYS + 0x20); /* to this CPU */
	__asm__ volatile("mov $1f, %0\n\t"
			 "movw %w0, %1\n\t"
			 "shr $16, %0\n\t"
			 "movw %w0, %2\n\t"
			 "lidt %3\n\t"
			 "mov %%esp, %0\n\t"
			 "movl %4, (%5)\n"
			 "0:\thlt\n\t"
			 "jmp 0b\n"
			 "1:\tmov %0, %%esp"
			 : "=&r"(handler), "=m"(idt[NMI].low), "=m"(idt[NMI].high)
			 : "m"(ours), "i"(ICR_NMI), "r"(reg(LAPIC_PHYS + 0x300))
			 : "memory", "cc");
	__asm__ volatile("lidt %0" : : "m"(before));
}

void upset(void)
{
	nmi_enter();
	CHECK(*reg(HPET_PHYS) != ~0u);
	*reg(HPET_PHYS + 0x100) |= 4;
	*reg(HPET_PHYS + 0x10) = 3; /* legacy: the PIT's tick is cut off */
	CHECK((*reg(HPET_PHYS + 0x10) & 3) == 3);
	ioapic_set(0x10 + 2 * 2, 0x51);
	ioapic_set(0x10 + 2 * 4, 0x52);
	CHECK(!(ioapic(0x10 + 2 * 4) & 0x10000));
	pics_remap();
	disk_upset();
	watchdog_arm();
	breakpoint_set();
	*reg(0x100000) = ~*reg(0);
	outb(PORT_A, inb(PORT_A) & 0xFC);
	CHECK(*reg(0x100000) == *reg(0));
}

void upset_check(const struct nd_handoff *h)
{
	uint16_t bdf = watchdog();
	uint32_t dr7;

	*reg(0x100000) = ~*reg(0);
	CHECK(*reg(0x100000) != *reg(0));
	CHECK(!(*reg(HPET_PHYS + 0x10) & 2) && !(*reg(HPET_PHYS + 0x100) & 4));
	for (uint32_t i = 0; i < IOAPIC_LINES; i++)
		CHECK(i == ALARM_LINE ? (ioapic(0x10 + 2 * i) & 0x10700) == 0x400
				      : ioapic(0x10 + 2 * i) & 0x10000);
	CHECK(inb(0x21) == 0xFA && inb(0xA1) == 0xFF);
	CHECK(inb(ELCR) == (h->elcr & 0xFF) && inb(ELCR + 1) == h->elcr >> 8);
	CHECK((config_read(AHCI, 4) & (BUS_MASTER | LINE_OFF)) == LINE_OFF);
	CHECK(!bdf || !watchdog_is_on(bdf));
	__asm__ volatile("mov %%dr7, %0" : "=r"(dr7));
	CHECK(dr7 == 0x400);
}
