/* SPDX-License-Identifier: GPL-2.0-or-later */
/* acpi_test.c - IOMMUs, HPET and I/O APICs in tables that are made up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "com32/netdump/acpi.h"

#define LOW_BYTES   0x100000u
#define RSDP_PHYS   0xf5a40u
#define EBDA_PHYS   0x9fc00u
#define TABLES_PHYS 0x7fe0000ull
#define TABLES_MAX  0x4000u

static uint8_t *low, *tables;
static uint32_t used;      /* of tables */
static uint64_t list[16];  /* tables' places, as the root has them */
static unsigned int count; /* of list */

/* Exactly what is asked for, and no byte more: the sanitizer watches. */
static const uint8_t *at(uint64_t phys, uint32_t bytes)
{
	static uint8_t *lent[64];
	static unsigned int next;
	const uint8_t *from = NULL;

	if (phys <= LOW_BYTES && bytes <= LOW_BYTES - phys)
		from = low + phys;
	else if (phys >= TABLES_PHYS && phys - TABLES_PHYS <= TABLES_MAX &&
		 bytes <= TABLES_MAX - (phys - TABLES_PHYS))
		from = tables + (phys - TABLES_PHYS);
	if (!from)
		return NULL;
	next = (next + 1) % 64;
	free(lent[next]);
	lent[next] = malloc(bytes);
	memcpy(lent[next], from, bytes);
	return lent[next];
}

static void sum_fix(uint8_t *p, uint32_t bytes, uint32_t place)
{
	uint8_t sum = 0;

	p[place] = 0;
	for (uint32_t i = 0; i < bytes; i++)
		sum = (uint8_t)(sum + p[i]);
	p[place] = (uint8_t)-sum;
}

/* A table of `bytes` with what stands behind its header; its place. */
static uint64_t table(const char *signature, const void *body, uint32_t body_bytes)
{
	uint8_t *p = tables + used;
	uint32_t bytes = 36 + body_bytes;
	uint64_t phys = TABLES_PHYS + used;

	memcpy(p, signature, 4);
	memcpy(p + 4, &bytes, 4);
	memcpy(p + 36, body, body_bytes);
	sum_fix(p, bytes, 9);
	used += bytes + 3; /* unaligned, as they may be */
	return phys;
}

static void list_add(const char *signature, const void *body, uint32_t body_bytes)
{
	list[count++] = table(signature, body, body_bytes);
}

static void rsdp_put(uint8_t *p, uint64_t rsdt, uint64_t xsdt)
{
	uint32_t bytes = 36;

	memcpy(p, "RSD PTR ", 8);
	p[15] = xsdt ? 2 : 0;
	memcpy(p + 16, &rsdt, 4);
	sum_fix(p, 20, 8);
	if (!xsdt)
		return;
	memcpy(p + 20, &bytes, 4);
	memcpy(p + 24, &xsdt, 8);
	sum_fix(p, 36, 32);
}

static uint64_t rsdt(void)
{
	uint32_t narrow[16];

	for (unsigned int i = 0; i < count; i++)
		narrow[i] = (uint32_t)list[i];
	return table("RSDT", narrow, 4 * count);
}

static int memory_open(void **state)
{
	(void)state;
	low = calloc(1, LOW_BYTES);
	tables = calloc(1, TABLES_MAX);
	used = count = 0;
	return !low || !tables;
}

static int memory_close(void **state)
{
	(void)state;
	free(low);
	free(tables);
	return 0;
}

