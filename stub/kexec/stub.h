/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stub.h - the stub for stock kernels, in its two forms: an image that stands alone, and a
 * part of a wrapped kernel.  32-bit flat, paging off.
 */
#ifndef STUB_KEXEC_STUB_H
#define STUB_KEXEC_STUB_H

#include <stdint.h>

/*
 * What the forms share.  params_phys: Linux boot parameters, or 0.
 * Comes back only if there is no dump; has said why.
 */
void nd_stub_main(uint32_t params_phys);

/* The kernel's command line, "" if there is none below 4 GiB. */
const char *nd_stub_line(uint32_t params_phys);

/* handoff.h "Entering DINI"; comes back with an enum nd_refusal, or not at all. */
uint32_t nd_stub_dini(uint32_t entry_phys, uint32_t handoff_phys, uint32_t crash_phys);

/* What image.asm and wrap.asm call, each on a stack of its own. */
void nd_image_main(uint32_t params_phys) __attribute__((noreturn));
void nd_wrap_main(uint32_t params_phys);

#endif
