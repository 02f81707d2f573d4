/* SPDX-License-Identifier: GPL-2.0-or-later */
/* machine.h - breaks of what is around the NIC: clocks, interrupts, watchdogs. */
#ifndef BREAKER_MACHINE_H
#define BREAKER_MACHINE_H

#include "netdump/handoff.h"
#include "tests/faults/breaker/breaks.h"
#include "tests/faults/breaker/nic.h"

/* Each leaves the NIC alone. */

/* The HPET's timers stand in for the PIT and the real-time clock. */
enum nd_broken nd_machine_hpet_legacy(const struct nd_nic *unused, const struct nd_handoff *h,
				      const char **why);
/* Both PICs' lines are open, at other vectors than the BIOS's. */
enum nd_broken nd_machine_pics_open(const struct nd_nic *unused, const struct nd_handoff *none,
				    const char **why);
/* PCI's lines do not go to the PICs. */
enum nd_broken nd_machine_lines_off(const struct nd_nic *unused, const struct nd_handoff *none,
				    const char **why);
/* QEMU's edu device pulls one of them, for good. */
enum nd_broken nd_machine_irq_storm(const struct nd_nic *unused, const struct nd_handoff *none,
				    const char **why);
/* The BIOS's interrupt vectors and data. */
enum nd_broken nd_machine_vectors_lost(const struct nd_nic *unused, const struct nd_handoff *none,
				       const char **why);
/* Intel's 6300ESB is to act within seconds. */
enum nd_broken nd_machine_watchdog_armed(const struct nd_nic *unused, const struct nd_handoff *none,
					 const char **why);

#endif
