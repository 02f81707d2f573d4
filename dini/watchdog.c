// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * watchdog.c - Intel's 6300ESB timer (a PCI function of its own; virtual machines have it) and
 * the TCO timer of ICH chipsets.  Long mode.
 *
 * Registers: Intel 6300ESB datasheet section 16; ICH9 datasheet sections 13.1 and 13.9.
 */
#include "dini/watchdog.h"

#include "dini/config.h"
#include "dini/console.h"
#include "dini/io.h"

#define CONFIG_DATA 0xCFC

#define ESB_ID   0x25AB8086u
#define ESB_LOCK 0x68 /* one byte */
#define ESB_ON   0x02
#define BUS_0    0x100 /* functions on it */

#define ICH_ACPI_BASE 0x40 /* bit 0: ports */
#define ICH_ACPI_ON   0x44
#define ICH_ACPI_ON_6 0x80 /* from ICH6 on; */
#define ICH_ACPI_ON_0 0x10 /* before */
#define TCO_AT        0x60 /* behind ACPI's ports */
#define TCO1_CONTROL  0x08
#define TCO_HALT      0x0800

/* It answers byte-wide cycles only; the read before says where. */
static uint8_t esb_lock_read(uint16_t bdf)
{
	nd_config_read(bdf, ESB_LOCK);
	return nd_inb(CONFIG_DATA);
}

static void esb_lock_write(uint16_t bdf, uint8_t value)
{
	nd_config_read(bdf, ESB_LOCK);
	nd_outb(CONFIG_DATA, value);
}

static void esb_stop(uint16_t bdf)
{
	uint8_t lock = esb_lock_read(bdf);

	if (!(lock & ESB_ON))
		return;
	esb_lock_write(bdf, 0);
	lock = esb_lock_read(bdf);
	nd_say("watchdog 6300esb: %s", lock & ESB_ON ? "locked, goes on" : "stopped");
}

/* Later chipsets have nothing at these places, and read as 0 there. */
static void tco_stop(void)
{
	uint32_t base = nd_config_read(LPC, ICH_ACPI_BASE);
	uint32_t on = nd_config_read(LPC, ICH_ACPI_ON);
	uint16_t tco = (uint16_t)((base & 0xFF80) + TCO_AT);
	uint16_t control;

	if (!nd_config_has_lpc() || (base & 0xFFFF007F) != 1 || !(base & 0xFF80) ||
	    !(on & (ICH_ACPI_ON_6 | ICH_ACPI_ON_0)))
		return;
	control = nd_inw((uint16_t)(tco + TCO1_CONTROL));
	if (control & TCO_HALT)
		return;
	nd_outw((uint16_t)(tco + TCO1_CONTROL), control | TCO_HALT);
	control = nd_inw((uint16_t)(tco + TCO1_CONTROL));
	nd_say("watchdog tco: %s", control & TCO_HALT ? "stopped" : "goes on");
}

void nd_watchdog_stop(void)
{
	for (uint16_t bdf = 0; bdf < BUS_0; bdf++)
		if (nd_config_read(bdf, 0) == ESB_ID)
			esb_stop(bdf);
	tco_stop();
}
