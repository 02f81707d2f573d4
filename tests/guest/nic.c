// SPDX-License-Identifier: GPL-2.0-or-later
/* nic.c - see nic.h. */
#include "nic.h"

#include <string.h>

#include "bare.h"
#include "ports.h"

void nic_copy(struct nd_pci_copy copy[2])
{
	uint16_t bridge = 0;

	while (bridge < 256 &&
	       (config_read(bridge, 0) == ~0u || (config_read(bridge, 0x0C) >> 16 & 0x7F) != 1))
		bridge += 1;
	CHECK(bridge < 256);
	copy[1].bdf = bridge;
	copy[0].bdf = (uint16_t)(config_read(bridge, 0x18) & 0xFF00);
	CHECK(copy[0].bdf && config_read(copy[0].bdf, 0) == 0x10D38086);
	for (unsigned int i = 0; i < 2; i++) {
		/* as firmware leaves what it drives */
		config_write(copy[i].bdf, 4, config_read(copy[i].bdf, 4) | 7);
		for (uint32_t at = 0; at < 256; at += 4) {
			uint32_t value = config_read(copy[i].bdf, at);

			memcpy(copy[i].config + at, &value, 4);
		}
	}
}

static uint32_t capability(const struct nd_pci_copy *nic, uint8_t id)
{
	uint8_t at = nic->config[0x34];

	while (at && nic->config[at] != id)
		at = nic->config[at + 1];
	CHECK(at);
	return at;
}

/* Where no restoration writes: what is there stays until the NIC is reset. */
static uint32_t mark_at(const struct nd_pci_copy *nic)
{
	return capability(nic, 0x05) + 4; /* the message's address */
}

bool nic_was_reset(const struct nd_pci_copy *nic)
{
	return config_read(nic->bdf, mark_at(nic)) == 0;
}

void nic_upset(const struct nd_pci_copy copy[2])
{
	uint16_t nic = copy[0].bdf;

	config_write(nic, capability(&copy[0], 0x11), 0x80000000u); /* MSI-X on */
	config_write(nic, capability(&copy[0], 0x05), 0x00010000u); /* MSI on */
	config_write(nic, mark_at(&copy[0]), 0x12345670u);
	config_write(nic, 4, 0x407);
	for (uint32_t at = 0x10; at < 0x20; at += 4)
		config_write(nic, at, 0xEE000000u);
	config_write(nic, capability(&copy[0], 0x01) + 4, 3); /* D3hot */
	config_write(copy[1].bdf, 4, 0);
	config_write(copy[1].bdf, 0x20, 0x0000FFF0);
	config_write(copy[1].bdf, 0x18, 0x00FFFF00); /* the NIC is behind no bus at all */
	CHECK(config_read(nic, 0) == ~0u);
}

void nic_check(const struct nd_pci_copy copy[2], bool is_deaf)
{
	for (unsigned int i = 0; i < 2; i++)
		for (uint32_t at = 4; at < 0x40; at += 4) {
			uint32_t was;
			uint32_t mask = at == 4 || (i == 1 && at == 0x1C) ? 0xFFFF : ~0u;

			memcpy(&was, copy[i].config + at, 4);
			if (i == 0 && at == 4 && is_deaf)
				was &= ~4u;
			CHECK((config_read(copy[i].bdf, at) & mask) == (was & mask));
		}
	CHECK(!(config_read(copy[0].bdf, capability(&copy[0], 0x11)) & 0x80000000u));
	CHECK(!(config_read(copy[0].bdf, capability(&copy[0], 0x05)) & 0x00010000u));
	CHECK(!(config_read(copy[0].bdf, capability(&copy[0], 0x01) + 4) & 3));
}
