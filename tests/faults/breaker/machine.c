// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * machine.c - see machine.h.
 *
 * Registers: IA-PC HPET 1.0a section 2.3; 8259A; QEMU's docs/specs/edu.txt; Intel 6300ESB
 * datasheet section 16; PIIX3 datasheet section 2.2.11, ICH9 datasheet section 13.1.17.
 */
#include "tests/faults/breaker/machine.h"

#include "stub/common/port.h"

#define HPET_BYTES         0x400
#define HPET_CONFIGURATION (0x10 / 4)
#define HPET_RUNS_LEGACY   3u

#define PIC1       0x20
#define PIC2       0xA0
#define LINUX_IRQ0 0x30 /* where Linux has the first PIC's lines; the second's follow */

#define GARBAGE 0x5A5A5A5Au

#define BUS_0       0x100
#define PCI_MEMORY  2u
#define EDU         0x11E81234u
#define EDU_STATUS  (0x24 / 4)
#define EDU_RAISE   (0x60 / 4)
#define EDU_REGS    0x100
#define ESB         0x25AB8086u
#define ESB_CONFIG  0x60
#define ESB_LOCK    0x68 /* a byte, reached by byte-wide cycles only */
#define ESB_ON      2u
#define ESB_REGS    0x10
#define ESB_STAGE_1 (0x00 / 4)
#define ESB_STAGE_2 (0x04 / 4)
#define ESB_RELOAD  0x0C
#define ESB_STAGE   3000u /* about ms, for each of two stages */
#define CONFIG_DATA 0xCFC

#define PIIX3       0x70008086u
#define ICH9        0x29188086u
#define LINES_FIRST 0x60
#define LINES_LAST  0x68 /* of ICH: four more */
#define LINES_OFF   0x80808080u

/* The first function of its kind on bus 0. */
static bool function_find(uint32_t id, struct nd_nic *function)
{
	for (uint16_t bdf = 0; bdf < BUS_0; bdf++) {
		*function = (struct nd_nic){.bdf = bdf, .id = id};
		if (nd_nic_config(function, 0) == id)
			return true;
	}
	return false;
}

/* Its memory, which is opened; NULL: there is none of its kind. */
static volatile uint8_t *function_open(uint32_t id, struct nd_nic *function, uint32_t bytes)
{
	if (!function_find(id, function))
		return NULL;
	nd_nic_command(function, nd_nic_config(function, PCI_COMMAND) | PCI_MEMORY);
	return nd_nic_memory(function, 0, 0, bytes);
}

enum nd_broken nd_machine_hpet_legacy(const struct nd_nic *unused, const struct nd_handoff *h,
				      const char **why)
{
	volatile uint32_t *hpet = NULL;

	(void)unused;
	for (uint32_t i = 0; i < h->device_count; i++)
		if (h->device[i].kind == ND_DEVICE_HPET)
			hpet = (volatile uint32_t *)nd_breaker_map(h->device[i].phys, HPET_BYTES);
	*why = "there is no HPET";
	if (!hpet)
		return ND_BROKEN_NEVER;
	hpet[HPET_CONFIGURATION] |= HPET_RUNS_LEGACY;
	*why = "the HPET does not take over";
	return (hpet[HPET_CONFIGURATION] & HPET_RUNS_LEGACY) == HPET_RUNS_LEGACY ? ND_BROKEN
										 : ND_BROKEN_NOT;
}

static void pic_set_up(uint16_t port, uint8_t vector, uint8_t cascade)
{
	nd_outb(port, 0x11);
	nd_outb(port + 1, vector);
	nd_outb(port + 1, cascade);
	nd_outb(port + 1, 1);
	nd_outb(port + 1, 0);
}

enum nd_broken nd_machine_pics_open(const struct nd_nic *unused, const struct nd_handoff *none,
				    const char **why)
{
	(void)unused;
	(void)none;
	pic_set_up(PIC1, LINUX_IRQ0, 4);
	pic_set_up(PIC2, LINUX_IRQ0 + 8, 2);
	*why = "a PIC keeps its mask";
	return nd_inb(PIC1 + 1) || nd_inb(PIC2 + 1) ? ND_BROKEN_NOT : ND_BROKEN;
}

