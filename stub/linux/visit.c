// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * visit.c - a living system's visits to DINI: handoff.h "Visiting DINI".  All CPUs are held for
 * each, and go on between them.
 */
#include <linux/delay.h>
#include <linux/mutex.h>
#include <linux/nmi.h>
#include <linux/random.h>
#include <linux/reboot.h>
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
#define BUSY_US       200  /* for the system to go on */
#define IDLE_US       1000
#define END_TRIES     600 /* a tenth of a second each */
#define INSIDE_MS     2000

static DEFINE_MUTEX(one);
static bool live;     /* from a BEGIN to its END */
static bool inside;   /* a CPU is in DINI, or on its way */
static bool stopping; /* the system ends, or the module */
static u32 block_phys;
static unsigned int count;

unsigned int nd_visit_count(void)
{
	return READ_ONCE(count);
}

int nd_visit_seal_look(void)
{
	int seal;

	if (!mutex_trylock(&one))
		return -EBUSY;
	seal = live ? 0 : nd_block_seal_look();
	mutex_unlock(&one);
	return seal;
}

/* Firmware needs real mode, which a hypervisor's host does not let a CPU go to. */
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

/* False where the CPU has no such switch for all of its counters. */
static bool counters_read(u64 *on)
{
	return boot_cpu_data.x86_vendor == X86_VENDOR_INTEL &&
	       !rdmsrl_safe(MSR_CORE_PERF_GLOBAL_CTRL, on);
}

/*
 * On the CPU that visits, all others held, interrupts off.  Counters stand still: one that came to
 * its end while its interrupt is masked would say so no more.
 */
static void visit_now(void)
{
	unsigned long priority = priority_read();
	u32 vector = apic_read(APIC_LVTPC);
	u64 counters;
	bool has_counters = counters_read(&counters);

	WRITE_ONCE(inside, true);
	if (has_counters)
		wrmsrl(MSR_CORE_PERF_GLOBAL_CTRL, 0);
	priority_set(NO_INTERRUPTS);
	apic_write(APIC_LVTPC, vector | APIC_LVT_MASKED);
	nd_leave_to_visit(block_phys);
	apic_write(APIC_LVTPC, vector);
	priority_set(priority);
	if (has_counters)
		wrmsrl(MSR_CORE_PERF_GLOBAL_CTRL, counters);
	WRITE_ONCE(inside, false);
}

static int visit_held(void *report_)
{
	struct nd_visit_report *report = report_;
	u64 begin = rdtsc_ordered(), us;

	if (virtualizes()) {
		nd_leave_visit()->state = ND_VISIT_FAILED;
		return -EBUSY;
	}
	kernel_fpu_begin();
	visit_now();
	kernel_fpu_end();
	touch_nmi_watchdog();
	us = (rdtsc_ordered() - begin) * 1000 / tsc_khz;
	report->visits++;
	WRITE_ONCE(count, count + 1);
	report->pause_total_us += us;
	report->pause_max_us = max(report->pause_max_us, us);
	return 0;
}

/* On the first CPU, by whose counter DINI measures time. */
static bool visit_once(enum nd_visit_op op, struct nd_visit_report *report)
{
	nd_leave_visit()->op = op;
	return !stop_machine(visit_held, report, NULL);
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

static void give_up(const char *why)
{
	struct nd_visit *visit = nd_leave_visit();

	visit->state = ND_VISIT_FAILED;
	strscpy(visit->text, why, sizeof visit->text);
}

static bool goes_on(void)
{
	u32 state = nd_leave_visit()->state;

	return state == ND_VISIT_BUSY || state == ND_VISIT_IDLE;
}

/* Until it is over, which DINI sees to, or who asked for it is no longer there. */
static void go_on(struct nd_visit_report *report)
{
	while (goes_on()) {
		unsigned long us = nd_leave_visit()->state == ND_VISIT_BUSY ? BUSY_US : IDLE_US;

		usleep_range(us, 2 * us);
		if (signal_pending(current) || READ_ONCE(stopping))
			give_up("interrupted");
		else if (!visit_once(ND_VISIT_GO_ON, report))
			give_up("a hypervisor runs on this system");
	}
}

/* After END. */
static bool is_over(void)
{
	const struct nd_visit *visit = nd_leave_visit();

	if (visit->refusal)
		return visit->refusal == ND_REFUSED_VISIT;
	return visit->state == ND_VISIT_DONE || visit->state == ND_VISIT_CUT;
}

/*
 * The fence has to be put right whatever comes: else no crash is dumped any more.  True: it is, or
 * nothing was begun.
 */
static bool end(struct nd_visit_report *report)
{
	for (unsigned int i = 0; i < END_TRIES; i++) {
		if (visit_once(ND_VISIT_END, report) && is_over())
			return true;
		msleep(100);
	}
	return false;
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

/* False: firmware has the NIC for good. */
static bool visits_make(const struct nd_errand *errand, struct nd_visit_report *report)
{
	bool ended;

	visit_make(errand);
	WRITE_ONCE(live, true);
	if (!visit_once(ND_VISIT_BEGIN, report))
		give_up("a hypervisor runs on this system");
	go_on(report);
	report_make(report);
	ended = end(report);
	if (ended)
		WRITE_ONCE(live, false);
	else
		pr_err("netdump: the fence cannot be put right: no crash will be dumped\n");
	return ended;
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

static const char *unable(void)
{
	if (READ_ONCE(stopping))
		return "the system ends";
	if (live)
		return "the fence could not be put right the time before";
	if (!tsc_khz)
		return "how fast the time stamp counter counts is not known";
	return unsealed();
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
	why = unable();
	if (!why)
		why = nd_nic_take(&nic, errand->take_nic);
	if (why)
		fail(report, why);
	else if (visits_make(errand, report))
		nd_nic_give_back(&nic, nd_leave_visit()->state == ND_VISIT_CUT);
	mutex_unlock(&one);
}

/* What is under way ends, and nothing more begins. */
static void stop(void)
{
	WRITE_ONCE(stopping, true);
	mutex_lock(&one);
	mutex_unlock(&one);
}

/* A kernel that is started by this one is to find the fence as the seal has it. */
static int reboot_event(struct notifier_block *unused, unsigned long event, void *what)
{
	stop();
	return NOTIFY_DONE;
}

static struct notifier_block notifier = {.notifier_call = reboot_event};

void nd_visit_arm(u32 handoff_phys)
{
	block_phys = handoff_phys;
	register_reboot_notifier(&notifier);
}

void nd_visit_disarm(void)
{
	stop();
	unregister_reboot_notifier(&notifier);
}

bool nd_visit_abandon(void)
{
	for (unsigned int ms = 0; READ_ONCE(inside) && ms < INSIDE_MS; ms++)
		mdelay(1);
	if (READ_ONCE(inside))
		return false;
	if (READ_ONCE(live)) {
		WRITE_ONCE(live, false);
		nd_leave_visit()->op = ND_VISIT_ABANDON;
		visit_now();
	}
	return true;
}
