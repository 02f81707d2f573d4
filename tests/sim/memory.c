// SPDX-License-Identifier: GPL-2.0-or-later
/* memory.c - what a crashed machine has. */
#include "tests/sim/memory.h"

#include <elf.h>

#include "tests/fuzz/image.h"
#include "tests/sim/report.h"

#define RAM          1u
#define FENCE        3u
#define PAGES(n)     ((uint64_t)(n)*ND_PAGE_BYTES)
#define HEADER_PHDRS 4u /* that image.c makes */

static const uint8_t *image(void)
{
	static uint8_t memory[ND_IMAGE_BYTES];
	static bool made;

	if (!made)
		nd_image_make(memory);
	made = true;
	return memory;
}

static void range_add(struct sim_memory *m, uint64_t phys, uint64_t bytes, uint32_t kind)
{
	SIM_NEED(m->ranges < ND_HELLO_RANGES_MAX);
	m->range[m->ranges++] = (struct nd_wire_range){phys, bytes, kind, 0};
}

static void load_add(struct sim_memory *m, uint64_t phys, uint64_t vaddr, uint64_t bytes)
{
	SIM_NEED(m->loads < SIM_LOADS_MAX);
	m->load[m->loads++] = (struct sim_load){phys, vaddr, bytes, bytes};
}

static bool page_is_ram(const struct sim_memory *m, uint64_t page)
{
	for (unsigned int i = 0; i < m->ranges; i++) {
		const struct nd_wire_range *r = &m->range[i];

		if (r->kind == RAM && page >= r->phys / ND_PAGE_BYTES &&
		    page <= (r->phys + r->bytes - 1) / ND_PAGE_BYTES)
			return true;
	}
	return false;
}

/* As dini/memory.c decides it. */
static bool page_is_readable(const struct sim_memory *m, uint64_t phys)
{
	bool ram = false;

	for (unsigned int i = 0; i < m->ranges; i++) {
		const struct nd_wire_range *r = &m->range[i];

		if (r->kind != RAM && phys < r->phys + r->bytes && phys + ND_PAGE_BYTES > r->phys)
			return false;
		ram |= r->kind == RAM && phys >= r->phys &&
		       phys + ND_PAGE_BYTES <= r->phys + r->bytes;
	}
	return ram;
}

/* What of a PT_LOAD is RAM from its start on: the rest does not go into the file. */
static void load_clip(const struct sim_memory *m, struct sim_load *l)
{
	uint64_t end = l->phys;

	while (end < l->phys + l->bytes && page_is_ram(m, end / ND_PAGE_BYTES))
		end = (end / ND_PAGE_BYTES + 1) * ND_PAGE_BYTES;
	if (end < l->phys + l->bytes)
		l->bytes = end - l->phys;
}

static void header_make(struct sim_memory *m)
{
	Elf64_Ehdr *ehdr = (Elf64_Ehdr *)m->header;
	Elf64_Phdr *phdr = (Elf64_Phdr *)(m->header + sizeof *ehdr);

	memcpy(m->header, image() + ND_IMAGE_ELFCOREHDR, sizeof m->header);
	for (unsigned int i = 2; i < m->loads; i++)
		phdr[HEADER_PHDRS + i - 2] = (Elf64_Phdr){
			.p_type = PT_LOAD,
			.p_flags = PF_R,
			.p_offset = m->load[i].phys,
			.p_vaddr = m->load[i].vaddr,
			.p_paddr = m->load[i].phys,
			.p_filesz = m->load[i].bytes,
			.p_memsz = m->load[i].mem_bytes,
		};
	ehdr->e_phnum = (Elf64_Half)(HEADER_PHDRS + m->loads - 2);
	if (m->header_kind == SIM_HEADER_BAD)
		memset(m->header, (int)(m->seed & 1) * 0x5a, sizeof m->header);
}

/* Without a header that makes sense, HELLO's ranges are all there is to go by. */
static void loads_from_ranges(struct sim_memory *m)
{
	m->loads = 0;
	for (unsigned int i = 0; i < m->ranges; i++)
		if (m->range[i].kind == RAM)
			load_add(m, m->range[i].phys, 0, m->range[i].bytes);
}

