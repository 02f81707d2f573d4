// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * acpi.c - ACPI's tables as a BIOS may leave them: com32/netdump/acpi.c.
 *
 *   how u8: bit 0: checksums fit, bit 1: an XSDT; then tables: signature u8, length u16, body
 */
#include "com32/netdump/acpi.h"

#include "tests/fuzz/boot.h"

#define TABLES_MAX  8
#define TABLE_BYTES 512
#define HEADER      36
#define ROOT        TABLES_MAX /* its place among them */
#define RSDP        (TABLES_MAX + 1)
#define RSDP_PHYS   0xf1230ull
#define TABLE_PHYS  0x7fe0000ull

static uint8_t tables[TABLES_MAX + 2][TABLE_BYTES];
static uint8_t *lent[256];
static unsigned int lent_count;

/* Each time a copy of its own and no longer than asked for, so that a byte too many is seen. */
static const uint8_t *at(uint64_t phys, uint32_t bytes)
{
	uint64_t from = phys == RSDP_PHYS ? sizeof tables - TABLE_BYTES : phys - TABLE_PHYS;
	uint8_t **slot = &lent[lent_count++ % 256];

	if (from > sizeof tables || bytes > sizeof tables - from)
		return NULL;
	free(*slot);
	*slot = malloc(bytes);
	ND_MUST(*slot);
	memcpy(*slot, (const uint8_t *)tables + from, bytes);
	return *slot;
}

static void sum_fix(uint8_t *p, uint32_t bytes, uint32_t place)
{
	uint8_t sum = 0;

	for (uint32_t i = 0; i < bytes; i++)
		sum = (uint8_t)(sum + p[i]);
	p[place] = (uint8_t)(p[place] - sum);
}

static void table_put(uint8_t *p, const char *signature, uint32_t bytes, bool fits)
{
	memcpy(p, signature, 4);
	memcpy(p + 4, &bytes, 4);
	if (fits && bytes <= TABLE_BYTES)
		sum_fix(p, bytes, 9);
}

static void root_put(unsigned int count, bool wide, bool fits)
{
	unsigned int pointer_bytes = wide ? 8 : 4;
	uint64_t root = TABLE_PHYS + ROOT * TABLE_BYTES;
	uint8_t *p = tables[RSDP];

	for (unsigned int i = 0; i < count; i++) {
		uint64_t phys = TABLE_PHYS + i * TABLE_BYTES;

		memcpy(tables[ROOT] + HEADER + i * pointer_bytes, &phys, pointer_bytes);
	}
	table_put(tables[ROOT], wide ? "XSDT" : "RSDT", HEADER + count * pointer_bytes, fits);
	memcpy(p, "RSD PTR ", 8);
	p[15] = wide ? 2 : 0;
	memcpy(p + (wide ? 24 : 16), &root, pointer_bytes);
	sum_fix(p, 20, 8);
	sum_fix(p, 36, 32);
}

static void devices_must(const struct nd_devices *d)
{
	ND_MUST(d->count <= ND_DEVICES_MAX);
	for (uint32_t i = 0; i < d->count; i++) {
		ND_MUST(d->device[i].phys && d->device[i].kind >= ND_DEVICE_VTD &&
			d->device[i].kind <= ND_DEVICE_HPET);
		for (uint32_t k = 0; k < i; k++)
			ND_MUST(d->device[i].phys != d->device[k].phys ||
				d->device[i].kind != d->device[k].kind);
	}
}

void nd_fuzz_acpi(struct nd_input *in)
{
	static const char signature[][5] = {"DMAR", "IVRS", "HPET", "APIC"};
	uint8_t how = nd_input_u8(in);
	struct nd_devices devices;
	unsigned int count = 0;

	memset(tables, 0, sizeof tables);
	for (; count < TABLES_MAX && nd_input_more(in); count++) {
		const char *name = signature[nd_input_u8(in) % 4];
		uint32_t bytes = HEADER + nd_input_u16(in) % (TABLE_BYTES - HEADER + 8);
		uint32_t body = bytes > TABLE_BYTES ? TABLE_BYTES : bytes;

		nd_input_copy(in, tables[count] + HEADER, body - HEADER);
		table_put(tables[count], name, bytes, how & 1);
	}
	root_put(count, how & 2, how & 1);
	nd_acpi_devices(at, &devices);
	devices_must(&devices);
}
