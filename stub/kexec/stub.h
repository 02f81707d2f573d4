/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stub.h - the parts of the crash image.  32-bit flat, paging off. */
#ifndef STUB_KEXEC_STUB_H
#define STUB_KEXEC_STUB_H

#include <stdint.h>

/* What entry.asm calls, on the image's own stack.  params_phys: Linux boot parameters, or 0. */
void nd_stub_main(uint32_t params_phys) __attribute__((noreturn));

/* handoff.h "Entering DINI"; comes back with an enum nd_refusal, or not at all. */
uint32_t nd_stub_dini(uint32_t entry_phys, uint32_t handoff_phys, uint32_t crash_phys);

/* Resets the machine by what works first: keyboard controller, reset register, triple fault. */
void nd_stub_reboot(void) __attribute__((noreturn));
void nd_stub_halt(void) __attribute__((noreturn));

#endif
