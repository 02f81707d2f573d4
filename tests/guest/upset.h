/* SPDX-License-Identifier: GPL-2.0-or-later */
/* upset.h - what a system may do to a PC (a q35), and whether it is undone. */
#ifndef GUEST_UPSET_H
#define GUEST_UPSET_H

#include "netdump/handoff.h"

#define ELCR 0x4D0

/* To be run last: it ends with A20 off. */
void upset(void);

/* Ends in fail() for anything that is not as firmware needs it. */
void upset_check(const struct nd_handoff *handoff);

#endif
