// SPDX-License-Identifier: GPL-2.0-or-later
/* stacks.c - the stacks on which the CPUs were at the crash. */
#include "server/stacks.h"

#include <elf.h>
#include <string.h>

#include "netdump/wire.h"

#define STACK_BYTES   16384u /* of a task; an interrupt's is as large */
#define CPUS_MAX      256
#define RSP_OFFSET    264u /* in struct elf_prstatus of x86-64 */
#define KERNEL_HALF   (1ull << 63)
#define NOTE_ROUND(n) (((uint64_t)(n) + 3) & ~3ull)

static enum nd_mem_status stack_want(struct nd_xlat *x, uint64_t rsp)
{
	uint64_t virt = rsp & ~(uint64_t)(STACK_BYTES - 1);
	enum nd_mem_status status = ND_MEM_OK;
	uint8_t byte;

	for (unsigned int at = 0; at < STACK_BYTES; at += ND_PAGE_BYTES)
		if (nd_xlat_read(x, virt + at, &byte, 1) == ND_MEM_WAIT)
			status = ND_MEM_WAIT;
	return status;
}

enum nd_mem_status nd_stacks_want(struct nd_xlat *x, const uint8_t *notes, size_t bytes)
{
	enum nd_mem_status status = ND_MEM_OK;
	unsigned int cpus = 0;

	while (bytes >= sizeof(Elf64_Nhdr) && cpus < CPUS_MAX) {
		uint64_t name, desc, rsp;
		Elf64_Nhdr n;

		memcpy(&n, notes, sizeof n);
		name = NOTE_ROUND(n.n_namesz);
		desc = NOTE_ROUND(n.n_descsz);
		if (name + desc > bytes - sizeof n)
			break;
		if (n.n_type == NT_PRSTATUS && n.n_descsz >= RSP_OFFSET + sizeof rsp) {
			memcpy(&rsp, notes + sizeof n + name + RSP_OFFSET, sizeof rsp);
			cpus++;
			if (rsp & KERNEL_HALF && stack_want(x, rsp) == ND_MEM_WAIT)
				status = ND_MEM_WAIT;
		}
		notes += sizeof n + name + desc;
		bytes -= sizeof n + name + desc;
	}
	return status;
}
