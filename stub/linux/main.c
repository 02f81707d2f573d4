// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * main.c - netdump.ko: at a panic the machine's memory goes to netdumpd through its network
 * card's firmware, which netdump.c32 kept.  No crashkernel= is needed.
 */
#include <linux/cc_platform.h>
#include <linux/cpufeature.h>
#include <linux/efi.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "netdump.h"

static bool before_kdump;
module_param(before_kdump, bool, 0444);
MODULE_PARM_DESC(before_kdump, "go first even if a crash kernel is loaded");

/* Why this system cannot have it, or NULL. */
static const char *unsuitable(void)
{
	if (efi_enabled(EFI_BOOT))
		return "the system was booted by UEFI, which leaves no UNDI";
	if (cc_platform_has(CC_ATTR_MEM_ENCRYPT))
		return "its memory is encrypted";
	if (boot_cpu_has(X86_FEATURE_XENPV))
		return "it is a guest of Xen's that has no machine of its own";
	return NULL;
}

/* Made in the order in which each needs the one before. */
static int parts_make(void)
{
	struct nd_memory *memory = kmalloc(sizeof *memory, GFP_KERNEL);
	int error = memory ? nd_memory_read(memory) : -ENOMEM;

	if (!error)
		error = nd_core_make(memory);
	kfree(memory);
	if (error)
		return error;
	error = nd_leave_make();
	if (error)
		nd_core_free();
	return error;
}

static bool armed;
static char post_notifiers; /* what it was, or 0 */

/* Armed, or why not: that is no error, but a fact to look at. */
static const char *arm(void)
{
	const char *why = unsuitable();
	u32 phys = why ? 0 : nd_block_find();
	int error;

	if (why)
		return why;
	if (!phys)
		return nd_block_missing();
	error = parts_make();
	if (error) {
		pr_err("netdump: getting ready: error %d\n", error);
		return error == -ENOMEM ? "no memory" : "RAM is not as it is expected to be";
	}
	error = nd_post_notifiers_set('Y', &post_notifiers);
	if (error)
		pr_warn("netdump: other CPUs' registers will be missing: "
			"crash_kexec_post_notifiers cannot be set: %d\n",
			error);
	nd_panic_arm(phys, before_kdump);
	nd_visit_arm(phys);
	if (nd_oops_arm())
		pr_warn("netdump: the log of an oops will not be sent\n");
	armed = true;
	return NULL;
}

static void disarm(void)
{
	if (!armed)
		return;
	nd_visit_disarm();
	nd_oops_disarm();
	nd_panic_disarm();
	if (post_notifiers)
		nd_post_notifiers_set(post_notifiers, &post_notifiers);
	nd_leave_free();
	nd_core_free();
}

static int __init netdump_init(void)
{
	const char *why = arm();
	int error = nd_status_make(why);

	if (!error) {
		error = nd_device_make();
		if (error)
			nd_status_free();
	}
	if (error) {
		disarm();
		return error;
	}
	if (why)
		pr_err("netdump: not armed: %s\n", why);
	else
		pr_info("netdump: armed, server %pI4\n", nd_block()->server_ip[0]);
	return 0;
}

static void __exit netdump_exit(void)
{
	nd_device_free();
	nd_status_free();
	disarm();
}

module_init(netdump_init);
module_exit(netdump_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("dumps a crashed system's memory through the network card's firmware");
