// SPDX-License-Identifier: GPL-2.0-or-later
/* living.c - see living.h.  Long mode. */
#include "dini/living.h"

#include <stdbool.h>
#include <string.h>

#include "dini/alarm.h"
#include "dini/chipset.h"
#include "dini/io.h"
#include "dini/ports.h"

#define PIC1_MASK 0x21
#define PIC2_MASK 0xA1
#define PIC_NONE  0xFF

static struct {
	uint8_t low[ND_LOW_COPY_BYTES];
	uint8_t pic1_mask, pic2_mask;
	struct nd_alarm_kept alarm;
	struct nd_hpet_kept hpet;
	bool has_vectors;
} kept;

void nd_living_aside(const struct nd_handoff *h)
{
	kept.pic1_mask = nd_inb(PIC1_MASK);
	kept.pic2_mask = nd_inb(PIC2_MASK);
	nd_outb(PIC1_MASK, PIC_NONE);
	nd_outb(PIC2_MASK, PIC_NONE);
	nd_alarm_keep(&kept.alarm, nd_chipset_ioapic_phys(h));
	nd_chipset_hpet_aside(h, &kept.hpet);
	kept.has_vectors = !(h->skip & ND_STEP_VECTORS);
	if (!kept.has_vectors)
		return;
	memcpy(kept.low, nd_low(0), sizeof kept.low);
	memcpy(nd_low(0), nd_low(h->low_copy_phys), sizeof kept.low);
}

void nd_living_back(void)
{
	if (kept.has_vectors)
		memcpy(nd_low(0), kept.low, sizeof kept.low);
	nd_alarm_give_back(&kept.alarm);
	nd_chipset_hpet_back(&kept.hpet); /* which has the clock's pin from here on */
	nd_outb(PIC2_MASK, kept.pic2_mask);
	nd_outb(PIC1_MASK, kept.pic1_mask);
}
