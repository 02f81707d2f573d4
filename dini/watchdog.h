/* SPDX-License-Identifier: GPL-2.0-or-later */
/* watchdog.h - timers that would reset the machine in the middle of a dump. */
#ifndef DINI_WATCHDOG_H
#define DINI_WATCHDOG_H

/* Stops those that the system left running and that are known. */
void nd_watchdog_stop(void);

#endif
