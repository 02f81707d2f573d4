/* SPDX-License-Identifier: GPL-2.0-or-later */
/* iommu.h - devices' view of memory: a VT-d unit with one domain for all of bus 0. */
#ifndef STUB_MULTIBOOT_IOMMU_H
#define STUB_MULTIBOOT_IOMMU_H

#include <stdint.h>

#include "stub/multiboot/ram.h"

/* Switches the unit at phys on; devices then reach `ram`, where it is, and nothing else. */
void nd_iommu_on(uint64_t phys, const struct nd_ram *ram);

/* Prints the first refusal that the unit has recorded, if there is one. */
void nd_iommu_print_fault(void);

#endif
