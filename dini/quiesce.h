/* SPDX-License-Identifier: GPL-2.0-or-later */
/* quiesce.h - takes the machine back to how the firmware expects it. */
#ifndef DINI_QUIESCE_H
#define DINI_QUIESCE_H

#include "netdump/handoff.h"

/*
 * Other CPUs and watchdogs stopped, devices' writes and IOMMUs off, interrupt sources silenced, PIC
 * and PIT as the BIOS had them, then the first ND_LOW_COPY_BYTES of memory restored from their
 * copy. What page 0 held until then stays readable at nd_quiesce_page0(). What the handoff block's
 * `skip` names is left as it is.
 */
void nd_quiesce(const struct nd_handoff *handoff);

/* ND_PAGE_BYTES as they were at the crash; NULL before nd_quiesce(). */
const void *nd_quiesce_page0(void);

#endif
