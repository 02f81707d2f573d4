// SPDX-License-Identifier: GPL-2.0-or-later
/* contents.c - see contents.h. */
#include "contents.h"

#include "bare.h"
#include "netdump/wire.h"

uint8_t contents_noise(uint64_t at)
{
	uint32_t x = (uint32_t)at * 2654435761u ^ (uint32_t)(at >> 32) * 40503u;

	x ^= x >> 15;
	x *= 2246822519u;
	return (uint8_t)(x >> 24);
}

uint8_t contents_text(uint64_t at)
{
	return (uint8_t) "crashed systems say the same again "[(at + (at >> 9)) % 35];
}

void contents_high_fill(uint64_t at, uint32_t pages)
{
	static uint64_t pdpt[4] __attribute__((aligned(4096)));
	static uint64_t low[512] __attribute__((aligned(4096)));
	static uint64_t high[512] __attribute__((aligned(4096)));
	uint8_t *p = phys(0xC0000000u + (uint32_t)(at & 0x1FFFFF));
	uint32_t cr0;

	for (uint32_t i = 0; i < 512; i++)
		low[i] = i * 0x200000ull | 0x83;
	high[0] = (at & ~0x1FFFFFull) | 0x83;
	pdpt[0] = (uint32_t)low | 1;
	pdpt[3] = (uint32_t)high | 1;
	__asm__ volatile("mov %0, %%cr4" : : "r"(0x20));
	__asm__ volatile("mov %0, %%cr3" : : "r"(pdpt));
	__asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
	__asm__ volatile("mov %0, %%cr0" : : "r"(cr0 | 0x80000000u) : "memory");
	for (uint32_t i = 0; i < pages * ND_PAGE_BYTES; i++)
		p[i] = contents_noise(at + i);
	__asm__ volatile("mov %0, %%cr0" : : "r"(cr0) : "memory");
	__asm__ volatile("mov %0, %%cr4" : : "r"(0));
}
