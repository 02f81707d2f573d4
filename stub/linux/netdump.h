/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * netdump.h - the parts of netdump.ko.
 *
 *   block.c   which handoff block, is it whole    sysfacts.c  RAM, and what only /sys says
 *   core.c    the ELF core header, made ahead     leave.c     the way out of the kernel, made ahead
 *   panic.c   at the panic: registers, out        status.c    /sys/kernel/netdump
 *   main.c    load, unload
 *
 * What is needed at the panic is made when the module is loaded: then nothing is allocated.
 */
#ifndef STUB_LINUX_NETDUMP_H
#define STUB_LINUX_NETDUMP_H

#include <linux/ptrace.h>
#include <linux/types.h>

#include "netdump/handoff.h"

/*
 * block.c.  The first MiB is mapped in every kernel, so a stray write can reach the block: what is
 * read of it is a copy that was made when it was found.
 */
u32 nd_block_find(void);                 /* its phys, 0: there is none */
const struct nd_handoff *nd_block(void); /* the copy */
bool nd_block_is_whole(void);            /* still, where it lies */
int nd_block_seal_look(void);            /* 1: fenced memory is as at boot, 0: not, or an errno */
void nd_block_last_words_clear(void);
const char *nd_block_last_words(void); /* ND_REASON_BYTES, maybe with no NUL; NULL: gone */

/* sysfacts.c: 0, or a negative errno. */
#define ND_RAM_MAX 128

struct nd_extent {
	u64 phys;
	u64 bytes;
};

struct nd_memory {
	unsigned int ram_count;
	struct nd_extent ram[ND_RAM_MAX];
	struct nd_extent kernel; /* the kernel's image; 0 bytes: unknown */
};

int nd_memory_read(struct nd_memory *memory);

/* Where the kernel itself puts a CPU's registers at a crash. */
int nd_crash_notes_read(unsigned int cpu, struct nd_extent *notes);

/*
 * crash_kexec_post_notifiers: has the kernel note other CPUs' registers and then call notifiers,
 * whatever comes after.  before: what it was, 'Y' or 'N'.
 */
int nd_post_notifiers_set(char to, char *before);

/* core.c: 0, or a negative errno. */
int nd_core_make(const struct nd_memory *memory);
void nd_core_free(void);
struct nd_extent nd_core_extent(void);

/* The registers of the CPU that panicked. */
void nd_core_registers(const struct pt_regs *regs);

/* leave.c: 0, or a negative errno. */
int nd_leave_make(void);
void nd_leave_free(void);

/* What DINI is told; cr3 and idt_base are filled in on the way. */
struct nd_crash *nd_leave_crash(void);

/*
 * To DINI, if the seal holds.  Comes back only if there is no dump, which the serial line and the
 * block's last words explain.  Interrupts are off, other CPUs stopped; FPU registers are lost.
 */
void nd_leave(u32 handoff_phys);

/* panic.c */
void nd_panic_arm(u32 handoff_phys, bool before_kdump);
void nd_panic_disarm(void);
bool nd_panic_stands_back(void); /* a crash kernel is loaded, and goes first */

/* status.c: /sys/kernel/netdump.  why: not armed, or NULL. */
int nd_status_make(const char *why);
void nd_status_free(void);

#endif
