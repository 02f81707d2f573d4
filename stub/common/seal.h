/* SPDX-License-Identifier: GPL-2.0-or-later */
/* seal.h - whether fenced memory is still what netdump.c32 left.  32-bit flat, or long mode. */
#ifndef STUB_COMMON_SEAL_H
#define STUB_COMMON_SEAL_H

#include <stdbool.h>

#include "netdump/handoff.h"

/*
 * DINI checks its seal too, but only while it is whole itself: look before jumping into it.
 * h is a valid block; what its seal names must be mapped one to one, or paging off.
 */
bool nd_seal_holds(const struct nd_handoff *h);

#endif
