// SPDX-License-Identifier: GPL-2.0-or-later
/* nic.c - see nic.h.  Configuration mechanism 1: PCI 3.0, section 3.2.2.3.2. */
#include "tests/faults/breaker/nic.h"

#include <stddef.h>

#include "stub/common/port.h"
#include "tests/faults/breaker/breaks.h"

#define CONFIG_ADDRESS 0xCF8
#define CONFIG_DATA    0xCFC
#define CAPS_POINTER   0x34
#define CAPS_FIRST     0x40
#define CAPS_MAX       48
#define STATUS_CAPS    (1u << 20)
#define BAR_IS_IO      1u
#define BAR_IS_64      4u
#define BAR_TYPE       6u

uint32_t nd_nic_config(const struct nd_nic *nic, unsigned int at)
{
	nd_outl(CONFIG_ADDRESS, 0x80000000u | (uint32_t)nic->bdf << 8 | (at & 0xFC));
	return nd_inl(CONFIG_DATA);
}

void nd_nic_config_set(const struct nd_nic *nic, unsigned int at, uint32_t value)
{
	nd_outl(CONFIG_ADDRESS, 0x80000000u | (uint32_t)nic->bdf << 8 | (at & 0xFC));
	nd_outl(CONFIG_DATA, value);
}

void nd_nic_command(const struct nd_nic *nic, uint32_t command)
{
	nd_nic_config_set(nic, PCI_COMMAND, command & 0xFFFF);
}

static uint8_t config_byte(const struct nd_nic *nic, unsigned int at)
{
	return (uint8_t)(nd_nic_config(nic, at) >> (at & 3) * 8);
}

unsigned int nd_nic_capability(const struct nd_nic *nic, uint8_t id, unsigned int from)
{
	unsigned int at = config_byte(nic, from ? from + 1 : CAPS_POINTER) & 0xFC;

	if (!(nd_nic_config(nic, PCI_COMMAND) & STATUS_CAPS))
		return 0;
	for (unsigned int i = 0; i < CAPS_MAX && at >= CAPS_FIRST; i++) {
		if (config_byte(nic, at) == id)
			return at;
		at = config_byte(nic, at + 1) & 0xFC;
	}
	return 0;
}

volatile uint8_t *nd_nic_memory(const struct nd_nic *nic, unsigned int bar, uint32_t offset,
				uint32_t bytes)
{
	uint32_t low = nd_nic_config(nic, PCI_BAR0 + 4 * bar);
	uint64_t phys = low & ~15u;

	if (low & BAR_IS_IO)
		return NULL;
	if ((low & BAR_TYPE) == BAR_IS_64)
		phys |= (uint64_t)nd_nic_config(nic, PCI_BAR0 + 4 * bar + 4) << 32;
	return phys ? nd_breaker_map(phys + offset, bytes) : NULL;
}

uint16_t nd_nic_ports(const struct nd_nic *nic, unsigned int bar)
{
	uint32_t low = nd_nic_config(nic, PCI_BAR0 + 4 * bar);

	return low & BAR_IS_IO ? (uint16_t)(low & ~3u) : 0;
}
