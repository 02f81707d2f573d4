/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reset.h - the machine's reset.  32-bit or long mode, ring 0. */
#ifndef STUB_COMMON_RESET_H
#define STUB_COMMON_RESET_H

/* By what works first: keyboard controller, reset register, triple fault. */
void nd_reset(void) __attribute__((noreturn));

#endif