static const uint8_t hpet[] = {0, 0, 0, 0, 0, 64, 0, 0, 0, 0, 0xd0, 0xfe, 0, 0, 0, 0};
static const uint8_t madt[] = {
	0, 0,  0xe0, 0xfe, 1, 0, 0,    0,               /* LAPIC, flags */
	0, 8,  0,    0,    1, 0, 0,    0,               /* a CPU */
	1, 12, 0,    0,    0, 0, 0xc0, 0xfe, 0, 0, 0, 0 /* an I/O APIC */
};
static const uint8_t dmar[] = {
	38, 1, 0,  0, 0, 0,    0, 0, 0, 0,    0,    0,                   /* width, flags */
	1,  0, 24, 0, 0, 0,    0, 0, 0, 0,    0,    0,    0x99, 0, 0, 0, /* reserved memory: */
	0,  0, 0,  0, 0, 0,    0, 0,                                     /* not a unit */
	0,  0, 16, 0, 0, 0,    0, 0, 0, 0x10, 0xd9, 0xfe, 0,    0, 0, 0, /* a unit */
	0,  0, 24, 0, 1, 0,    0, 0, 0, 0,    0xd9, 0xfe, 2,    0, 0, 0, /* one above 4 GiB, with */
	3,  8, 0,  0, 0, 0xff, 0, 0,                                     /* a device's scope */
};
static const uint8_t
	ivrs[] =
		{
			0,    0, 0,    0,    0,    0, 0,    0, 0, 0, 0,    0, /* info */
			0x10, 0, 24,   0,    2,    0, 0x40, 0, 0, 0, 0xd8, 0xfe,
			0,    0, 0,    0,    0,    0, 0,    0, /* a unit */
			0,    0, 0,    0,                      /* its features */
			0x11, 0, 24,   0,    2,    0, 0x40, 0, 0, 0, 0xd8, 0xfe,
			0,    0, 0,    0,    0,    0, 0,    0, /* again */
			0,    0, 0,    0,    0x20, 0, 24,   0, 2, 0, 0x40, 0,
			0,    0, 0xd8, 0xff, 0,    0, 0,    0, 0, 0, 0,    0, /* memory */
			0,    0, 0,    0,
};

static void device_is(const struct nd_device *d, uint32_t kind, uint64_t phys)
{
	assert_int_equal(d->kind, kind);
	assert_int_equal(d->phys, phys);
}

static void intel_is(const struct nd_devices *devices)
{
	assert_int_equal(devices->count, 4);
	assert_int_equal(devices->damaged, 0);
	assert_false(devices->overflow);
	device_is(&devices->device[0], ND_DEVICE_VTD, 0xfed91000);
	device_is(&devices->device[1], ND_DEVICE_VTD, 0x2fed90000);
	device_is(&devices->device[2], ND_DEVICE_HPET, 0xfed00000);
	device_is(&devices->device[3], ND_DEVICE_IOAPIC, 0xfec00000);
}

static void intel_add(void)
{
	list_add("APIC", madt, sizeof madt);
	list_add("HPET", hpet, sizeof hpet);
	list_add("DMAR", dmar, sizeof dmar);
}

static void through_rsdt(void **state)
{
	(void)state;
	struct nd_devices devices;

	intel_add();
	rsdp_put(low + RSDP_PHYS, rsdt(), 0);
	nd_acpi_devices(at, &devices);
	intel_is(&devices);
}

static void through_xsdt_from_the_ebda(void **state)
{
	(void)state;
	struct nd_devices devices;
	uint16_t segment = EBDA_PHYS >> 4;

	intel_add();
	memcpy(low + 0x40e, &segment, 2);
	rsdp_put(low + EBDA_PHYS + 0x3e0, 0, table("XSDT", list, 8 * count));
	nd_acpi_devices(at, &devices);
	intel_is(&devices);
}

static void xsdt_out_of_reach_leaves_the_rsdt(void **state)
{
	(void)state;
	struct nd_devices devices;

	intel_add();
	rsdp_put(low + RSDP_PHYS, rsdt(), 0x123400000000);
	nd_acpi_devices(at, &devices);
	intel_is(&devices);
}

static void amd_unit_told_twice_is_one(void **state)
{
	(void)state;
	struct nd_devices devices;

	list_add("IVRS", ivrs, sizeof ivrs);
	rsdp_put(low + RSDP_PHYS, rsdt(), 0);
	nd_acpi_devices(at, &devices);
	assert_int_equal(devices.count, 1);
	device_is(&devices.device[0], ND_DEVICE_AMDVI, 0xfed80000);
}

static void a_damaged_table_is_not_used(void **state)
{
	(void)state;
	struct nd_devices devices;

	intel_add();
	tables[list[2] - TABLES_PHYS + 90] ^= 1;
	rsdp_put(low + RSDP_PHYS, rsdt(), 0);
	nd_acpi_devices(at, &devices);
	assert_int_equal(devices.count, 2);
	assert_true(devices.damaged);
}

