/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * seed.c - what boot leaves of randomness for a crash.  32-bit, PXELINUX running.
 *
 * What it is worth:
 *   RDRAND       all that is needed, where the CPU has it and it is to be believed
 *   clocks       the time stamp counter against the counter behind the BIOS's tick: on bare
 *                metal a bit a sample at the least, under an emulator perhaps none
 *   PXE packets  the firmware's transaction number and what servers answered: seen by
 *                everyone on the boot network
 *   BIOS data    tick count, the keyboard's last keys; the clock's date and time
 * DINI mixes it with what it finds at the crash, and passes it through SHA-256 then.  It lies
 * in memory that the system can read, so it is a secret from the network only.
 *
 * Hashed with the SHA-1 that Syslinux has in its library: nobody chooses what goes in, so that
 * collisions can be made is no matter.  Two differently begun hashes make the 32 bytes.
 */
#include <cpufeature.h>
#include <sha1.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <syslinux/pxe.h>
#include <x86/cpu.h>

#include "netdump.h"
#include "seed.h"

#define SHA1_BYTES     20
#define SHA1_CHUNK     32 /* below a block: longer input is overwritten */
#define RDRAND_WORDS   16
#define RDRAND_TRIES   10
#define CPUID_RDRAND   (1u << 30)
#define CPUID_TSC      (1u << 4)
#define CLOCK_SAMPLES  512
#define PIT_CHANNEL_0  0x40
#define PIT_COMMAND    0x43
#define CMOS_INDEX     0x70
#define CMOS_DATA      0x71
#define CMOS_CLOCK_END 10 /* date and time are before it */

static SHA1_CTX half[2];

static void add(const void *data, size_t bytes)
{
	const unsigned char *p = data;

	while (bytes) {
		uint32_t part = bytes < SHA1_CHUNK ? bytes : SHA1_CHUNK;

		SHA1Update(&half[0], p, part);
		SHA1Update(&half[1], p, part);
		p += part;
		bytes -= part;
	}
}

static uint32_t rdrand(void)
{
	uint32_t drawn = 0;
	uint8_t good = 0;

	for (int i = 0; i < RDRAND_TRIES && !good; i++)
		__asm__ volatile("rdrand %0; setc %1" : "=r"(drawn), "=q"(good) : : "cc");
	return good ? drawn : 0;
}

static void cpu_add(void)
{
	uint32_t eax, ebx, ecx = 0, edx = 0;

	if (cpu_has_eflag(EFLAGS_ID))
		cpuid(1, &eax, &ebx, &ecx, &edx);
	for (int i = 0; i < RDRAND_WORDS && (ecx & CPUID_RDRAND); i++) {
		uint32_t word = rdrand();

		add(&word, sizeof word);
	}
	for (int i = 0; i < CLOCK_SAMPLES && (edx & CPUID_TSC); i++) {
		uint32_t sample[2];

		outb(0, PIT_COMMAND); /* channel 0's count is latched, and read low byte first */
		sample[0] = inb(PIT_CHANNEL_0);
		sample[0] |= (uint32_t)inb(PIT_CHANNEL_0) << 8;
		sample[1] = rdtscl();
		add(sample, sizeof sample);
	}
}

static void packets_add(void)
{
	static const int types[] = {PXENV_PACKET_TYPE_DHCP_DISCOVER, PXENV_PACKET_TYPE_DHCP_ACK,
				    PXENV_PACKET_TYPE_CACHED_REPLY};

	for (unsigned i = 0; i < sizeof types / sizeof *types; i++) {
		void *data;
		size_t bytes;

		if (pxe_get_cached_info(types[i], &data, &bytes))
			continue;
		add(data, bytes);
		free(data);
	}
}

static void bios_add(void)
{
	volatile const uint8_t *low = nd_low(0);

	for (uint32_t at = 0x400; at < ND_LOW_COPY_BYTES; at++) {
		uint8_t byte = low[at];

		add(&byte, 1);
	}
	for (uint8_t at = 0; at < CMOS_CLOCK_END; at++) {
		uint8_t byte;

		outb(at, CMOS_INDEX);
		byte = inb(CMOS_DATA);
		add(&byte, 1);
	}
}

void nd_seed_make(uint8_t seed[ND_KEY_BYTES], const void *machine, size_t bytes)
{
	uint8_t digest[2][SHA1_BYTES];

	for (unsigned char i = 0; i < 2; i++) {
		SHA1Init(&half[i]);
		SHA1Update(&half[i], &i, 1);
	}
	add(machine, bytes);
	cpu_add();
	packets_add();
	bios_add();
	SHA1Final(digest[0], &half[0]);
	SHA1Final(digest[1], &half[1]);
	memcpy(seed, digest, ND_KEY_BYTES);
	memset(digest, 0, sizeof digest);
}
