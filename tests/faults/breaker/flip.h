/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flip.h - breaks of fenced memory: one bit each. */
#ifndef BREAKER_FLIP_H
#define BREAKER_FLIP_H

#include "netdump/handoff.h"
#include "tests/faults/breaker/breaks.h"

/* In the middle of DINI's image, */
enum nd_broken nd_flip_dini(const struct nd_nic *unused, const struct nd_handoff *h,
			    const char **why);
/* of a server's key, */
enum nd_broken nd_flip_handoff(const struct nd_nic *unused, const struct nd_handoff *h,
			       const char **why);
/* of the code of the firmware that is nearest to the NIC: the last !PXE structure below 640 KiB, */
enum nd_broken nd_flip_firmware(const struct nd_nic *unused, const struct nd_handoff *h,
				const char **why);
/* and of what firmware hides above 1 MiB, in the quarter that the first had. */
enum nd_broken nd_flip_hidden(const struct nd_nic *unused, const struct nd_handoff *h,
			      const char **why);

#endif