/* One more range of RAM behind `at`, with what may be around it; where it ends. */
static uint64_t range_make(struct sim_memory *m, struct sim_chance *c, uint64_t at, uint64_t pages)
{
	uint64_t phys, bytes = PAGES(pages);

	if (sim_chance_below(c, 6) == 0 && at < 1ull << 32)
		at = 1ull << 32;
	else if (sim_chance_below(c, 3))
		at += PAGES(sim_chance_from(c, 1, 300));
	phys = at;
	if (sim_chance_below(c, 5) == 0 && at > ND_IMAGE_BYTES && pages > 2) {
		phys += 0x400; /* edges that are no page's */
		bytes -= 0xc00;
	}
	range_add(m, phys, bytes, RAM);
	load_add(m, phys, 0xffff888000000000u + phys, bytes);
	if (sim_chance_below(c, 6) == 0)
		m->load[m->loads - 1].bytes += PAGES(sim_chance_from(c, 1, 40));
	m->load[m->loads - 1].mem_bytes = m->load[m->loads - 1].bytes;
	if (sim_chance_below(c, 4) == 0 && pages > 8) {
		range_add(m, at + PAGES(sim_chance_from(c, 1, pages - 6)),
			  PAGES(sim_chance_from(c, 1, 4)), FENCE);
		return at + PAGES(pages);
	}
	if (sim_chance_below(c, 4) == 0) {
		range_add(m, at + PAGES(pages), PAGES(2), FENCE);
		return at + PAGES(pages + 3);
	}
	return at + PAGES(pages + 1);
}

void sim_memory_make(struct sim_memory *m, struct sim_chance *c, uint64_t pages, bool plain)
{
	unsigned int ranges = plain ? 1 : (unsigned int)sim_chance_from(c, 1, 6), dice;
	uint64_t at = ND_IMAGE_BYTES;

	memset(m, 0, sizeof *m);
	m->seed = sim_chance_next(c);
	m->zero_ppm = (uint32_t)sim_chance_below(c, 600000);
	m->random_ppm = (uint32_t)sim_chance_below(c, 600000);
	range_add(m, ND_IMAGE_RAM, ND_IMAGE_BYTES - ND_IMAGE_RAM, RAM);
	load_add(m, 0x1000, 0xffff888000001000u, 0xf000);
	load_add(m, 0x13000, 0xffff888000013000u, ND_IMAGE_BYTES - 0x13000);
	if (plain) {
		range_add(m, at, PAGES(pages), RAM);
		load_add(m, at, 0xffff888000000000u + at, PAGES(pages));
	} else {
		for (unsigned int i = 0; i < ranges; i++)
			at = range_make(m, c, at, sim_chance_from(c, 1, pages * 2 / ranges + 1));
		/* Linux names its own text twice, at another address. */
		load_add(m, 0x13000, 0xffffffff80013000u, PAGES(8));
	}
	dice = plain ? 9 : (unsigned int)sim_chance_below(c, 10);
	m->header_kind = dice == 0 ? SIM_HEADER_NONE : dice == 1 ? SIM_HEADER_BAD : SIM_HEADER_GOOD;
	header_make(m);
	if (m->header_kind != SIM_HEADER_GOOD)
		loads_from_ranges(m);
	for (unsigned int i = 0; i < m->loads; i++)
		load_clip(m, &m->load[i]);
}

static void page_make(const struct sim_memory *m, uint64_t phys, uint64_t *page)
{
	struct sim_chance c = sim_chance_part(m->seed, phys);
	uint32_t dice = (uint32_t)sim_chance_below(&c, SIM_MILLION);
	unsigned int words = ND_PAGE_BYTES / 8, random = words;

	if (dice < m->zero_ppm)
		random = 0;
	else if (dice >= m->zero_ppm + m->random_ppm)
		random = (unsigned int)sim_chance_below(&c, words / 2) + 1;
	for (unsigned int i = 0; i < random; i++)
		page[i] = sim_chance_next(&c);
	/* What is left compresses, or is zero. */
	for (unsigned int i = random; i < words; i++)
		page[i] = random && (c.state & 1) ? page[i % random] : 0;
}

const void *sim_memory_page(void *memory, uint64_t phys)
{
	static _Alignas(8) uint8_t page[ND_PAGE_BYTES];
	struct sim_memory *m = memory;

	if (!page_is_readable(m, phys))
		return NULL;
	if (phys == ND_IMAGE_ELFCOREHDR)
		return m->header;
	if (phys < ND_IMAGE_BYTES)
		return image() + phys;
	page_make(m, phys, (uint64_t *)page);
	if (m->changes)
		page[100] ^= (uint8_t)++m->reads;
	return page;
}

uint64_t sim_memory_elfcorehdr(const struct sim_memory *m)
{
	return m->header_kind == SIM_HEADER_NONE ? 0 : ND_IMAGE_ELFCOREHDR;
}
