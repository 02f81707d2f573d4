// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * oops.c - an oops of the process that loads it, which the system survives unless oops=panic.  A
 * module for the guest's kernel.
 */
#include <linux/module.h>

static int __init oops_begin(void)
{
	int *volatile nowhere = NULL;

	return *nowhere;
}

module_init(oops_begin);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("an oops");
