// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * chipset.c - NMI sources, I/O APICs, HPET, PICs, PIT.  Long mode.
 *
 * Registers: Intel 82093AA (I/O APIC), IA-PC HPET 1.0a section 2.3, 8259A, 8254; ports 61h, 70h,
 * 4D0h as in any ICH.
 */
#include "dini/chipset.h"

#include <stddef.h>

#include "dini/alarm.h"
#include "dini/io.h"
#include "dini/lines.h"
#include "dini/ports.h"
#include "dini/registers.h"

#define CMOS_SHUTDOWN 0x0F
#define PORT_B        0x61
#define PORT_B_STATUS 0xF0 /* read-only, to be written as 0 */
#define PORT_B_NO_NMI 0x0C /* neither from SERR# nor from IOCHK# */
#define PIC1          0x20
#define PIC2          0xA0
#define ELCR          0x4D0
#define IRQ_TICK      0x01
#define IRQ_CASCADE   0x04 /* the second PIC's */
#define PIT_CHANNEL_0 0x40
#define PIT_COMMAND   0x43

#define IOAPIC_MASKED 0x10000u

#define HPET_CAPABILITIES   0x000
#define HPET_CONFIGURATION  0x010
#define HPET_RUNS           0x1u
#define HPET_LEGACY         0x2u /* its timers instead of PIT and RTC: no BIOS tick */
#define HPET_COUNTER        0x0F0
#define HPET_TIMER          0x100
#define HPET_TIMER_BYTES    0x20
#define HPET_TIMER_SPEAKS   0x4004u /* interrupt, or a message in its place */
#define HPET_TIMER_PERIODIC 0x8u
#define HPET_COMPARATOR     0x08
#define HPET_SOON           0x1000u /* counts, of 100 ns or less */

static void nmi_mask(void)
{
	nd_outb(CMOS_INDEX, CMOS_NMI_OFF | CMOS_SHUTDOWN);
	nd_outb(CMOS_DATA, 0); /* a reset is a cold start */
	nd_outb(PORT_B, (uint8_t)((nd_inb(PORT_B) & ~PORT_B_STATUS) | PORT_B_NO_NMI));
}

static void ioapic_mask(uint64_t phys)
{
	volatile void *chip = nd_registers_map(phys);
	uint32_t version;

	if (!chip)
		return;
	nd_reg32_set(chip, IOAPIC_INDEX, IOAPIC_VERSION);
	version = nd_reg32(chip, IOAPIC_DATA);
	if (version == ~0u)
		return;
	for (uint32_t i = 0; i <= (version >> 16 & 0xFF); i++) {
		nd_reg32_set(chip, IOAPIC_INDEX, IOAPIC_TABLE + 2 * i);
		nd_reg32_set(chip, IOAPIC_DATA, IOAPIC_MASKED);
		nd_reg32_set(chip, IOAPIC_INDEX, IOAPIC_TABLE + 2 * i + 1);
		nd_reg32_set(chip, IOAPIC_DATA, 0);
	}
}

/* Its counter goes on, or is started: firmware may measure time by it. */
static void hpet_quiet(uint64_t phys)
{
	volatile void *chip = nd_registers_map(phys);
	uint32_t capabilities = chip ? nd_reg32(chip, HPET_CAPABILITIES) : ~0u;
	uint32_t configuration;

	if (capabilities == ~0u)
		return;
	for (uint32_t i = 0; i <= (capabilities >> 8 & 0x1F); i++) {
		uint32_t at = HPET_TIMER + i * HPET_TIMER_BYTES;

		nd_reg32_set(chip, at, nd_reg32(chip, at) & ~HPET_TIMER_SPEAKS);
	}
	configuration = nd_reg32(chip, HPET_CONFIGURATION);
	nd_reg32_set(chip, HPET_CONFIGURATION, (configuration & ~HPET_LEGACY) | HPET_RUNS);
}

static void pic_write(uint16_t port, uint8_t value)
{
	nd_outb(port, value);
	nd_outb(POST_PORT, 0); /* the time that old ones need */
}

/*
 * Vectors 08h and 70h as the BIOS sets them; only the BIOS tick comes through.  Firmware that waits
 * for its NIC's interrupt, as iPXE over another UNDI does, opens that line alone, and not the way
 * there.
 */