/* As ACPI's _DIS does: one bit of each, its input stays. */
static bool four_off(const struct nd_nic *bridge, unsigned int at)
{
	nd_nic_config_set(bridge, at, nd_nic_config(bridge, at) | LINES_OFF);
	return (nd_nic_config(bridge, at) & LINES_OFF) == LINES_OFF;
}

enum nd_broken nd_machine_lines_off(const struct nd_nic *unused, const struct nd_handoff *none,
				    const char **why)
{
	struct nd_nic bridge;
	bool off = false;

	(void)unused;
	(void)none;
	if (function_find(PIIX3, &bridge))
		off = four_off(&bridge, LINES_FIRST);
	else if (function_find(ICH9, &bridge))
		off = four_off(&bridge, LINES_FIRST) && four_off(&bridge, LINES_LAST);
	*why = "there is no ISA bridge of QEMU's machines, or its lines stay on";
	return off ? ND_BROKEN : ND_BROKEN_NOT;
}

enum nd_broken nd_machine_irq_storm(const struct nd_nic *unused, const struct nd_handoff *none,
				    const char **why)
{
	struct nd_nic edu;
	volatile uint32_t *regs = (volatile uint32_t *)function_open(EDU, &edu, EDU_REGS);

	(void)unused;
	(void)none;
	*why = "there is no edu device";
	if (!regs)
		return ND_BROKEN_NEVER;
	regs[EDU_RAISE] = 1;
	*why = "its interrupt does not stay";
	return regs[EDU_STATUS] & 1 ? ND_BROKEN : ND_BROKEN_NOT;
}

enum nd_broken nd_machine_vectors_lost(const struct nd_nic *unused, const struct nd_handoff *none,
				       const char **why)
{
	/* from the second vector on: the first is at NULL where memory is mapped one to one */
	const uint32_t count = ND_LOW_COPY_BYTES / 4 - 1;
	volatile uint32_t *low = nd_breaker_map(4, count * sizeof *low);

	(void)unused;
	(void)none;
	*why = "page 0 cannot be reached";
	if (!low)
		return ND_BROKEN_NOT;
	for (uint32_t i = 0; i < count; i++)
		low[i] = GARBAGE;
	*why = "page 0 does not change";
	for (uint32_t i = 0; i < count; i++)
		if (low[i] != GARBAGE)
			return ND_BROKEN_NOT;
	return ND_BROKEN;
}

/* The next write to its timers is taken. */
static void esb_unlock(volatile uint8_t *regs)
{
	*(volatile uint16_t *)(regs + ESB_RELOAD) = 0x80;
	*(volatile uint16_t *)(regs + ESB_RELOAD) = 0x86;
}

enum nd_broken nd_machine_watchdog_armed(const struct nd_nic *unused, const struct nd_handoff *none,
					 const char **why)
{
	struct nd_nic esb;
	volatile uint8_t *regs = function_open(ESB, &esb, ESB_REGS);

	(void)unused;
	(void)none;
	*why = "there is no 6300ESB";
	if (!regs)
		return ND_BROKEN_NEVER;
	nd_nic_config(&esb, ESB_CONFIG);
	nd_outw(CONFIG_DATA, 0); /* it resets the machine, its clock is the slow one */
	esb_unlock(regs);
	((volatile uint32_t *)regs)[ESB_STAGE_1] = ESB_STAGE;
	esb_unlock(regs);
	((volatile uint32_t *)regs)[ESB_STAGE_2] = ESB_STAGE;
	nd_nic_config(&esb, ESB_LOCK);
	nd_outb(CONFIG_DATA, ESB_ON);
	nd_nic_config(&esb, ESB_LOCK);
	*why = "it does not start";
	return nd_inb(CONFIG_DATA) & ESB_ON ? ND_BROKEN : ND_BROKEN_NOT;
}
