/* SPDX-License-Identifier: GPL-2.0-or-later */
/* iommu.h - units that translate devices' addresses and interrupts. */
#ifndef DINI_IOMMU_H
#define DINI_IOMMU_H

#include "netdump/handoff.h"

/* Those in the list are switched off; bus mastering has to be off before. */
void nd_iommu_off(const struct nd_device *device, unsigned int count);

#endif
