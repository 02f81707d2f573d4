// SPDX-License-Identifier: GPL-2.0-or-later
/* memory.c - the memory of machines that never were. */
#include "tests/tools/fakecrash/memory.h"

#include <elf.h>

#define LINE_BYTES 64 /* of a page that compresses: a pattern, with eight bytes of its own */

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

static void random_fill(uint64_t state, uint8_t *to, size_t bytes)
{
	for (size_t i = 0; i < bytes; i += sizeof state) {
		uint64_t word;

		state += 0x9e3779b97f4a7c15u;
		word = mix(state);
		memcpy(to + i, &word, sizeof word);
	}
}

static void text_fill(uint64_t state, uint8_t *to)
{
	uint8_t pattern[LINE_BYTES];

	random_fill(state, pattern, sizeof pattern);
	for (size_t i = 0; i < ND_PAGE_BYTES; i += LINE_BYTES) {
		memcpy(to + i, pattern, LINE_BYTES);
		random_fill(state + i + 1, to + i, sizeof(uint64_t));
	}
}

static Elf64_Phdr *phdrs(struct memory *m)
{
	return (Elf64_Phdr *)(m->linux_image + ND_IMAGE_ELFCOREHDR + sizeof(Elf64_Ehdr));
}

void memory_init(struct memory *m, uint64_t seed, uint64_t bytes, unsigned int zero,
		 unsigned int random)
{
	Elf64_Phdr *last = phdrs(m) + 3;

	*m = (struct memory){.seed = seed, .bytes = bytes, .zero = zero, .random = random};
	nd_image_make(m->linux_image);
	last->p_filesz = last->p_memsz = bytes - ND_IMAGE_REST;
}

uint64_t memory_pages(const struct memory *m)
{
	return (m->bytes - ND_IMAGE_RAM) / ND_PAGE_BYTES;
}

const uint8_t *memory_page(const struct memory *m, unsigned int machine, uint64_t phys,
			   uint8_t room[ND_PAGE_BYTES])
{
	uint64_t state = mix(m->seed ^ mix((uint64_t)machine << 40 ^ phys));
	unsigned int draw = (unsigned int)(state % 100);

	if (phys < ND_IMAGE_RAM || phys >= m->bytes)
		return NULL;
	if (phys < ND_IMAGE_REST)
		return m->linux_image + phys;
	if (draw < m->zero)
		memset(room, 0, ND_PAGE_BYTES);
	else if (draw < m->zero + m->random)
		random_fill(state, room, ND_PAGE_BYTES);
	else
		text_fill(state, room);
	return room;
}
