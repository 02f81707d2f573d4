/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mem.h - the crashed machine's physical memory as parsers see it.
 *
 * A parser never waits.  It reads what it needs; pages that have not come yet are
 * noted as wanted and the read says ND_MEM_WAIT; once they are there the parser is
 * run again from its start.  Everything read is untrusted.
 */
#ifndef NETDUMP_SERVER_MEM_H
#define NETDUMP_SERVER_MEM_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum nd_mem_status {
	ND_MEM_OK = 0,
	ND_MEM_WAIT,   /* asked for, not here yet */
	ND_MEM_ABSENT, /* not the system's RAM, or the machine could not read it */
	ND_MEM_BAD,    /* what was read makes no sense (parsers only) */
};

struct nd_mem {
	/* *data: 4 KiB that stay valid while the parser runs */
	enum nd_mem_status (*page)(void *context, uint64_t page, const uint8_t **data);
	void *context;
};

/* Wants every page of the span before it says ND_MEM_WAIT, so one round trip brings all. */
enum nd_mem_status nd_mem_read(const struct nd_mem *mem, uint64_t phys, void *to, size_t bytes);

/* A number of the crashed machine's, wherever it lies. */
static inline uint64_t nd_u64_at(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

static inline uint32_t nd_u32_at(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof v);
	return v;
}

/* The worse of two: ABSENT and BAD win over WAIT, WAIT over OK. */
enum nd_mem_status nd_mem_worse(enum nd_mem_status a, enum nd_mem_status b);

#endif
