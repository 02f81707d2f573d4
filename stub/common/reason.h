/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reason.h - leaving in the handoff block why no dump was made.  Any CPU mode. */
#ifndef STUB_COMMON_REASON_H
#define STUB_COMMON_REASON_H

#include "netdump/handoff.h"

/* Its last words, which no checksum covers: a damaged block may have them too. */
void nd_reason_leave(struct nd_handoff *h, const char *text);

#endif
