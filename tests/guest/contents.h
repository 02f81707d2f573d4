/* SPDX-License-Identifier: GPL-2.0-or-later */
/* contents.h - what the guest's memory holds: a function of where it is.  32-bit flat mode. */
#ifndef GUEST_CONTENTS_H
#define GUEST_CONTENTS_H

#include <stdint.h>

/* The byte at a physical address, of memory that packs badly and of memory that packs well. */
uint8_t contents_noise(uint64_t at);
uint8_t contents_text(uint64_t at);

/* Noise into pages above 4 GiB, within 2 MiB, through PAE paging that goes away again. */
void contents_high_fill(uint64_t at, uint32_t pages);

#endif
