/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * iommu_test.c - what is written to an IOMMU's registers, and that a stuck one ends the wait.
 *
 * Registers are memory here; where `follows` says so, VT-d's status follows its command.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "dini/console.h"
#include "dini/iommu.h"
#include "dini/registers.h"

#define COMMANDS_MAX 8
#define UNITS        3
#define UNIT_PHYS    0x3fed90000ull
#define UNIT_BYTES   0x4000
#define COMMAND      0x18
#define STATUS       0x1c
#define PMEN         0x64
#define HEAD         0x80
#define TAIL         0x88
#define TE           (1u << 31)
#define ROOT         (1u << 30)
#define QIE          (1u << 26)
#define IRE          (1u << 25)
#define IR_TABLE     (1u << 24)

static uint64_t unit[UNITS][UNIT_BYTES / 8];
static char said[1024];
static bool follows;
static uint32_t commands[COMMANDS_MAX]; /* as they came */
static unsigned int command_count;
static bool drained; /* the queue was seen with nothing in it left to do */

volatile void *nd_registers_map(uint64_t phys)
{
	if (phys < UNIT_PHYS || phys >= UNIT_PHYS + UNITS * UNIT_BYTES)
		return NULL;
	return (char *)unit + (phys - UNIT_PHYS);
}

void nd_say(const char *format, ...)
{
	size_t at = strlen(said);
	va_list args;

	va_start(args, format);
	vsnprintf(said + at, sizeof said - at, format, args);
	va_end(args);
	strncat(said, "\n", sizeof said - strlen(said) - 1);
}

uint32_t nd_reg32(const volatile void *base, uint32_t at)
{
	const volatile char *registers = base;

	if (at == HEAD || at == TAIL)
		drained = *(const volatile uint64_t *)(registers + HEAD) ==
			  *(const volatile uint64_t *)(registers + TAIL);
	return *(const volatile uint32_t *)(registers + at);
}

uint64_t nd_reg64(const volatile void *base, uint32_t at)
{
	return *(const volatile uint64_t *)((const volatile char *)base + at);
}

void nd_reg64_set(volatile void *base, uint32_t at, uint64_t value)
{
	*(volatile uint64_t *)((volatile char *)base + at) = value;
}

/* A command is the state to be; that there are tables is told for good. */
void nd_reg32_set(volatile void *base, uint32_t at, uint32_t value)
{
	volatile uint32_t *status = (volatile uint32_t *)((volatile char *)base + STATUS);

	*(volatile uint32_t *)((volatile char *)base + at) = value;
	if (at == COMMAND) {
		assert_true(command_count < COMMANDS_MAX);
		commands[command_count++] = value;
		assert_true(!follows || (value & QIE) || !(*status & QIE) || drained);
		if (follows)
			*status = value | (*status & (ROOT | IR_TABLE));
	} else if (at == PMEN && follows) {
		*(volatile uint32_t *)((volatile char *)base + at) = value & ~(value >> 31 ^ 1u);
	}
}

static const struct nd_device device[] = {
	{UNIT_PHYS, ND_DEVICE_VTD, 0},
	{UNIT_PHYS + UNIT_BYTES, ND_DEVICE_AMDVI, 0},
	{UNIT_PHYS + 2 * UNIT_BYTES, ND_DEVICE_HPET, 0},
};

static int units_clear(void **state)
{
	(void)state;
	memset(unit, 0, sizeof unit);
	memset(said, 0, sizeof said);
	command_count = 0;
	drained = false;
	follows = false;
	return 0;
}

static void one_after_the_other(void **state)
{
	(void)state;
	static const uint32_t expected[] = {QIE | IRE, QIE, 0};

	nd_reg32_set(unit[0], STATUS, TE | ROOT | QIE | IRE | IR_TABLE);
	nd_reg32_set(unit[0], PMEN, 0x80000001u);
	follows = true;
	nd_iommu_off(device, 1);
	assert_int_equal(command_count, 3);
	assert_memory_equal(commands, expected, sizeof expected);
	assert_int_equal(nd_reg32(unit[0], STATUS), ROOT | IR_TABLE);
	assert_int_equal(nd_reg32(unit[0], PMEN), 0);
	assert_non_null(strstr(said, "vt-d off"));
}

/* Nothing follows the commands: each wait ends, and the next unit has its turn. */
static void a_stuck_unit_is_told_and_left(void **state)
{
	(void)state;

	nd_reg32_set(unit[0], STATUS, TE | QIE | IRE);
	nd_reg32_set(unit[0], PMEN, 0x80000001u);
	nd_reg32_set(unit[0], TAIL, 16);
	nd_reg64_set(unit[1], 0x18, 0x3f48f);
	nd_iommu_off(device, 3);
	assert_non_null(strstr(said, "vt-d does not go off"));
	assert_int_equal(nd_reg32(unit[0], PMEN), 1);
	assert_non_null(strstr(said, "amd-vi off, control was 3f48f, is 38482"));
	for (size_t i = 0; i < UNIT_BYTES / 8; i++)
		assert_int_equal(unit[2][i], 0);
}

static void what_is_off_is_not_written_to(void **state)
{
	(void)state;

	nd_reg32_set(unit[0], STATUS, ROOT);
	nd_iommu_off(device, 1);
	assert_int_equal(command_count, 0);
	assert_non_null(strstr(said, "vt-d off"));
}

static void what_is_not_there_is_left_alone(void **state)
{
	(void)state;
	uint64_t before[UNIT_BYTES / 8];

	memset(unit, 0xff, sizeof unit);
	memcpy(before, unit[0], sizeof before);
	nd_iommu_off(device, 2);
	assert_memory_equal(unit[0], before, sizeof before);
	assert_memory_equal(unit[1], before, sizeof before);
	assert_non_null(strstr(said, "not there"));
}

#define TEST(f) cmocka_unit_test_setup(f, units_clear)

/* A table that says nonsense keeps nobody from the units behind it. */
static void what_has_no_address_is_passed_over(void **state)
{
	static const struct nd_device wrong[] = {
		{1ull << 60, ND_DEVICE_VTD, 0},
		{1ull << 60, ND_DEVICE_AMDVI, 0},
		{UNIT_PHYS, ND_DEVICE_VTD, 0},
	};

	(void)state;
	nd_reg32_set(unit[0], STATUS, TE);
	follows = true;
	nd_iommu_off(wrong, 3);
	assert_int_equal(nd_reg32(unit[0], STATUS), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_after_the_other),
		TEST(a_stuck_unit_is_told_and_left),
		TEST(what_is_off_is_not_written_to),
		TEST(what_is_not_there_is_left_alone),
		TEST(what_has_no_address_is_passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
