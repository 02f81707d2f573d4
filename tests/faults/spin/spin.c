// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * spin.c - a panic while another CPU runs in a loop with interrupts off and writes to memory; with
 * deaf=1 in an NMI's handler, where not even the system's own crash code can stop it.  A
 * module for the guest's kernel: insmod spin.ko cpu=1 [deaf=1]
 */
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/smp.h>
#include <asm/apic.h>
#include <asm/nmi.h>

#define START_MS 10000

static int cpu = 1;
module_param(cpu, int, 0444);
static bool deaf;
module_param(deaf, bool, 0444);

static unsigned long turns;

static void spin(void *unused)
{
	for (;;)
		WRITE_ONCE(turns, turns + 1);
}

static int spin_in_nmi(unsigned int kind, struct pt_regs *regs)
{
	if (smp_processor_id() == cpu)
		spin(NULL);
	return NMI_DONE;
}

static int __init spin_start(void)
{
	int error;

	if (cpu < 0 || cpu >= nr_cpu_ids || !cpu_online(cpu) || cpu == raw_smp_processor_id())
		return -EINVAL;
	if (deaf) {
		error = register_nmi_handler(NMI_LOCAL, spin_in_nmi, 0, "spin");
		if (error)
			return error;
		apic->send_IPI(cpu, NMI_VECTOR);
	} else {
		error = smp_call_function_single(cpu, spin, NULL, 0);
		if (error)
			return error;
	}
	for (int ms = 0; ms < START_MS && !READ_ONCE(turns); ms++)
		mdelay(1);
	if (!READ_ONCE(turns))
		return -ETIMEDOUT;
	panic("spin: cpu %d spins%s", cpu, deaf ? ", deaf" : "");
}

module_init(spin_start);
MODULE_DESCRIPTION("A CPU that no longer listens");
MODULE_LICENSE("GPL");
