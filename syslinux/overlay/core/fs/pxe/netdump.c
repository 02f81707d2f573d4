/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * netdump.c - what netdump.c32 needs of the core and cannot have from outside:
 * the gate's image, memory at the top of the heaps, the PXE stack's address, a datagram by
 * its network, and a call after the core's last call to that stack.
 *
 * 32-bit protected mode, PXELINUX running.
 */
#include <stdint.h>
#include <string.h>
#include <bios.h>
#include <core.h>
#include <net.h>
#include <syslinux/netdump.h>
#include "pxe.h"
#include "../../mem/malloc.h"
#include "netdump.h"

#define PAGE_BYTES      4096u
#define PARAGRAPH_BYTES 16u
#define BASE_MEMORY_END 0xa0000u

extern far_ptr_t StrucPtr;

static void (*last_call)(void);

/* What was taken of each heap: the end of a block, with what rounding down left behind it. */
struct taken {
	uint32_t phys, bytes;
};
static struct taken low_taken, high_taken;
static uint32_t low_end_before; /* 40:13 as it was, in bytes */

__asm__(".section .rodata\n"
	".globl netdump_gate_start, netdump_gate_end\n"
	"netdump_gate_start: .incbin \"fs/pxe/netdump.gate\"\n"
	"netdump_gate_end:\n"
	".previous\n");
extern const char netdump_gate_start[], netdump_gate_end[];

__export const void *netdump_gate_image(size_t *bytes)
{
	*bytes = netdump_gate_end - netdump_gate_start;
	return netdump_gate_start;
}

static uint32_t ebda_phys(void)
{
	volatile uint16_t *segment = (volatile uint16_t *)0x40e;

	__asm__("" : "+r"(segment)); /* an address, not an object of no size */
	return (uint32_t)*segment << 4;
}

static uint32_t segment_end(const pxe_segdesc_t *segment, uint32_t end)
{
	uint32_t its_end = ((uint32_t)segment->sel << 4) + segment->size;

	return its_end > end && its_end <= BASE_MEMORY_END ? its_end : end;
}

/*
 * Firmware over firmware, as undionly.kpxe over the UNDI of the NIC's ROM: PXELINUX runs on the
 * former, which calls the latter, and the latter's segments lie above its own.
 */
static uint32_t firmware_end(uint32_t end)
{
	uint32_t at = (end + PARAGRAPH_BYTES - 1) & ~(PARAGRAPH_BYTES - 1);

	for (; at + sizeof(struct pxe_t) <= BASE_MEMORY_END; at += PARAGRAPH_BYTES) {
		const struct pxe_t *pxe = (const struct pxe_t *)at;

		if (!is_pxe(pxe))
			continue;
		end = segment_end(&pxe->seg[PXE_Seg_UNDIData], end);
		end = segment_end(&pxe->seg[PXE_Seg_UNDICode], end);
	}
	return end;
}

/* Where the firmware's segments reach into the BIOS's extended data area, that counts. */
__export void netdump_undi_get(struct netdump_undi *undi)
{
	uint32_t end = firmware_end(netdump_base_memory_end());
	uint32_t ebda = ebda_phys();

	undi->entry_far = (uint32_t)PXEEntry.seg << 16 | PXEEntry.offs;
	undi->struct_far = (uint32_t)StrucPtr.seg << 16 | StrucPtr.offs;
	undi->low_end_phys = ebda >= (uint32_t)bios_fbm() << 10 && ebda < end ? ebda : end;
}

/*
 * The highest free block of a heap that has room: whole pages at its end, and a
 * page left for its header.  With an end, only the block that reaches to it.
 */
static struct free_arena_header *block_find(enum heap heap, uint32_t end, size_t bytes)
{
	struct free_arena_header *head = &__core_malloc_head[heap];
	struct free_arena_header *fp, *best = NULL;

	for (fp = head->next_free; fp != head; fp = fp->next_free) {
		uint32_t top = (uint32_t)fp + ARENA_SIZE_GET(fp->a.attrs);

		if (end ? top != end : best && fp < best)
			continue;
		if (ARENA_SIZE_GET(fp->a.attrs) >= bytes + 2 * PAGE_BYTES)
			best = fp;
	}
	return best;
}

static uint32_t take(struct taken *taken, enum heap heap, uint32_t end, size_t bytes)
{
	struct free_arena_header *fp = block_find(heap, end, bytes);
	uint32_t size, start;

	if (!fp)
		return 0;
	size = ARENA_SIZE_GET(fp->a.attrs);
	start = ((uint32_t)fp + size - bytes) & ~(PAGE_BYTES - 1);
	taken->phys = start;
	taken->bytes = (uint32_t)fp + size - start;
	ARENA_SIZE_SET(fp->a.attrs, start - (uint32_t)fp);
	return start;
}

static void give(struct taken *taken, enum heap heap)
{
	struct free_arena_header *fp = (struct free_arena_header *)taken->phys;

	if (!taken->phys)
		return;
	memset(fp, 0, sizeof *fp);
	fp->a.attrs = ARENA_TYPE_USED | (heap << ARENA_HEAP_POS);
	ARENA_SIZE_SET(fp->a.attrs, taken->bytes);
	__inject_free_block(fp);
	taken->phys = 0;
}

/* Base memory ends where 40:13 says; the gate's start is a whole KiB of it. */
__export uint32_t netdump_low_take(size_t bytes)
{
	uint32_t end = bios_fbm() << 10;
	uint32_t phys = take(&low_taken, HEAP_LOWMEM, end, bytes);

	if (phys) {
		low_end_before = end;
		set_bios_fbm(phys >> 10);
	}
	return phys;
}

__export uint32_t netdump_high_take(size_t bytes)
{
	return take(&high_taken, HEAP_MAIN, 0, bytes);
}

__export void netdump_give(void)
{
	if (low_taken.phys)
		set_bios_fbm(low_end_before >> 10);
	give(&low_taken, HEAP_LOWMEM);
	give(&high_taken, HEAP_MAIN);
}

__export void netdump_udp_send(const uint8_t ip[4], uint16_t port, const void *data, size_t bytes)
{
	struct pxe_pvt_inode socket;
	uint32_t address;

	memset(&socket, 0, sizeof socket);
	memcpy(&address, ip, sizeof address);
	if (core_udp_open(&socket))
		return;
	core_udp_sendto(&socket, data, bytes, address, port);
	core_udp_close(&socket);
}

__export void netdump_arm(void (*last)(void))
{
	KeepPXE = last != NULL;
	last_call = last;
}

/*
 * PXELINUX's own interrupt handlers go first: what is copied and sealed now is put
 * back at a crash, when PXELINUX is long gone.  Doing it again, as the core will, is
 * harmless.
 */
bool netdump_hand_over(void)
{
	if (!last_call)
		return false;
	cleanup_hardware();
	last_call();
	return true;
}
