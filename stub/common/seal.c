// SPDX-License-Identifier: GPL-2.0-or-later
/* seal.c - whether fenced memory is still what netdump.c32 left.  32-bit flat, or long mode. */
#include "stub/common/seal.h"

#include "stub/common/phys.h"

bool nd_seal_holds(const struct nd_handoff *h)
{
	uint32_t crc = 0;

	for (uint32_t i = 0; i < h->seal_count; i++) {
		const struct nd_seal_range *range = &h->seal[i];

		if (range->bytes > UINT32_MAX - range->phys)
			return false;
		crc = nd_crc32(crc, nd_at_phys(range->phys), range->bytes);
	}
	return crc == h->seal_crc;
}
