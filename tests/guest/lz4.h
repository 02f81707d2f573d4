/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lz4.h - what DINI packed, by a reader of our own.  32-bit flat mode. */
#ifndef GUEST_LZ4_H
#define GUEST_LZ4_H

#include <stdint.h>

/* Bytes that came of it; ends in fail() for a block that is broken or larger than `room`. */
uint32_t lz4_expand(const uint8_t *from, uint32_t bytes, uint8_t *to, uint32_t room);

#endif
