// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * leave.c - the way out of the kernel, made while all is well: memory below 4 GiB that is mapped
 * one to one by a page table of its own, with all that runs where the kernel's table is off.
 */
#include <linux/build_bug.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/string.h>

#include <asm/desc.h>
#include <asm/pgtable.h>
#include <asm/special_insns.h>

#include "netdump.h"
#include "out.h"

#define ENTRIES     512
#define KERNEL_HALF 256
#define CODE_BYTES  4096
#define FLAT_BYTES  8192
#define STACK_BYTES 8192
#define TABLE_FLAGS (_PAGE_PRESENT | _PAGE_RW | _PAGE_ACCESSED)
#define LARGE_FLAGS (TABLE_FLAGS | _PAGE_DIRTY | _PAGE_PSE)

/* A power of two that holds it is its alignment, so no large page's border is in it. */
struct low {
	u64 top[ENTRIES], fourth[ENTRIES], third[ENTRIES], second[ENTRIES];
	u8 code[CODE_BYTES], flat[FLAT_BYTES], stack[STACK_BYTES];
	struct nd_out_state state;
	struct nd_crash crash;
	struct nd_visit visit __aligned(512); /* in one page */
};

static struct low *low;

static void layout_check(void)
{
#define AT(field, offset) BUILD_BUG_ON(offsetof(struct nd_out_state, field) != (offset))
	AT(table, OUT_TABLE);
	AT(code, OUT_CODE);
	AT(flat, OUT_FLAT);
	AT(stack, OUT_STACK);
	AT(handoff, OUT_HANDOFF);
	AT(what, OUT_WHAT);
	AT(self, OUT_SELF);
	AT(rsp, OUT_RSP);
	AT(cr0, OUT_CR0);
	AT(cr3, OUT_CR3);
	AT(cr4, OUT_CR4);
	AT(efer, OUT_EFER);
	AT(fs_base, OUT_FS_BASE);
	AT(gs_base, OUT_GS_BASE);
	AT(back, OUT_BACK);
	AT(ds, OUT_DS);
	AT(es, OUT_ES);
	AT(fs, OUT_FS);
	AT(gs, OUT_GS);
	AT(gdtr, OUT_GDTR);
	AT(idtr, OUT_IDTR);
	AT(flat_gdtr, OUT_FLAT_GDTR);
	AT(no_idtr, OUT_NO_IDTR);
	AT(gdt, OUT_GDT);
#undef AT
	BUILD_BUG_ON(sizeof(struct nd_out_state) != OUT_BYTES);
}

static unsigned int low_order(void)
{
	return get_order(sizeof *low);
}

/* One large page, one to one; the kernel's half comes when it is needed. */
static void table_make(u64 phys)
{
	u64 *top = low->top;

	if (__read_cr4() & X86_CR4_LA57) {
		top[0] = virt_to_phys(low->fourth) | TABLE_FLAGS;
		top = low->fourth;
	}
	top[0] = virt_to_phys(low->third) | TABLE_FLAGS;
	low->third[phys >> PUD_SHIFT] = virt_to_phys(low->second) | TABLE_FLAGS;
	low->second[phys >> PMD_SHIFT & (ENTRIES - 1)] = (phys & PMD_MASK) | LARGE_FLAGS;
}

static void state_make(struct nd_out_state *s)
{
	s->table = virt_to_phys(low->top);
	s->code = virt_to_phys(low->code);
	s->flat = virt_to_phys(low->flat);
	s->stack = virt_to_phys(low->stack + sizeof low->stack);
	s->self = virt_to_phys(s);
	s->gdt[OUT_SEL_CODE32 / 8] = 0x00CF9B000000FFFF;
	s->gdt[OUT_SEL_CODE64 / 8] = 0x00AF9B000000FFFF;
	s->gdt[OUT_SEL_DATA / 8] = 0x00CF93000000FFFF;
	s->flat_gdtr = (struct nd_table_register){
		.limit = sizeof s->gdt - 1,
		.linear = virt_to_phys(s->gdt),
	};
}

int nd_leave_make(void)
{
	size_t code = nd_out_flat_end - nd_out_flat, flat = nd_flat_end - nd_flat;

	layout_check();
	if (code > CODE_BYTES || flat > FLAT_BYTES)
		return -E2BIG;
	low = (void *)__get_free_pages(GFP_KERNEL | GFP_DMA32 | __GFP_ZERO, low_order());
	if (!low)
		return -ENOMEM;
	memcpy(low->code, nd_out_flat, code);
	memcpy(low->flat, nd_flat, flat);
	low->crash.magic = ND_CRASH_MAGIC;
	low->crash.version = ND_CRASH_VERSION;
	low->crash.bytes = sizeof low->crash;
	table_make(virt_to_phys(low));
	state_make(&low->state);
	return 0;
}

void nd_leave_free(void)
{
	free_pages((unsigned long)low, low_order());
	low = NULL;
}

struct nd_crash *nd_leave_crash(void)
{
	return &low->crash;
}

struct nd_visit *nd_leave_visit(void)
{
	return &low->visit;
}

/* what: struct nd_crash or struct nd_visit, which begin with their magic numbers. */
static void out(u32 handoff_phys, void *what)
{
	const u64 *kernel = __va(native_read_cr3_pa());

	low->state.handoff = handoff_phys;
	low->state.what = virt_to_phys(what);
	memcpy(low->top + KERNEL_HALF, kernel + KERNEL_HALF, sizeof low->top / 2);
	nd_out(&low->state);
}

void nd_leave(u32 handoff_phys)
{
	struct desc_ptr idt;

	store_idt(&idt);
	low->crash.cr3 = native_read_cr3_pa();
	low->crash.idt_base = idt.address;
	out(handoff_phys, &low->crash);
}

void nd_leave_to_visit(u32 handoff_phys)
{
	out(handoff_phys, &low->visit);
}
