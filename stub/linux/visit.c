// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * visit.c - a living system's visits to DINI: handoff.h "Visiting DINI".  All CPUs are held for
 * each, and go on between them.
 */
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/mutex.h>
#include <linux/random.h>
#include <linux/sched/signal.h>
#include <linux/stop_machine.h>
#include <linux/string.h>

#include <asm/apic.h>
#include <asm/fpu/api.h>
#include <asm/msr.h>
#include <asm/processor-flags.h>
#include <asm/special_insns.h>
#include <asm/tsc.h>

#include "netdump.h"
#include "netdump/wire.h"

#define SLICE_US      2000 /* about a batch of frames more than this, where one takes long */
#define NO_INTERRUPTS 15ul /* CR8: none of any class */
#define IDLE_MIN_US   1000
#define IDLE_MAX_US   2000
#define SILENCE_S     60 /* without anything sent or taken: given up */

static DEFINE_MUTEX(one);
static bool live; /* from a BEGIN to its END */
static u32 block_phys;
static unsigned int count;

unsigned int nd_visit_count(void)
{
	return READ_ONCE(count);
}

bool nd_visit_is_live(void)
{
	return READ_ONCE(live);
}

/* The one CPU that firmware runs on; its counter is what DINI measures time by. */
static int visiting_cpu(void)
{
	return cpumask_first(cpu_online_mask);
}

static bool virtualizes(void)
{
	u64 efer;

	rdmsrl(MSR_EFER, efer);
	return __read_cr4() & X86_CR4_VMXE || efer & EFER_SVME;
}

static unsigned long priority_read(void)
{
	unsigned long priority;

	asm volatile("mov %%cr8, %0" : "=r"(priority));
	return priority;
}

static void priority_set(unsigned long priority)
{
	asm volatile("mov %0, %%cr8" : : "r"(priority) : "memory");
}

/* On the CPU that visits, all others held, interrupts off. */
static void visit_now(void)
{
	unsigned long priority = priority_read();
	u32 counters = apic_read(APIC_LVTPC);

	priority_set(NO_INTERRUPTS);
	apic_write(APIC_LVTPC, counters | APIC_LVT_MASKED);
	nd_leave_to_visit(block_phys);
	apic_write(APIC_LVTPC, counters);
	priority_set(priority);
}

static int visit_held(void *report_)
{
	struct nd_visit_report *report = report_;
	u64 begin = rdtsc_ordered(), us;

	if (virtualizes()) {
		struct nd_visit *visit = nd_leave_visit();

		visit->state = ND_VISIT_FAILED;
		strscpy(visit->text, "a hypervisor runs on this system", sizeof visit->text);
		return 0;
	}
	kernel_fpu_begin();
	visit_now();
	kernel_fpu_end();
	us = (rdtsc_ordered() - begin) * 1000 / tsc_khz;
	report->visits++;
	WRITE_ONCE(count, count + 1);
	report->pause_total_us += us;
	report->pause_max_us = max(report->pause_max_us, us);
	return 0;
}

static void visit_once(enum nd_visit_op op, struct nd_visit_report *report)
{
	nd_leave_visit()->op = op;
	stop_machine(visit_held, report, cpumask_of(visiting_cpu()));
}

static void visit_make(const struct nd_errand *errand)
{
	struct nd_visit *visit = nd_leave_visit();

	memset(visit, 0, sizeof *visit);
	visit->magic = ND_VISIT_MAGIC;
	visit->version = ND_VISIT_VERSION;
	visit->bytes = sizeof *visit;
	visit->kind = errand->kind;
	visit->slice_us = SLICE_US;
	visit->tsc_khz = tsc_khz;
	visit->send_table_phys = virt_to_phys(errand->sent->table);
	visit->send_bytes = errand->sent->bytes;
	if (errand->taken) {
		visit->take_table_phys = virt_to_phys(errand->taken->table);
		visit->take_room_bytes = errand->taken->pages * PAGE_SIZE;
	}
	strscpy(visit->name, errand->name, sizeof visit->name);
	get_random_bytes(visit->random, sizeof visit->random);
}

/* Until it is over, or nothing has moved for too long, or who asked for it is no longer there. */
static void go_on(struct nd_visit_report *report)
{
	struct nd_visit *visit = nd_leave_visit();
	unsigned long moved = jiffies;
	u64 sent = 0, taken = 0;

	while (visit->state == ND_VISIT_BUSY || visit->state == ND_VISIT_IDLE) {
		visit_once(ND_VISIT_GO_ON, report);
		usleep_range(IDLE_MIN_US, IDLE_MAX_US);
		if (visit->sent_bytes != sent || visit->taken_bytes != taken)
			moved = jiffies;
		sent = visit->sent_bytes;
		taken = visit->taken_bytes;
		if (time_after(jiffies, moved + SILENCE_S * HZ) || signal_pending(current)) {
			visit->state = ND_VISIT_FAILED;
			strscpy(visit->text,
				signal_pending(current) ? "interrupted" : "no server answered",
				sizeof visit->text);
		}
	}
}

static void report_make(struct nd_visit_report *report)
{
	const struct nd_visit *visit = nd_leave_visit();

	report->done = visit->state == ND_VISIT_DONE;
	report->done_status = visit->done_status;
	report->sent_bytes = visit->sent_bytes;
	report->refused = visit->refused;
	report->taken_bytes = visit->taken_bytes;
	memcpy(report->step_us, visit->step_us, sizeof report->step_us);
	strscpy(report->text, visit->text, sizeof report->text);
}

static void visits_make(const struct nd_errand *errand, struct nd_visit_report *report)
{
	visit_make(errand);
	live = true; /* a panic between this and the next line finds nothing begun: no harm */
	visit_once(ND_VISIT_BEGIN, report);
	go_on(report);
	report_make(report);
	visit_once(ND_VISIT_END, report);
	live = false;
}

static void fail(struct nd_visit_report *report, const char *why)
{
	strscpy(report->text, why, sizeof report->text);
}

/* Where the time is not the stopped system's: it is long. */
static const char *unsealed(void)
{
	int seal = nd_block_seal_look();

	if (seal < 0)
		return "no memory to look at the seal with";
	return seal ? NULL : "fenced memory was changed";
}

void nd_visit_run(const struct nd_errand *errand, struct nd_visit_report *report)
{
	struct nd_nic nic;
	const char *why;

	memset(report, 0, sizeof *report);
	if (!block_phys) {
		fail(report, "netdump is not armed: see /sys/kernel/netdump/armed");
		return;
	}
	if (mutex_lock_interruptible(&one)) {
		fail(report, "interrupted");
		return;
	}
	why = unsealed();
	if (!why)
		why = nd_nic_take(&nic, errand->take_nic);
	if (why) {
		fail(report, why);
	} else {
		visits_make(errand, report);
		nd_nic_give_back(&nic);
	}
	mutex_unlock(&one);
}

void nd_visit_arm(u32 handoff_phys)
{
	block_phys = handoff_phys;
}

void nd_visit_abandon(void)
{
	if (!live)
		return;
	live = false;
	nd_leave_visit()->op = ND_VISIT_END;
	visit_now();
}
