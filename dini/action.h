/* SPDX-License-Identifier: GPL-2.0-or-later */
/* action.h - what the machine does when DINI has ended: reboot, halt or hold. */
#ifndef DINI_ACTION_H
#define DINI_ACTION_H

#include <stdint.h>

/*
 * enum nd_action of the handoff block; reboot until it is called.  wipe() is called before
 * any action: it zeroes the secrets in memory.  What is on the stack is zeroed too.
 */
void nd_action_set(uint32_t action, void (*wipe)(void));
_Noreturn void nd_action_run(void);
/*
 * Says why, leaves that as last words if nd_action_set() was called, then runs the action.  A
 * failure within a failure resets the machine.
 */
_Noreturn void nd_action_fail(const char *why);

#endif
