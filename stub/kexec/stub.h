/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stub.h - the stub for stock kernels, in its three forms: an image that stands alone, a part of
 * a wrapped kernel, and the half of netdump.ko that runs without paging.  32-bit flat.
 */
#ifndef STUB_KEXEC_STUB_H
#define STUB_KEXEC_STUB_H

#include <stdbool.h>
#include <stdint.h>

#include "netdump/handoff.h"

/*
 * What the forms share.  params_phys: Linux boot parameters, or 0.
 * Comes back only if there is no dump; has said why.
 */
void nd_stub_main(uint32_t params_phys);

/* The kernel's command line, "" if there is none below 4 GiB. */
const char *nd_stub_line(uint32_t params_phys);

/* Adds the note that the command line names to the ELF core header, if that has room. */
void nd_stub_note_add(const struct nd_crash *crash, const char *line);

/* DINI by a valid block, once its seal was looked at.  Comes back only if there is no dump by it;
 * has said why, and left that as last words. */
void nd_stub_try(uint32_t handoff_phys, const struct nd_crash *crash);

/* The same by the block that boot named.  False: there is none; has said so. */
bool nd_stub_named(uint64_t phys, const struct nd_crash *crash);

/*
 * handoff.h "Entering DINI" and "Visiting DINI": what_phys is of what the magic number asks for.
 * Comes back with an enum nd_refusal or 0, or not at all.
 */
uint32_t nd_stub_dini(uint32_t entry_phys, uint32_t handoff_phys, uint32_t what_phys,
		      uint32_t magic);

/* What image.asm and wrap.asm call, each on a stack of its own. */
void nd_image_main(uint32_t params_phys) __attribute__((noreturn));
void nd_wrap_main(uint32_t params_phys);

/* What netdump.ko's out.S calls, with struct nd_crash, as nd_stub_named(), or with struct nd_visit.
 */
void nd_flat_main(uint32_t handoff_phys, void *what);

#endif
