// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * oops.c - the kernel's log after an oops that the system survives.  The oops itself is no place
 * to send from, so it is done later; only what is free of a driver sends.
 */
#include <linux/irq_work.h>
#include <linux/kmsg_dump.h>
#include <linux/printk.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#include "netdump.h"
#include "netdump/wire.h"

#define PIECE_BYTES 1024
#define OOPSES_SENT 8 /* since the module was loaded: one that repeats is no news */

static unsigned int sent;

/* All of the log; one that is larger than a parcel is not sent. */
static int log_take(struct nd_parcel *parcel)
{
	static char piece[PIECE_BYTES];
	struct kmsg_dump_iter at;
	size_t bytes;
	int error = 0;

	kmsg_dump_rewind(&at);
	while (!error && kmsg_dump_get_line(&at, false, piece, sizeof piece, &bytes))
		error = nd_parcel_add(parcel, piece, bytes);
	return error;
}

static void log_send(struct work_struct *unused)
{
	static struct nd_visit_report report;
	struct nd_errand errand = {.kind = ND_HELLO_LOG, .name = "oops", .sent = nd_parcel_new()};

	if (!errand.sent)
		return;
	if (!log_take(errand.sent) && errand.sent->bytes) {
		nd_visit_run(&errand, &report);
		pr_info("netdump: the log of an oops: %s: %s\n",
			report.done && !report.done_status ? "sent" : "not sent", report.text);
	}
	nd_parcel_free(errand.sent);
}

static DECLARE_WORK(work, log_send);

/* Where the oops has no lock of the kernel's. */
static void later(struct irq_work *unused)
{
	schedule_work(&work);
}

static struct irq_work kick = IRQ_WORK_INIT(later);

static void oops_event(struct kmsg_dumper *unused, enum kmsg_dump_reason reason)
{
	if (reason == KMSG_DUMP_OOPS && sent < OOPSES_SENT) {
		sent++;
		irq_work_queue(&kick);
	}
}

static struct kmsg_dumper dumper = {.dump = oops_event, .max_reason = KMSG_DUMP_OOPS};

int nd_oops_arm(void)
{
	return kmsg_dump_register(&dumper);
}

void nd_oops_disarm(void)
{
	kmsg_dump_unregister(&dumper);
	irq_work_sync(&kick);
	cancel_work_sync(&work);
}
