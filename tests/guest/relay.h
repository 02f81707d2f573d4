/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * relay.h - datagrams over COM2, to and from a server outside the machine.
 *
 * Each has its length before it, 16 bits, little-endian.  The server answers every one with any
 * number of its own and a length of 0; the machine stands still until then, so that a test can
 * look at its memory.
 */
#ifndef GUEST_RELAY_H
#define GUEST_RELAY_H

#include <stddef.h>
#include <stdint.h>

void relay_read(void *to, size_t bytes);

/* Sends one datagram; the next calls return its answers' lengths, and 0 behind the last. */
void relay_ask(const void *datagram, size_t bytes);
size_t relay_answer(void *to, size_t room);

#endif
