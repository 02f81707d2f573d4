// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * quiesce.c - takes the machine back to how the firmware expects it.  Long mode.
 *
 * Interrupts stay off for good (IF = 0): what is put right here is for the few
 * instructions in which firmware itself may open them.
 */
#include "dini/quiesce.h"

#include <stdbool.h>
#include <string.h>

#include "dini/chipset.h"
#include "dini/cpu.h"
#include "dini/exception.h"
#include "dini/io.h"
#include "dini/iommu.h"
#include "dini/masters.h"
#include "dini/watchdog.h"
#include "netdump/wire.h"

static uint8_t page0[ND_PAGE_BYTES] __attribute__((aligned(64)));
static bool page0_kept;

void nd_quiesce(const struct nd_handoff *h)
{
	if (!(h->skip & ND_STEP_OTHERS))
		nd_cpu_stop_others((uint8_t)h->first_apic);
	if (!(h->skip & ND_STEP_WATCHDOGS))
		nd_watchdog_stop();
	if (!(h->skip & ND_STEP_MASTERS))
		nd_masters_off();
	if (!(h->skip & ND_STEP_IOMMU))
		nd_iommu_off(h->device, h->device_count);
	if (!(h->skip & ND_STEP_CPU))
		nd_cpu_quiesce();
	if (!(h->skip & ND_STEP_CHIPSET))
		nd_chipset_quiesce(h);
	memcpy(page0, nd_low(0), sizeof page0);
	page0_kept = true;
	if (!(h->skip & ND_STEP_VECTORS))
		memcpy(nd_low(0), nd_low(h->low_copy_phys), ND_LOW_COPY_BYTES);
	nd_nmi_open64();
}

const void *nd_quiesce_page0(void)
{
	return page0_kept ? page0 : NULL;
}
