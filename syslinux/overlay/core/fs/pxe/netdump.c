/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * netdump.c - what netdump.c32 needs of the core and cannot have from outside:
 * the gate's image, memory at the top of the heaps, the PXE stack's address, and
 * a call after the core's last call to that stack.
 *
 * 32-bit protected mode, PXELINUX running.
 */
#include <stdint.h>
#include <string.h>
#include <bios.h>
#include <core.h>
#include <syslinux/netdump.h>
#include "pxe.h"
#include "../../mem/malloc.h"
#include "netdump.h"

extern far_ptr_t StrucPtr;

static void (*last_call)(void);

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

__export void netdump_undi_get(struct netdump_undi *undi)
{
	undi->entry_far = (uint32_t)PXEEntry.seg << 16 | PXEEntry.offs;
	undi->struct_far = (uint32_t)StrucPtr.seg << 16 | StrucPtr.offs;
	undi->low_end_phys = netdump_base_memory_end();
}

/* The free block of a heap that ends highest, or NULL. */
static struct free_arena_header *top_block(enum heap heap)
{
	struct free_arena_header *head = &__core_malloc_head[heap];
	struct free_arena_header *fp, *top = NULL;

	for (fp = head->next_free; fp != head; fp = fp->next_free)
		if (!top || fp > top)
			top = fp;
	return top;
}

static uint32_t take(enum heap heap, uint32_t end, size_t bytes)
{
	struct free_arena_header *fp = top_block(heap);
	uint32_t start, size;

	if (!fp)
		return 0;
	size = ARENA_SIZE_GET(fp->a.attrs);
	if (end && (uint32_t)fp + size != end)
		return 0;
	start = ((uint32_t)fp + size - bytes) & ~0xfffu;
	if (start < (uint32_t)fp + 4096 || start > (uint32_t)fp + size)
		return 0;
	ARENA_SIZE_SET(fp->a.attrs, start - (uint32_t)fp);
	return start;
}

static void give(enum heap heap, uint32_t phys, size_t bytes)
{
	struct free_arena_header *fp = (struct free_arena_header *)phys;

	memset(fp, 0, sizeof *fp);
	fp->a.attrs = ARENA_TYPE_USED | (heap << ARENA_HEAP_POS);
	ARENA_SIZE_SET(fp->a.attrs, bytes);
	__inject_free_block(fp);
}

/* Base memory ends where 40:13 says; the gate's start is a whole KiB of it. */
__export uint32_t netdump_low_take(size_t bytes)
{
	uint32_t phys = take(HEAP_LOWMEM, bios_fbm() << 10, bytes);

	if (phys)
		set_bios_fbm(phys >> 10);
	return phys;
}

__export void netdump_low_give(uint32_t phys, size_t bytes)
{
	give(HEAP_LOWMEM, phys, bytes);
	set_bios_fbm((phys + bytes) >> 10);
}

__export uint32_t netdump_high_take(size_t bytes)
{
	return take(HEAP_MAIN, 0, bytes);
}

__export void netdump_high_give(uint32_t phys, size_t bytes)
{
	give(HEAP_MAIN, phys, bytes);
}

__export void netdump_arm(void (*last)(void))
{
	KeepPXE = last != NULL;
	last_call = last;
}

bool netdump_hand_over(void)
{
	if (!last_call)
		return false;
	last_call();
	return true;
}
