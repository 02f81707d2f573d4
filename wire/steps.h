/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * steps.h - memory as changes of steps.  A step is a 64-bit word less the one a grain before it,
 * modulo 2^64; the first grain's are its words.  Of the steps, steps are made once more.
 *
 * Linux's page structures are a grain each, and in memory that nobody has used yet they differ in
 * pointers to themselves: to LZ4 that is new all the way, but where steps are all the same, their
 * changes are zeros.  Lengths are multiples of ND_GRAIN_BYTES.
 */
#ifndef NETDUMP_STEPS_H
#define NETDUMP_STEPS_H

#include <stdbool.h>
#include <stddef.h>

/* Whether steps are likely to compress much better, as far as its beginning shows. */
bool nd_steps_pay(const void *memory, size_t bytes);

void nd_steps_make(void *steps, const void *memory, size_t bytes);

/* Turns them into the memory that they were made of, in place. */
void nd_steps_undo(void *steps, size_t bytes);

#endif
