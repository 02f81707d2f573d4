/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * netdump.h - the parts of netdump.ko.
 *
 *   block.c   which handoff block, is it whole    sysfacts.c  RAM, and what only /sys says
 *   core.c    the ELF core header, made ahead     leave.c     the way out of the kernel, made ahead
 *   panic.c   at the panic: registers, out        status.c    /sys/kernel/netdump
 *   main.c    load, unload
 *
 *   visit.c   a living system's visits to DINI     nic.c       the NIC, while they last
 *   parcel.c  what they send and take              device.c    /dev/netdump
 *   oops.c    the kernel's log after an oops
 *
 * What is needed at the panic is made when the module is loaded: then nothing is allocated.
 */
#ifndef STUB_LINUX_NETDUMP_H
#define STUB_LINUX_NETDUMP_H

#include <linux/pci.h>
#include <linux/ptrace.h>
#include <linux/types.h>

#include "netdump/handoff.h"

/*
 * block.c.  The first MiB is mapped in every kernel, so a stray write can reach the block: what is
 * read of it is a copy that was made when it was found.
 */
u32 nd_block_find(void);                 /* its phys, 0: there is none */
const char *nd_block_missing(void);      /* why there is none */
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

/* The same for struct nd_visit, and always back: with DINI's refusal in it, if there is one. */
struct nd_visit *nd_leave_visit(void);
void nd_leave_to_visit(u32 handoff_phys);

/* panic.c */
void nd_panic_arm(u32 handoff_phys, bool before_kdump);
void nd_panic_disarm(void);
bool nd_panic_stands_back(void); /* a crash kernel is loaded, and goes first */

/* nic.c: all is the NIC that boot used. */
struct nd_nic {
	struct pci_dev *device;
	bool had_driver, is_locked, is_on, is_changed;
};

struct pci_dev *nd_nic_get(void); /* a reference, or NULL */
bool nd_nic_reaches_fence(struct pci_dev *nic);
/* For firmware, maybe from its driver.  NULL, or why not, and then there is nothing to give back.
 */
const char *nd_nic_take(struct nd_nic *nic, bool from_driver);
/* `receives`: firmware could not close it, and so it is reset. */
void nd_nic_give_back(struct nd_nic *nic, bool receives);

/* parcel.c: 0, or a negative errno; -EFBIG: it holds no more. */
#define ND_PARCEL_BYTES_MAX (64u << 20)

struct nd_parcel {
	u64 *table;   /* of pages' phys, in one piece */
	size_t pages; /* there are, zeros where there is no byte */
	size_t bytes;
};

struct nd_parcel *nd_parcel_new(void); /* NULL: no memory */
void nd_parcel_free(struct nd_parcel *parcel);
int nd_parcel_room(struct nd_parcel *parcel, size_t bytes);
int nd_parcel_add(struct nd_parcel *parcel, const void *from, size_t bytes);
int nd_parcel_add_user(struct nd_parcel *parcel, const char __user *from, size_t bytes);
/* How many of the bytes from `at` on were copied, 0 at the end. */
ssize_t nd_parcel_read(const struct nd_parcel *parcel, char __user *to, size_t bytes, size_t at);

/* visit.c */
struct nd_errand {
	u32 kind; /* enum nd_hello_kind of wire.h */
	char name[64];
	struct nd_parcel *sent, *taken; /* taken: room for an answer, or NULL */
	bool take_nic;
};

struct nd_visit_report {
	bool done; /* a server said so: done_status is its */
	u32 done_status, refused;
	unsigned int visits;
	u64 pause_max_us, pause_total_us; /* for which the system was held */
	u64 sent_bytes, taken_bytes;
	u64 step_us[ND_VISIT_STEPS];
	char text[ND_REASON_BYTES];
};

void nd_visit_arm(u32 handoff_phys);
/* Sleeps, for as long as it takes. */
void nd_visit_run(const struct nd_errand *errand, struct nd_visit_report *report);
unsigned int nd_visit_count(void); /* all there were */
/* As nd_block_seal_look(); -EBUSY while something is sent, when the fence is not as sealed. */
int nd_visit_seal_look(void);
void nd_visit_disarm(void);
/* At a panic: the fence as the seal has it, if visits were under way.  False: a CPU is in one. */
bool nd_visit_abandon(void);

/* device.c: 0, or a negative errno. */
int nd_device_make(void);
void nd_device_free(void);

/* oops.c: 0, or a negative errno. */
int nd_oops_arm(void);
void nd_oops_disarm(void);

/* status.c: /sys/kernel/netdump.  why: not armed, or NULL. */
int nd_status_make(const char *why);
void nd_status_free(void);

#endif
