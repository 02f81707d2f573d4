/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * acpi.h - what DINI has to silence besides PCI functions, from ACPI's tables.  Pure: memory
 * is read through a function.  Also built on the host for tests.
 */
#ifndef NETDUMP_ACPI_H
#define NETDUMP_ACPI_H

#include <stdbool.h>
#include <stdint.h>

#include <netdump/handoff.h>

/* `bytes` of physical memory; NULL where they cannot be reached. */
typedef const uint8_t *(*nd_acpi_at)(uint64_t phys, uint32_t bytes);

struct nd_devices {
	uint32_t count;
	bool overflow;    /* there are more */
	uint32_t damaged; /* tables whose checksum is wrong: not used */
	struct nd_device device[ND_DEVICES_MAX];
};

/*
 * IOMMUs first, then HPET and I/O APICs, the one with the ISA lines before the others.  Without
 * ACPI there are none.
 */
void nd_acpi_devices(nd_acpi_at at, struct nd_devices *devices);

#endif
