/* SPDX-License-Identifier: GPL-2.0-or-later */
/* firmware.h - the firmware's own memory as the seal has it, to start afresh from. */
#ifndef DINI_FIRMWARE_H
#define DINI_FIRMWARE_H

#include <stdbool.h>

#include "netdump/handoff.h"

/*
 * Keeps what the seal covers of the firmware's memory, packed.  Before the first call, while it
 * is still what was sealed.  False if there is none, or no room for it.
 */
bool nd_firmware_keep(const struct nd_handoff *handoff);

/*
 * Puts it back: UNDI is closed as at boot, and what a call left half done is gone.  The NIC
 * must not reach memory meanwhile.  Does nothing if nothing was kept.
 */
void nd_firmware_restore(void);

#endif
