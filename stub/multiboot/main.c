// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * main.c - the reference kernel: a small system that wants its memory dumped.
 *
 * Long mode, one CPU, interrupts off from start to end.  Words on its command line:
 *   crash=ud2|pagefault|stack|panic|none   how to crash once everything is prepared
 *   fill=none|some|all|random              how much memory to fill, see fill.h
 *   fallback=halt|reboot                   what follows if there is no network dump
 *   secret=STRING                          kept in memory, to be looked for in a dump
 *   netdump=ADDRESS                        where the handoff block is
 *   iommu=on                               devices reach this kernel's memory only
 *   dma=check                              have QEMU's edu device try: its own and fenced memory
 *   fault=NAME[,NAME...]                   what to break right before the crash, see fault.h
 */
#include "netdump/handoff.h"
#include "stub/common/find.h"
#include "stub/common/phys.h"
#include "stub/common/serial.h"
#include "stub/common/words.h"
#include "stub/multiboot/bootinfo.h"
#include "stub/multiboot/core.h"
#include "stub/multiboot/crash.h"
#include "stub/multiboot/edu.h"
#include "stub/multiboot/fallback.h"
#include "stub/multiboot/fault.h"
#include "stub/multiboot/fill.h"
#include "stub/multiboot/iommu.h"
#include "stub/multiboot/machine.h"
#include "stub/multiboot/multiboot.h"
#include "stub/multiboot/paging.h"
#include "stub/multiboot/ram.h"
#include "stub/multiboot/trap.h"

#define MIB_1      0x100000u
#define VIDEO_PHYS 0xA0000u
#define MIB_SHIFT  20

static struct nd_bootinfo boot;
static struct nd_ram ram, free_ram;
static char secret[256];

static void ram_list(void)
{
	bool all = true;

	for (uint32_t i = 0; i < boot.range_count; i++)
		if (boot.range[i].type == MB_RANGE_RAM)
			all &= nd_ram_add(&ram, boot.range[i].from_phys, boot.range[i].to_phys);
	for (uint32_t i = 0; i < boot.range_count; i++)
		if (boot.range[i].type != MB_RANGE_RAM)
			all &= nd_ram_cut(&ram, boot.range[i].from_phys, boot.range[i].to_phys);
	nd_ram_whole_pages(&ram);
	if (!all)
		nd_serial_print("ref: memory map too long: part of it is not used\n");
}

/* Own tables: RAM at its direct mapping, the kernel one to one but for the stack's guard. */
static void memory_map(void)
{
	uint64_t start = (uint64_t)(uintptr_t)nd_image_start;
	uint64_t guard = (uint64_t)(uintptr_t)nd_stack_guard;
	uint64_t above = guard + ND_PAGE_BYTES;
	uint64_t end = (uint64_t)(uintptr_t)nd_image_end;

	nd_paging_map(start, start, guard - start);
	nd_paging_map(above, above, end - above);
	for (uint32_t i = 0; i < ram.count; i++) {
		uint64_t phys = ram.range[i].from_phys;

		if (!nd_paging_map(ND_DIRECT_LIN + phys, phys, ram.range[i].to_phys - phys)) {
			nd_serial_print("ref: no tables left: memory from %X on is not used\n",
					phys);
			ram.count = i;
			break;
		}
	}
	nd_paging_use();
}

/* What may be filled: not the first MiB, the kernel, or the modules. */
static void free_list(void)
{
	free_ram = ram;
	nd_ram_cut(&free_ram, 0, MIB_1);
	nd_ram_cut(&free_ram, (uint64_t)(uintptr_t)nd_image_start,
		   (uint64_t)(uintptr_t)nd_image_end);
	for (uint32_t i = 0; i < boot.module_count; i++)
		nd_ram_cut(&free_ram, boot.module[i].from_phys, boot.module[i].to_phys);
	nd_ram_whole_pages(&free_ram);
}

/* Boot page tables: everything below 4 GiB can be read. */
static uint32_t handoff_find(void)
{
	const volatile uint8_t *low = nd_at_phys(0);
	uint32_t damaged = 0, phys;
	struct nd_word value;
	uint64_t named;

	if (nd_word_find(boot.line, "netdump=", &value)) {
		if (nd_word_number(value, &named) && nd_find_at(low, named)) {
			nd_serial_print("ref: handoff block at %X, by name\n", named);
			return (uint32_t)named;
		}
		nd_serial_print("ref: no handoff block where netdump= says\n");
	}
	phys = nd_find_next(low, 0, &damaged);
	if (phys)
		nd_serial_print("ref: handoff block at %x, found\n", phys);
	else
		nd_serial_print("ref: no handoff block, %u damaged\n", damaged);
	return phys;
}

