// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * acpi.c - finds IOMMUs, I/O APICs and the HPET in ACPI's tables.
 *
 * Layouts: ACPI 6.4 sections 5.2.5 (RSDP), 5.2.7 (RSDT), 5.2.8 (XSDT), 5.2.12 (MADT); Intel
 * VT-d 4.1 section 8 (DMAR); AMD IOMMU 3.08 section 5.2 (IVRS); IA-PC HPET 1.0a section 3.2.4.
 * Pure; also built on the host for tests.
 */
#include "acpi.h"

#include <stddef.h>
#include <string.h>

#define EBDA_SEGMENT_AT 0x40e
#define EBDA_SEARCHED   1024
#define BIOS_PHYS       0xe0000
#define BIOS_BYTES      0x20000
#define RSDP_ALIGN      16
#define RSDP_BYTES      20 /* what its first checksum covers */
#define RSDP_RSDT_AT    16
#define RSDP_XSDT_AT    24
#define RSDP_2_BYTES    36
#define HEADER_BYTES    36
#define LENGTH_AT       4
#define TABLE_MAX       (1u << 20) /* real ones have some KiB */
#define HPET_SPACE_AT   40         /* 0: the address is one of memory */
#define HPET_BYTES      52

/* Where entries of a kind have their registers' address, all numbers in bytes. */
struct entry_kind {
	char signature[5];
	uint8_t first; /* entry; 0: the table itself is the only one */
	uint8_t type;
	uint8_t length_at, length_bytes;
	uint8_t phys_at, phys_bytes;
	uint8_t kind;    /* enum nd_device_kind */
	uint8_t zero_at; /* only those with a 32-bit 0 there; 0: all */
};

static const struct entry_kind kinds[] = {
	{"DMAR", 48, 0x00, 2, 2, 8, 8, ND_DEVICE_VTD, 0},
	{"IVRS", 48, 0x10, 2, 2, 8, 8, ND_DEVICE_AMDVI, 0}, /* the same unit may be told thrice */
	{"IVRS", 48, 0x11, 2, 2, 8, 8, ND_DEVICE_AMDVI, 0},
	{"IVRS", 48, 0x40, 2, 2, 8, 8, ND_DEVICE_AMDVI, 0},
	{"HPET", 0, 0, 0, 0, 44, 8, ND_DEVICE_HPET, 0},
	{"APIC", 44, 0x01, 1, 1, 4, 4, ND_DEVICE_IOAPIC, 8}, /* interrupts from 0 on: ISA's */
	{"APIC", 44, 0x01, 1, 1, 4, 4, ND_DEVICE_IOAPIC, 0},
};
#define KINDS (sizeof kinds / sizeof kinds[0])

static uint64_t number(const uint8_t *p, unsigned int bytes)
{
	uint64_t value = 0;

	while (bytes--)
		value = value << 8 | p[bytes];
	return value;
}

static bool sums_to_zero(const uint8_t *p, uint32_t bytes)
{
	uint8_t sum = 0;

	while (bytes--)
		sum = (uint8_t)(sum + *p++);
	return sum == 0;
}

static uint64_t rsdp_search(nd_acpi_at at, uint64_t phys, uint32_t bytes)
{
	for (; bytes >= RSDP_BYTES; phys += RSDP_ALIGN, bytes -= RSDP_ALIGN) {
		const uint8_t *p = at(phys, RSDP_BYTES);

		if (p && !memcmp(p, "RSD PTR ", 8) && sums_to_zero(p, RSDP_BYTES))
			return phys;
	}
	return 0;
}

static uint64_t rsdp_find(nd_acpi_at at)
{
	const uint8_t *segment = at(EBDA_SEGMENT_AT, 2);
	uint64_t ebda = segment ? number(segment, 2) << 4 : 0;
	uint64_t phys = ebda ? rsdp_search(at, ebda, EBDA_SEARCHED) : 0;

	return phys ? phys : rsdp_search(at, BIOS_PHYS, BIOS_BYTES);
}

