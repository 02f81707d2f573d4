/* SPDX-License-Identifier: GPL-2.0-or-later */
/* string.h - what 32-bit code without a C library has of it: bare.c defines these. */
#ifndef FREESTANDING_STRING_H
#define FREESTANDING_STRING_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memset(void *to, int value, size_t bytes);
int memcmp(const void *a, const void *b, size_t bytes);

#endif
