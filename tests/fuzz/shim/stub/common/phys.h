/* SPDX-License-Identifier: GPL-2.0-or-later */
/* phys.h - in the place of stub/common/phys.h: memory that is made up. */
#ifndef STUB_COMMON_PHYS_H
#define STUB_COMMON_PHYS_H

#include "tests/fuzz/shim/phys.h"

static inline void *nd_at_phys(uintptr_t phys)
{
	return nd_fuzz_phys + phys;
}

#endif
