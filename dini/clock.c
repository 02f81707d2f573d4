// SPDX-License-Identifier: GPL-2.0-or-later
/* clock.c - milliseconds from the time stamp counter.  Long mode. */
#include <stdbool.h>

#include "dini/clock.h"
#include "dini/io.h"

#define PIT_HZ        1193182u
#define PIT_CHANNEL_2 0x42
#define PIT_COMMAND   0x43
#define PORT_B        0x61 /* bit 0: gate of channel 2, bit 1: speaker, bit 5: its output */
#define MEASURE_MS    10
#define MEASURE_POLLS 200000 /* of about 1 us each: twenty times what is measured */
#define KHZ_MIN       100000u
#define KHZ_MAX       20000000u
#define KHZ_GUESS     4000000u /* above most: waits get longer, not shorter */

static uint64_t start_tsc;
static uint32_t khz;

/* The PIT's channel 2 counts down once; 0 if it never came to an end. */
static uint64_t pit_measure(void)
{
	uint32_t count = PIT_HZ / 1000 * MEASURE_MS;
	uint8_t port_b = nd_inb(PORT_B);
	uint64_t begin;
	bool ended = false;

	nd_outb(PORT_B, (uint8_t)((port_b & ~2) | 1));
	nd_outb(PIT_COMMAND, 0xB0); /* channel 2, both bytes, mode 0 */
	nd_outb(PIT_CHANNEL_2, (uint8_t)count);
	nd_outb(PIT_CHANNEL_2, (uint8_t)(count >> 8));
	begin = nd_rdtsc();
	for (uint32_t i = 0; i < MEASURE_POLLS && !ended; i++)
		ended = nd_inb(PORT_B) & 0x20;
	begin = nd_rdtsc() - begin;
	nd_outb(PORT_B, port_b);
	return ended ? begin : 0;
}

/* What the CPU itself says, where it does. */
static uint32_t cpuid_khz(void)
{
	struct nd_cpuid r;

	if (nd_cpuid(0).eax < 0x16)
		return 0;
	r = nd_cpuid(0x15);
	if (r.eax && r.ebx && r.ecx)
		return (uint32_t)((uint64_t)r.ecx * r.ebx / r.eax / 1000);
	return (nd_cpuid(0x16).eax & 0xFFFF) * 1000;
}

static bool khz_believable(uint64_t value)
{
	return value >= KHZ_MIN && value <= KHZ_MAX;
}

void nd_clock_set(uint32_t known_khz)
{
	uint64_t measured = known_khz;

	if (!khz_believable(measured))
		measured = pit_measure() / MEASURE_MS;

	if (!khz_believable(measured))
		measured = cpuid_khz();
	if (!khz_believable(measured))
		measured = KHZ_GUESS;
	khz = (uint32_t)measured;
	start_tsc = nd_rdtsc();
}

void nd_clock_init(void)
{
	nd_clock_set(0);
}

uint32_t nd_clock_khz(void)
{
	return khz ? khz : KHZ_GUESS;
}

uint64_t nd_clock_ms(void)
{
	return (nd_rdtsc() - start_tsc) / nd_clock_khz();
}

void nd_clock_wait_ms(uint32_t ms)
{
	uint64_t begin = nd_rdtsc();

	while (nd_rdtsc() - begin < (uint64_t)ms * nd_clock_khz())
		__asm__ volatile("pause");
}