static void memory_fill(void)
{
	enum nd_fill fill = ND_FILL_SOME;
	struct nd_word value;

	if (nd_word_find(boot.line, "fill=", &value)) {
		if (nd_word_is(value, "none"))
			fill = ND_FILL_NONE;
		else if (nd_word_is(value, "all"))
			fill = ND_FILL_ALL;
		else if (nd_word_is(value, "random"))
			fill = ND_FILL_RANDOM;
		else if (!nd_word_is(value, "some"))
			nd_serial_print("ref: fill= knows none, some, all, random\n");
	}
	nd_serial_print("ref: filled %u pages\n", (uint32_t)nd_fill_ram(&free_ram, fill));
}

static void secret_keep(void)
{
	struct nd_word value;
	size_t i = 0;

	if (!nd_word_find(boot.line, "secret=", &value))
		return;
	for (; i < value.bytes && i < sizeof secret - 1; i++)
		secret[i] = value.text[i];
	nd_serial_print("ref: secret at %X\n", (uint64_t)(uintptr_t)secret);
}

/* Real recursion: every call needs its array when the one below it returns. */
static __attribute__((noinline)) uint32_t stack_use(uint32_t depth)
{
	volatile uint32_t frame[64];

	frame[depth % 64] = depth;
	return depth ? stack_use(depth - 1) + frame[depth % 64] : 0;
}

/* Fenced memory first, if there is any: that it faults is half of what the fence is for. */
static void fault(uint32_t dini_phys)
{
	if (dini_phys) {
		(void)*(volatile uint32_t *)nd_at_phys(ND_DIRECT_LIN + dini_phys);
		nd_serial_print("ref: fenced memory is mapped\n");
	}
	*(volatile uint32_t *)nd_at_phys(ND_DIRECT_LIN + VIDEO_PHYS) = 0;
}

static bool word_says(const char *key, const char *value)
{
	struct nd_word word;

	return nd_word_find(boot.line, key, &word) && nd_word_is(word, value);
}

/* Boot has read ACPI's tables already. */
static uint64_t iommu_find(const struct nd_handoff *h)
{
	for (uint32_t i = 0; i < h->device_count; i++)
		if (h->device[i].kind == ND_DEVICE_VTD)
			return h->device[i].phys;
	return 0;
}

static void crash_now(uint32_t dini_phys)
{
	struct nd_word how;

	if (!nd_word_find(boot.line, "crash=", &how) || nd_word_is(how, "none"))
		return;
	if (nd_word_is(how, "ud2"))
		__asm__ volatile("ud2");
	else if (nd_word_is(how, "pagefault"))
		fault(dini_phys);
	else if (nd_word_is(how, "stack"))
		nd_serial_print("ref: no overflow: %u\n", stack_use(1u << 20));
	else if (nd_word_is(how, "panic"))
		nd_panic("asked for by crash=panic");
	nd_serial_print("ref: crash= knows ud2, pagefault, stack, panic, none\n");
}

void nd_ref_main(uint32_t magic, uint32_t mb_info_phys)
{
	static const struct nd_handoff none;
	const struct nd_handoff *h = &none;
	uint32_t handoff_phys, dini_phys;
	struct nd_word faults;
	uint64_t iommu_phys;

	nd_serial_open();
	nd_serial_print("\nref: netdump-ref-1\n");
	if (magic != MB_LOADED_MAGIC) {
		nd_serial_print("ref: not booted by a multiboot loader: eax %x\n", magic);
		nd_halt();
	}
	nd_bootinfo_read(&boot, mb_info_phys);
	nd_bootinfo_print(&boot);
	handoff_phys = handoff_find();
	if (handoff_phys)
		h = nd_at_phys(handoff_phys);
	dini_phys = h->dini_phys;
	iommu_phys = iommu_find(h);

	ram_list();
	nd_trap_open();
	nd_core_open(&ram);
	nd_crash_open(handoff_phys, h);
	nd_fallback_open(word_says("fallback=", "reboot"));
	memory_map();
	nd_core_open(&ram); /* again: memory_map() may have had to leave some out */
	nd_serial_print("ref: %u MiB in %u ranges\n", (uint32_t)(nd_ram_bytes(&ram) >> MIB_SHIFT),
			ram.count);
	free_list();
	memory_fill();
	secret_keep();
	if (word_says("iommu=", "on"))
		nd_iommu_on(iommu_phys, &ram);
	if (word_says("dma=", "check"))
		nd_edu_check(dini_phys);
	nd_serial_print("ref: ready\n");
	if (handoff_phys && nd_word_find(boot.line, "fault=", &faults))
		nd_fault_make(faults, handoff_phys);
	crash_now(dini_phys);
	nd_serial_print("ref: idle\n");
	nd_halt();
}
