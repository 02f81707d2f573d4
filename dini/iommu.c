// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * iommu.c - the firmware's addresses are physical again: VT-d and AMD-Vi switched off as
 * the system left them, one function after the other.  Long mode.
 *
 * Registers: Intel VT-d 4.1 section 11.4; AMD IOMMU 3.08 section 3.4.  A unit that does not do
 * what it was told within POLLS_MAX is told so and left: each poll takes 0.1 to 1 us.
 */
#include "dini/iommu.h"

#include <stdbool.h>

#include "dini/console.h"
#include "dini/registers.h"

#define POLLS_MAX 1000000u

#define VTD_VERSION  0x00
#define VTD_COMMAND  0x18
#define VTD_STATUS   0x1C
#define VTD_PMEN     0x64
#define VTD_INVQ_AT  0x80 /* head, tail behind it; bits 18:4 count */
#define VTD_INVQ_TO  0x88
#define VTD_TE       (1u << 31)
#define VTD_QIE      (1u << 26)
#define VTD_IRE      (1u << 25)
#define VTD_CFI      (1u << 23)
#define VTD_ONE_SHOT 0x69000000u /* SRTP, SFL, WBF, SIRTP: commands, not states */
#define PMEN_ON      (1u << 31)
#define PMEN_STATUS  (1u << 0)

#define AMD_CONTROL    0x18
#define AMD_STATUS     0x2020
#define AMD_ON         (1ull << 0)
#define AMD_COMMANDS   (1ull << 12)
#define AMD_LOGS       (1ull << 2 | 1ull << 13 | 1ull << 28) /* events, pages, guests' interrupts */
#define AMD_INTERRUPTS (1ull << 3 | 1ull << 4 | 1ull << 14 | 1ull << 29)
#define AMD_STILL_RUNS (1u << 3 | 1u << 4 | 1u << 7 | 1u << 8)

static bool await_zero(volatile void *unit, uint32_t at, uint32_t mask)
{
	for (unsigned int i = 0; i < POLLS_MAX; i++)
		if (!(nd_reg32(unit, at) & mask))
			return true;
	return false;
}

/* The command register holds states, read as the status, and one-shot commands. */
static bool vtd_clear(volatile void *unit, uint32_t state)
{
	uint32_t now = nd_reg32(unit, VTD_STATUS);

	if (!(now & state))
		return true;
	nd_reg32_set(unit, VTD_COMMAND, now & ~VTD_ONE_SHOT & ~state);
	return await_zero(unit, VTD_STATUS, state);
}

/* The queue may only go when nothing in it is left to do. */
static bool vtd_queue_drain(volatile void *unit)
{
	for (unsigned int i = 0; i < POLLS_MAX; i++)
		if (nd_reg32(unit, VTD_INVQ_AT) == nd_reg32(unit, VTD_INVQ_TO))
			return true;
	return false;
}

static bool vtd_protection_off(volatile void *unit)
{
	uint32_t pmen = nd_reg32(unit, VTD_PMEN);

	if (!(pmen & PMEN_ON))
		return true;
	nd_reg32_set(unit, VTD_PMEN, pmen & ~PMEN_ON);
	return await_zero(unit, VTD_PMEN, PMEN_STATUS);
}

static void vtd_off(volatile void *unit, uint64_t phys)
{
	uint32_t before = nd_reg32(unit, VTD_STATUS);
	bool off;

	off = vtd_clear(unit, VTD_TE);
	off &= vtd_clear(unit, VTD_IRE);
	off &= vtd_clear(unit, VTD_CFI);
	if (before & VTD_QIE) {
		off &= vtd_queue_drain(unit);
		off &= vtd_clear(unit, VTD_QIE);
	}
	off &= vtd_protection_off(unit);
	nd_say("iommu %lx: vt-d %s, status was %x, is %x", phys, off ? "off" : "does not go off",
	       before, nd_reg32(unit, VTD_STATUS));
}

/* Logs and commands first, which need it on, as Linux does it. */
static void amd_off(volatile void *unit, uint64_t phys)
{
	uint64_t before = nd_reg64(unit, AMD_CONTROL);
	uint64_t control = before & ~(AMD_COMMANDS | AMD_INTERRUPTS | AMD_LOGS);
	bool off;

	nd_reg64_set(unit, AMD_CONTROL, control);
	off = await_zero(unit, AMD_STATUS, AMD_STILL_RUNS);
	nd_reg64_set(unit, AMD_CONTROL, control & ~AMD_ON);
	off &= await_zero(unit, AMD_CONTROL, (uint32_t)AMD_ON);
	nd_say("iommu %lx: amd-vi %s, control was %lx, is %lx", phys,
	       off ? "off" : "does not go off", before, nd_reg64(unit, AMD_CONTROL));
}

void nd_iommu_off(const struct nd_device *device, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		volatile void *unit;

		if (device[i].kind != ND_DEVICE_VTD && device[i].kind != ND_DEVICE_AMDVI)
			continue;
		unit = nd_registers_map(device[i].phys);
		if (!unit)
			continue;
		if (nd_reg32(unit, VTD_VERSION) == ~0u)
			nd_say("iommu %lx: not there", device[i].phys);
		else if (device[i].kind == ND_DEVICE_VTD)
			vtd_off(unit, device[i].phys);
		else
			amd_off(unit, device[i].phys);
	}
}
