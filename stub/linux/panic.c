// SPDX-License-Identifier: GPL-2.0-or-later
/* panic.c - at the panic: what only this CPU knows, and out. */
#include <linux/kexec.h>
#include <linux/panic_notifier.h>
#include <linux/printk.h>
#include <linux/string.h>

#include "netdump.h"

static u32 handoff_phys;
static bool before_kdump;

bool nd_panic_stands_back(void)
{
	return kexec_crash_loaded() && !before_kdump;
}

/* Where this CPU is.  The frame is gone when the dump is made; what called it is not. */
static noinline void registers_take(struct pt_regs *regs)
{
	crash_setup_regs(regs, NULL);
}

static int panic_event(struct notifier_block *unused, unsigned long event, void *text)
{
	struct nd_extent header = nd_core_extent();
	struct nd_crash *crash = nd_leave_crash();
	static struct pt_regs regs;
	static bool tried; /* a fault on the way out is a panic, too */
	const char *words;

	if (tried)
		return NOTIFY_DONE;
	tried = true;
	if (!nd_visit_abandon() || nd_panic_stands_back())
		return NOTIFY_DONE;
	registers_take(&regs);
	nd_core_registers(&regs);
	crash->elfcorehdr_phys = header.phys;
	crash->elfcorehdr_bytes = header.bytes;
	if (text)
		strscpy(crash->reason, text, sizeof crash->reason);
	nd_block_last_words_clear();
	nd_leave(handoff_phys);
	words = nd_block_last_words();
	pr_emerg("netdump: no dump: %.*s\n", ND_REASON_BYTES - 1,
		 words ? words : "the handoff block is gone");
	return NOTIFY_DONE;
}

static struct notifier_block notifier = {
	.notifier_call = panic_event,
	.priority = INT_MAX,
};

void nd_panic_arm(u32 phys, bool first)
{
	handoff_phys = phys;
	before_kdump = first;
	atomic_notifier_chain_register(&panic_notifier_list, &notifier);
}

void nd_panic_disarm(void)
{
	atomic_notifier_chain_unregister(&panic_notifier_list, &notifier);
}
