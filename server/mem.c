// SPDX-License-Identifier: GPL-2.0-or-later
/* mem.c - the crashed machine's physical memory as parsers see it. */
#include "server/mem.h"

#include <string.h>

#include "netdump/wire.h"

enum nd_mem_status nd_mem_worse(enum nd_mem_status a, enum nd_mem_status b)
{
	return a > b ? a : b;
}

enum nd_mem_status nd_mem_read(const struct nd_mem *mem, uint64_t phys, void *to, size_t bytes)
{
	enum nd_mem_status status = ND_MEM_OK;
	uint8_t *out = to;

	if (bytes && bytes - 1 > UINT64_MAX - phys)
		return ND_MEM_ABSENT;
	while (bytes) {
		size_t offset = phys % ND_PAGE_BYTES;
		size_t part = ND_PAGE_BYTES - offset < bytes ? ND_PAGE_BYTES - offset : bytes;
		const uint8_t *data = NULL;
		enum nd_mem_status s = mem->page(mem->context, phys / ND_PAGE_BYTES, &data);

		if (s == ND_MEM_OK)
			memcpy(out, data + offset, part);
		status = nd_mem_worse(status, s);
		if (status > ND_MEM_WAIT)
			return status;
		out += part;
		phys += part;
		bytes -= part;
	}
	return status;
}
