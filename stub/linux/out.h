/* SPDX-License-Identifier: GPL-2.0-or-later */
/* out.h - what leave.c and out.S share: where things are, and what the kernel had. */
#ifndef STUB_LINUX_OUT_H
#define STUB_LINUX_OUT_H

/* Offsets into struct nd_out_state. */
#define OUT_TABLE     0
#define OUT_CODE      8
#define OUT_FLAT      16
#define OUT_STACK     24
#define OUT_HANDOFF   32
#define OUT_WHAT      40
#define OUT_SELF      48
#define OUT_RSP       56
#define OUT_CR0       64
#define OUT_CR3       72
#define OUT_CR4       80
#define OUT_EFER      88
#define OUT_FS_BASE   96
#define OUT_GS_BASE   104
#define OUT_BACK      112
#define OUT_DS        120
#define OUT_ES        128
#define OUT_FS        136
#define OUT_GS        144
#define OUT_GDTR      152
#define OUT_IDTR      168
#define OUT_FLAT_GDTR 184
#define OUT_NO_IDTR   200
#define OUT_GDT       216
#define OUT_BYTES     248

/* As Linux has them, so that CS and SS stay what they are. */
#define OUT_SEL_CODE32 0x08
#define OUT_SEL_CODE64 0x10
#define OUT_SEL_DATA   0x18

#ifndef __ASSEMBLY__
#include <linux/types.h>

struct nd_table_register {
	u16 limit;
	u64 linear;
	u8 unused[6];
} __packed;

struct nd_out_state {
	/* physical, below 4 GiB: page table, code from nd_out_flat on, the flat part, its stack, */
	u64 table, code, flat, stack;
	u64 handoff, what, self; /* what it is told, and this */
	u64 rsp, cr0, cr3, cr4, efer, fs_base, gs_base;
	u64 back; /* linear: where out.S goes on in the kernel */
	u64 ds, es, fs, gs;
	struct nd_table_register gdtr, idtr, flat_gdtr, no_idtr;
	u64 gdt[4];
};

/* out.S: see there. */
void nd_out(struct nd_out_state *state);
extern const u8 nd_out_flat[], nd_out_flat_end[]; /* code to be copied */
extern const u8 nd_flat[], nd_flat_end[];         /* flat.c, built for 32 bits */
#endif

#endif
