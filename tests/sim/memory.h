/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * memory.h - what a crashed machine has: ranges of RAM and fences, an ELF core header over
 * tests/fuzz/image.h's small Linux, and pages that are made anew whenever they are read.
 */
#ifndef TESTS_SIM_MEMORY_H
#define TESTS_SIM_MEMORY_H

#include "netdump/wire.h"
#include "tests/sim/chance.h"

#define SIM_LOADS_MAX 40

/* A PT_LOAD that the vmcore must have: bytes of it are in the file. */
struct sim_load {
	uint64_t phys, vaddr, bytes, mem_bytes;
};

enum sim_header { SIM_HEADER_GOOD, SIM_HEADER_NONE, SIM_HEADER_BAD };

struct sim_memory {
	uint64_t seed;
	enum sim_header header_kind;
	unsigned int ranges, loads;
	struct nd_wire_range range[ND_HELLO_RANGES_MAX];
	struct sim_load load[SIM_LOADS_MAX];
	uint8_t header[ND_PAGE_BYTES];
	uint32_t zero_ppm, random_ppm; /* of its pages */
	bool changes;                  /* it does not stand still: the simulator's own test */
	uint64_t reads;
};

/* About so many pages; plain: one range of RAM. */
void sim_memory_make(struct sim_memory *m, struct sim_chance *c, uint64_t pages, bool plain);

/* nd_agent_page_fn: good until the next call, NULL where DINI may not read. */
const void *sim_memory_page(void *memory, uint64_t phys);

uint64_t sim_memory_elfcorehdr(const struct sim_memory *m);

#endif
