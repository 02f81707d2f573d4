/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reason.h - leaving why no dump was made.  32-bit flat, or long mode. */
#ifndef STUB_COMMON_REASON_H
#define STUB_COMMON_REASON_H

#include "netdump/handoff.h"

/* In the block's last words, which no checksum covers: a damaged block may have them too. */
void nd_reason_leave(struct nd_handoff *h, const char *text);

/*
 * For the next boot at the end of DINI's region, if the block can be believed so far.  All that is
 * below 4 GiB must be mapped one to one, or paging off.
 */
void nd_reason_keep(const struct nd_handoff *h, const char *text);

#endif
