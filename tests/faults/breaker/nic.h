/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nic.h - a NIC's configuration space and registers, for breaking it. */
#ifndef BREAKER_NIC_H
#define BREAKER_NIC_H

#include <stdbool.h>
#include <stdint.h>

#define PCI_COMMAND   0x04
#define PCI_BAR0      0x10
#define PCI_BARS      6
#define COMMAND_OPENS 7u /* I/O, memory, bus master */

struct nd_nic {
	uint16_t bdf;
	uint32_t id; /* device << 16 | vendor */
};

uint32_t nd_nic_config(const struct nd_nic *nic, unsigned int at);
void nd_nic_config_set(const struct nd_nic *nic, unsigned int at, uint32_t value);
/* The command register; status bits clear by 1 and are left alone. */
void nd_nic_command(const struct nd_nic *nic, uint32_t command);
/* Where the capability is, 0: nowhere. */
unsigned int nd_nic_capability(const struct nd_nic *nic, uint8_t id, unsigned int from);

/* The registers behind a BAR in memory, NULL: it is none, or cannot be reached. */
volatile uint8_t *nd_nic_memory(const struct nd_nic *nic, unsigned int bar, uint32_t offset,
				uint32_t bytes);
/* The first port behind a BAR, 0: it has none. */
uint16_t nd_nic_ports(const struct nd_nic *nic, unsigned int bar);

#endif
