// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * entropy.c - the randomness that the machine has at the crash.  Long mode.
 *
 * Every source is hashed in, so the result is no worse than the best of them:
 *   RDRAND     all that is needed, where the CPU has it and it is to be believed
 *   boot seed  com32/netdump/seed.c says of what; lay in memory that the system could read
 *   jitter     the time stamp counter against port reads, which wait for a bus with a clock
 *              of its own: on bare metal a bit a sample at the least, under an emulator
 *              that counts instructions none
 *   the crash  its time, place and reason: no secret, but no two crashes get the same keys
 */
#include "dini/entropy.h"

#include <bearssl.h>

#include "dini/io.h"
#include "wire/noise.h"

#define RDRAND_WORDS   8   /* 512 bits, for 256 */
#define JITTER_SAMPLES 512 /* of three port accesses each, about a microsecond apiece */
#define PIT_CHANNEL_0  0x40
#define PIT_COMMAND    0x43
#define CPUID_RDRAND   (1u << 30)

static void rdrand_add(br_sha256_context *sha)
{
	if (!(nd_cpuid(1).ecx & CPUID_RDRAND))
		return;
	for (unsigned int i = 0; i < RDRAND_WORDS; i++) {
		uint64_t word = nd_rdrand();

		br_sha256_update(sha, &word, sizeof word);
	}
}

static void jitter_add(br_sha256_context *sha)
{
	for (unsigned int i = 0; i < JITTER_SAMPLES; i++) {
		struct {
			uint64_t tsc;
			uint64_t pit;
		} sample;

		nd_outb(PIT_COMMAND, 0); /* channel 0's count is latched, and read low byte first */
		sample.pit = nd_inb(PIT_CHANNEL_0);
		sample.pit |= (uint64_t)nd_inb(PIT_CHANNEL_0) << 8;
		sample.tsc = nd_rdtsc();
		br_sha256_update(sha, &sample, sizeof sample);
	}
}

void nd_entropy_mix(uint8_t seed[ND_KEY_BYTES], const uint8_t boot_seed[ND_KEY_BYTES],
		    const void *crash, size_t bytes)
{
	br_sha256_context sha;

	br_sha256_init(&sha);
	br_sha256_update(&sha, boot_seed, ND_KEY_BYTES);
	br_sha256_update(&sha, crash, bytes);
	rdrand_add(&sha);
	jitter_add(&sha);
	br_sha256_out(&sha, seed);
	nd_noise_wipe(&sha, sizeof sha);
}