static void pic_init(uint16_t elcr)
{
	pic_write(PIC1 + 1, 0xFF);
	pic_write(PIC2 + 1, 0xFF);
	pic_write(PIC1, 0x11);
	pic_write(PIC2, 0x11);
	pic_write(PIC1 + 1, 0x08);
	pic_write(PIC2 + 1, 0x70);
	pic_write(PIC1 + 1, 0x04);
	pic_write(PIC2 + 1, 0x02);
	pic_write(PIC1 + 1, 0x01);
	pic_write(PIC2 + 1, 0x01);
	if (elcr != 0xFFFF) { /* the chipset has it */
		nd_outb(ELCR, (uint8_t)elcr);
		nd_outb(ELCR + 1, (uint8_t)(elcr >> 8));
	}
	pic_write(PIC1 + 1, 0xFF & ~(IRQ_TICK | IRQ_CASCADE));
	pic_write(PIC2 + 1, 0xFF);
}

/* Channel 0, mode 3, count 65536: the BIOS tick. */
static void pit_init(void)
{
	nd_outb(PIT_COMMAND, 0x36);
	nd_outb(PIT_CHANNEL_0, 0);
	nd_outb(PIT_CHANNEL_0, 0);
}

void nd_chipset_quiesce(const struct nd_handoff *h)
{
	nmi_mask();
	for (uint32_t i = 0; i < h->device_count; i++) {
		if (h->device[i].kind == ND_DEVICE_IOAPIC)
			ioapic_mask(h->device[i].phys);
		else if (h->device[i].kind == ND_DEVICE_HPET)
			hpet_quiet(h->device[i].phys);
	}
	pic_init(h->elcr);
	nd_lines_join();
	pit_init();
}

/* The first, as boot found them. */
uint32_t nd_chipset_ioapic_phys(const struct nd_handoff *h)
{
	for (uint32_t i = 0; i < h->device_count; i++)
		if (h->device[i].kind == ND_DEVICE_IOAPIC && h->device[i].phys < UINT32_MAX)
			return (uint32_t)h->device[i].phys;
	return ND_IOAPIC_PHYS;
}

static const struct nd_device *hpet_find(const struct nd_handoff *h)
{
	for (uint32_t i = 0; i < h->device_count; i++)
		if (h->device[i].kind == ND_DEVICE_HPET)
			return &h->device[i];
	return NULL;
}

void nd_chipset_hpet_aside(const struct nd_handoff *h, struct nd_hpet_kept *kept)
{
	const struct nd_device *hpet = hpet_find(h);
	volatile void *chip = hpet ? nd_registers_map(hpet->phys) : NULL;

	kept->phys = 0;
	if (!chip || nd_reg32(chip, HPET_CAPABILITIES) == ~0u)
		return;
	kept->configuration = nd_reg32(chip, HPET_CONFIGURATION);
	if (!(kept->configuration & HPET_LEGACY))
		return;
	kept->phys = hpet->phys;
	kept->counter = nd_reg32(chip, HPET_COUNTER);
	for (unsigned int i = 0; i < HPET_LEGACY_TIMERS; i++) {
		uint32_t at = HPET_TIMER + i * HPET_TIMER_BYTES;

		kept->timer[i] = nd_reg32(chip, at);
		nd_reg32_set(chip, at, kept->timer[i] & ~HPET_TIMER_SPEAKS);
	}
	nd_reg32_set(chip, HPET_CONFIGURATION, kept->configuration & ~HPET_LEGACY);
}

/* One that came to its time meanwhile does so again, a little later than now. */
static void hpet_timer_back(volatile void *chip, const struct nd_hpet_kept *kept, unsigned int i)
{
	uint32_t at = HPET_TIMER + i * HPET_TIMER_BYTES;
	uint32_t wanted = nd_reg32(chip, at + HPET_COMPARATOR) - kept->counter;

	nd_reg32_set(chip, at, kept->timer[i]);
	if ((kept->timer[i] & HPET_TIMER_SPEAKS) && !(kept->timer[i] & HPET_TIMER_PERIODIC) &&
	    wanted <= nd_reg32(chip, HPET_COUNTER) - kept->counter)
		nd_reg32_set(chip, at + HPET_COMPARATOR, nd_reg32(chip, HPET_COUNTER) + HPET_SOON);
}

void nd_chipset_hpet_back(const struct nd_hpet_kept *kept)
{
	volatile void *chip = kept->phys ? nd_registers_map(kept->phys) : NULL;

	if (!chip)
		return;
	nd_reg32_set(chip, HPET_CONFIGURATION, kept->configuration);
	for (unsigned int i = 0; i < HPET_LEGACY_TIMERS; i++)
		hpet_timer_back(chip, kept, i);
}
