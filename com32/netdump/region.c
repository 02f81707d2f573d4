/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * region.c - takes the memory for the gate and DINI, puts both in place, and
 * hooks INT 15h, so that from here on everyone, PXELINUX's own loaders included,
 * sees the fence.  32-bit, PXELINUX running.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netdump.h"

#define BASE_MEMORY_END 0xa0000u
#define INT15_VECTOR    ((volatile uint32_t *)nd_low(4 * 0x15))

bool nd_dini_check(const char *name, const void *file, size_t bytes)
{
	const struct nd_dini_header *h = file;

	if (bytes < sizeof *h || h->magic != ND_DINI_FILE_MAGIC || h->bytes < sizeof *h ||
	    h->image_bytes != bytes || h->memory_bytes < bytes || h->memory_bytes > (2u << 20) ||
	    (h->memory_bytes & 4095) || h->entry_offset >= bytes) {
		nd_error("%s (%u bytes) is no DINI image, or is damaged: run make dist and copy "
			 "its dini.bin beside pxelinux.0",
			 name, (unsigned)bytes);
		return false;
	}
	if (h->version != ND_HANDOFF_VERSION) {
		nd_error("%s is of version %u, netdump.c32 of %u: run make dist and copy all of "
			 "build/tftpboot",
			 name, h->version, ND_HANDOFF_VERSION);
		return false;
	}
	return true;
}

bool nd_gate_check(void)
{
	const struct netdump_gate_header *gate;
	size_t bytes;

	if (!netdump_gate_image || !netdump_arm) {
		nd_error("this PXELINUX has no gate: use the pxelinux.0 that came with "
			 "netdump.c32");
		return false;
	}
	gate = netdump_gate_image(&bytes);
	if (bytes >= sizeof *gate &&
	    !memcmp(gate->signature, NETDUMP_GATE_SIGNATURE, sizeof gate->signature) &&
	    gate->call_bytes == sizeof(struct nd_gate_call) &&
	    gate->tx_slot_count == ND_GATE_TX_SLOTS && gate->rx_slot_count == ND_GATE_RX_SLOTS &&
	    gate->slot_bytes == ND_GATE_SLOT_BYTES)
		return true;
	nd_error("this PXELINUX has a gate of another version: use the pxelinux.0 that came with "
		 "netdump.c32");
	return false;
}

static void gate_place(struct nd_region *r)
{
	size_t bytes;
	const void *image = netdump_gate_image(&bytes);
	uint8_t *segment = (uint8_t *)r->gate_phys;

	memset(segment, 0, NETDUMP_GATE_BYTES);
	memcpy(segment + NETDUMP_GATE_HEADER, image, bytes);
	r->gate = (struct netdump_gate_header *)(segment + NETDUMP_GATE_HEADER);
}

/* Fills the gate's map and puts its hook before the BIOS's. */
static void int15_hook(struct nd_region *r)
{
	uint64_t end = nd_map_high_ram_end(&r->map);
	uint64_t below = end < 0x1000000 ? end : 0x1000000;
	uint64_t above = end < 0x1000000 ? 0x1000000 : end;

	if (above > 0xffffffff)
		above = 0x100000000;
	memcpy((uint8_t *)r->gate_phys + r->gate->e820_table, r->map.entry,
	       r->map.count * sizeof r->map.entry[0]);
	r->gate->e820_count = (uint16_t)r->map.count;
	r->gate->e801_low_kib = (uint16_t)((below - 0x100000) >> 10);
	r->gate->e801_high_64k = (uint16_t)((above - 0x1000000) >> 16);
	r->gate->ext88_kib = (uint16_t)((end < 0x4000000 ? end - 0x100000 : 0x3f00000) >> 10);
	r->gate->undi_entry_far = r->undi.entry_far;
	r->int15_before = *INT15_VECTOR;
	r->gate->int15_old_far = r->int15_before;
	*INT15_VECTOR = (r->gate_phys >> 4) << 16 | r->gate->int15_hook;
}

static void wide_hole_note(const struct nd_fence *fence)
{
	if (fence->wide_bytes)
		printf("netdump: note: the BIOS does not say what is at 0x%x-0x%x behind RAM; its "
		       "first %u KiB are fenced, should the firmware hide there\n",
		       (unsigned)fence->wide_phys,
		       (unsigned)(fence->wide_phys + fence->wide_bytes - 1),
		       (unsigned)(fence->wide_fenced_bytes >> 10));
}

static bool fence_make(struct nd_region *r)
{
	uint32_t gate_end = r->gate_phys + NETDUMP_GATE_BYTES;

	if (!nd_e820_read(&r->map))
		return false;
	nd_fence_add(&r->fence, r->gate_phys, NETDUMP_GATE_BYTES, ND_RANGE_GATE);
	/* The firmware's base memory, whatever the BIOS's map says of it. */
	nd_fence_add(&r->fence, gate_end, BASE_MEMORY_END - gate_end, ND_RANGE_UNDI);
	nd_fence_find_hidden(&r->fence, &r->map);
	wide_hole_note(&r->fence);
	nd_fence_add(&r->fence, r->dini_phys, r->dini.memory_bytes, ND_RANGE_DINI);
	nd_fence_apply(&r->map, &r->fence);
	if (r->fence.overflow)
		nd_error("the memory map has too many holes that may be the "
			 "firmware's; " ND_TRY_WITHOUT);
	else if (r->map.overflow)
		nd_error("the memory map has too many entries for the fence (at most "
			 "%d); " ND_TRY_WITHOUT,
			 NETDUMP_E820_MAX);
	return !r->fence.overflow && !r->map.overflow;
}

bool nd_region_take(struct nd_region *r, const void *dini_file, size_t dini_bytes)
{
	memset(r, 0, sizeof *r);
	memcpy(&r->dini, dini_file, sizeof r->dini);
	netdump_undi_get(&r->undi);
	r->dini_phys = netdump_high_take(r->dini.memory_bytes);
	r->gate_phys = r->dini_phys ? netdump_low_take(NETDUMP_GATE_BYTES) : 0;
	if (!r->gate_phys) {
		if (r->dini_phys)
			nd_error("too little base memory: its last %u KiB are not free; something "
				 "besides PXE keeps them",
				 NETDUMP_GATE_BYTES >> 10);
		else
			nd_error("too little memory: %u KiB below 4 GiB are not free; give the "
				 "machine more, or load smaller images",
				 (unsigned)(r->dini.memory_bytes >> 10));
		nd_region_give(r);
		return false;
	}
	memcpy((void *)r->dini_phys, dini_file, dini_bytes);
	memset((uint8_t *)r->dini_phys + dini_bytes, 0, r->dini.memory_bytes - dini_bytes);
	gate_place(r);
	if (!fence_make(r)) {
		nd_region_give(r);
		return false;
	}
	int15_hook(r);
	return true;
}

void nd_region_give(struct nd_region *r)
{
	if (r->int15_before)
		*INT15_VECTOR = r->int15_before;
	netdump_give();
	memset(r, 0, sizeof *r);
}