/* In whatever order firmware lists them, and though an entry is too short to say. */
static void the_io_apic_with_the_isa_lines_comes_first(void **state)
{
	static const uint8_t entries[] = {
		0, 0,  0xe0, 0xfe, 1, 0,    0,    0,                 /* LAPIC, flags */
		1, 8,  0,    0,    0, 0x30, 0xc0, 0xfe,              /* cut off */
		1, 12, 1,    0,    0, 0x10, 0xc0, 0xfe, 24, 0, 0, 0, /* lines from 24 on */
		1, 12, 2,    0,    0, 0x20, 0xc0, 0xfe, 0,  0, 0, 1, /* from far up on */
		1, 12, 0,    0,    0, 0,    0xc0, 0xfe, 0,  0, 0, 0, /* from 0 on */
	};
	struct nd_devices devices;

	(void)state;
	list_add("APIC", entries, sizeof entries);
	rsdp_put(low + RSDP_PHYS, rsdt(), 0);
	nd_acpi_devices(at, &devices);
	assert_int_equal(devices.count, 4);
	device_is(&devices.device[0], ND_DEVICE_IOAPIC, 0xfec00000);
	device_is(&devices.device[1], ND_DEVICE_IOAPIC, 0xfec03000);
	device_is(&devices.device[2], ND_DEVICE_IOAPIC, 0xfec01000);
	device_is(&devices.device[3], ND_DEVICE_IOAPIC, 0xfec02000);
}

static void more_than_there_is_room_for(void **state)
{
	(void)state;
	struct nd_devices devices;
	static uint8_t many[8 + 12 * (ND_DEVICES_MAX + 1)];

	for (uint32_t i = 0; i <= ND_DEVICES_MAX; i++) {
		uint32_t phys = 0xfec00000 + (i << 12);

		many[8 + 12 * i] = 1;
		many[8 + 12 * i + 1] = 12;
		memcpy(many + 8 + 12 * i + 4, &phys, 4);
	}
	list_add("APIC", many, sizeof many);
	list_add("IVRS", ivrs, sizeof ivrs);
	rsdp_put(low + RSDP_PHYS, rsdt(), 0);
	nd_acpi_devices(at, &devices);
	assert_int_equal(devices.count, ND_DEVICES_MAX);
	assert_true(devices.overflow);
	device_is(&devices.device[0], ND_DEVICE_AMDVI, 0xfed80000); /* those that matter first */
}

/* Lengths that lead nowhere or outside, with sums that are right. */
static void every_wrong_length_ends_the_table(void **state)
{
	(void)state;
	struct nd_devices devices;
	const uint32_t entries[] = {1, 2, 22, 23, 46, 47};

	for (unsigned int i = 0; i < sizeof entries / sizeof entries[0]; i++)
		for (unsigned int value = 0; value < 256; value++) {
			uint8_t mangled[sizeof dmar];

			used = count = 0;
			memcpy(mangled, dmar, sizeof dmar);
			mangled[12 + entries[i]] = (uint8_t)value;
			list_add("DMAR", mangled, sizeof mangled);
			rsdp_put(low + RSDP_PHYS, rsdt(), 0);
			nd_acpi_devices(at, &devices);
			assert_true(devices.count <= 2);
		}
}

static void without_acpi_there_is_nothing(void **state)
{
	(void)state;
	struct nd_devices devices;

	nd_acpi_devices(at, &devices);
	assert_int_equal(devices.count, 0);
	rsdp_put(low + RSDP_PHYS, 0xffffffff, 0);
	nd_acpi_devices(at, &devices);
	assert_int_equal(devices.count, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, memory_open, memory_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(through_rsdt),
		TEST(through_xsdt_from_the_ebda),
		TEST(xsdt_out_of_reach_leaves_the_rsdt),
		TEST(amd_unit_told_twice_is_one),
		TEST(a_damaged_table_is_not_used),
		TEST(the_io_apic_with_the_isa_lines_comes_first),
		TEST(more_than_there_is_room_for),
		TEST(every_wrong_length_ends_the_table),
		TEST(without_acpi_there_is_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