/* The whole table if it is one of these and sound, else NULL. */
static const uint8_t *table_at(nd_acpi_at at, uint64_t phys, const char *signature, uint32_t *bytes,
			       struct nd_devices *devices)
{
	const uint8_t *p = phys ? at(phys, HEADER_BYTES) : NULL;

	if (!p || memcmp(p, signature, 4))
		return NULL;
	*bytes = (uint32_t)number(p + LENGTH_AT, 4);
	if (*bytes < HEADER_BYTES || *bytes > TABLE_MAX)
		p = NULL;
	else
		p = at(phys, *bytes);
	if (p && sums_to_zero(p, *bytes))
		return p;
	devices->damaged++;
	return NULL;
}

static void add(struct nd_devices *devices, uint64_t phys, uint8_t kind)
{
	struct nd_device *d;

	for (uint32_t i = 0; i < devices->count; i++)
		if (devices->device[i].phys == phys && devices->device[i].kind == kind)
			return;
	if (!phys)
		return;
	if (devices->count == ND_DEVICES_MAX) {
		devices->overflow = true;
		return;
	}
	d = &devices->device[devices->count++];
	memset(d, 0, sizeof *d);
	d->phys = phys;
	d->kind = kind;
}

static bool is_wanted(const struct entry_kind *k, const uint8_t *entry, uint32_t length)
{
	return entry[0] == k->type && length >= (uint32_t)k->phys_at + k->phys_bytes &&
	       (!k->zero_at || (length >= k->zero_at + 4u && !number(entry + k->zero_at, 4)));
}

static void entries_add(const struct entry_kind *k, const uint8_t *table, uint32_t bytes,
			struct nd_devices *devices)
{
	uint32_t length;

	if (!k->first && bytes >= HPET_BYTES && !table[HPET_SPACE_AT])
		add(devices, number(table + k->phys_at, k->phys_bytes), k->kind);
	for (uint32_t at = k->first; at && at + k->length_at + k->length_bytes <= bytes;
	     at += length) {
		length = (uint32_t)number(table + at + k->length_at, k->length_bytes);
		if (length < k->length_at + k->length_bytes || length > bytes - at)
			return;
		if (is_wanted(k, table + at, length))
			add(devices, number(table + at + k->phys_at, k->phys_bytes), k->kind);
	}
}

/* Every table of the kind: some firmware splits what could be one. */
static void kind_add(nd_acpi_at at, const struct entry_kind *k, const uint8_t *root,
		     uint32_t root_bytes, unsigned int pointer_bytes, struct nd_devices *devices)
{
	for (uint32_t i = HEADER_BYTES; i + pointer_bytes <= root_bytes; i += pointer_bytes) {
		uint32_t bytes;
		const uint8_t *table = table_at(at, number(root + i, pointer_bytes), k->signature,
						&bytes, devices);

		if (table)
			entries_add(k, table, bytes, devices);
	}
}

void nd_acpi_devices(nd_acpi_at at, struct nd_devices *devices)
{
	uint64_t rsdp_phys = rsdp_find(at);
	const uint8_t *rsdp, *root = NULL;
	unsigned int pointer_bytes = 8;
	uint32_t bytes = 0;

	memset(devices, 0, sizeof *devices);
	if (!rsdp_phys)
		return;
	rsdp = at(rsdp_phys, RSDP_2_BYTES);
	if (rsdp && rsdp[15] >= 2 && sums_to_zero(rsdp, RSDP_2_BYTES))
		root = table_at(at, number(rsdp + RSDP_XSDT_AT, 8), "XSDT", &bytes, devices);
	if (!root) {
		pointer_bytes = 4;
		rsdp = at(rsdp_phys, RSDP_BYTES);
		root = table_at(at, number(rsdp + RSDP_RSDT_AT, 4), "RSDT", &bytes, devices);
	}
	for (unsigned int k = 0; root && k < KINDS; k++)
		kind_add(at, &kinds[k], root, bytes, pointer_bytes, devices);
}
