/* SPDX-License-Identifier: GPL-2.0-or-later */
/* serial.h - one-line messages on COM1, polled.  32-bit or long mode, ring 0. */
#ifndef STUB_COMMON_SERIAL_H
#define STUB_COMMON_SERIAL_H

#include <stdint.h>

/* How a system has the port set, for those that may come back to it. */
struct nd_serial_settings {
	uint8_t ier, lcr, mcr, divisor_low, divisor_high;
};

void nd_serial_keep(struct nd_serial_settings *settings);
void nd_serial_give_back(const struct nd_serial_settings *settings);

/* 115200 8n1, no interrupts. */
void nd_serial_open(void);

/*
 * Prints the format, nothing before or after it.  A conversion is %s (text), %u (uint32_t,
 * decimal), %x (uint32_t, hexadecimal with 0x), %X (uint64_t, likewise), %% or unknown,
 * which prints itself.  Returns even if the port is dead.
 */
void nd_serial_print(const char *format, ...);

#endif
