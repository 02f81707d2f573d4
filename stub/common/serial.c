// SPDX-License-Identifier: GPL-2.0-or-later
/* serial.c - one-line messages on COM1, polled.  32-bit or long mode. */
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include "stub/common/port.h"
#include "stub/common/serial.h"

#define COM1_DATA     0x3F8
#define COM1_IER      0x3F9
#define COM1_FCR      0x3FA
#define COM1_LCR      0x3FB
#define COM1_MCR      0x3FC
#define COM1_LSR      0x3FD
#define LCR_DIVISOR   0x80 /* the divisor is where data and IER are else */
#define LSR_THR_EMPTY 0x20
#define LSR_ALL_EMPTY 0x40
#define LSR_ABSENT    0xFF
#define WAIT_POLLS    500000 /* a character takes 87 us, a port read about 1 us; QEMU may be slow */
#define STALLS_MAX    4      /* characters lost before the port counts as dead */

static uint32_t stalls;

void nd_serial_keep(struct nd_serial_settings *settings)
{
	settings->lcr = nd_inb(COM1_LCR);
	nd_outb(COM1_LCR, settings->lcr & ~LCR_DIVISOR);
	settings->ier = nd_inb(COM1_IER);
	settings->mcr = nd_inb(COM1_MCR);
	nd_outb(COM1_LCR, settings->lcr | LCR_DIVISOR);
	settings->divisor_low = nd_inb(COM1_DATA);
	settings->divisor_high = nd_inb(COM1_IER);
	nd_outb(COM1_LCR, settings->lcr);
}

void nd_serial_give_back(const struct nd_serial_settings *settings)
{
	for (uint32_t i = 0; i < WAIT_POLLS && !(nd_inb(COM1_LSR) & LSR_ALL_EMPTY); i++)
		;
	nd_outb(COM1_LCR, settings->lcr | LCR_DIVISOR);
	nd_outb(COM1_DATA, settings->divisor_low);
	nd_outb(COM1_IER, settings->divisor_high);
	nd_outb(COM1_LCR, settings->lcr & ~LCR_DIVISOR);
	nd_outb(COM1_IER, settings->ier);
	nd_outb(COM1_MCR, settings->mcr);
	nd_outb(COM1_LCR, settings->lcr);
}

void nd_serial_open(void)
{
	nd_outb(COM1_IER, 0);
	nd_outb(COM1_LCR, LCR_DIVISOR);
	nd_outb(COM1_DATA, 1);
	nd_outb(COM1_IER, 0);
	nd_outb(COM1_LCR, 3);
	nd_outb(COM1_FCR, 1);
	nd_outb(COM1_MCR, 3);
	stalls = 0;
}

static void byte_put(char c)
{
	if (stalls >= STALLS_MAX)
		return;
	for (uint32_t i = 0; i < WAIT_POLLS; i++) {
		uint8_t lsr = nd_inb(COM1_LSR);

		if (lsr == LSR_ABSENT)
			break;
		if (lsr & LSR_THR_EMPTY) {
			nd_outb(COM1_DATA, (uint8_t)c);
			return;
		}
	}
	stalls++;
}

static void text_put(const char *text)
{
	for (; *text; text++) {
		if (*text == '\n')
			byte_put('\r');
		byte_put(*text);
	}
}

static void decimal_put(uint32_t value)
{
	char text[11];
	uint32_t at = sizeof text;

	text[--at] = 0;
	do {
		text[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	text_put(text + at);
}

static void hex_put(uint64_t value)
{
	bool leading = true;

	text_put("0x");
	for (uint32_t shift = 64; shift; shift -= 4) {
		uint32_t nibble = (uint32_t)(value >> (shift - 4)) & 15;

		if (leading && nibble == 0 && shift > 4)
			continue;
		leading = false;
		byte_put((char)(nibble < 10 ? '0' + nibble : 'a' + nibble - 10));
	}
}

void nd_serial_print(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	for (; *format; format++) {
		char one[2] = {*format, 0};

		if (*format != '%' || !format[1]) {
			text_put(one);
			continue;
		}
		switch (*++format) {
		case 's':
			text_put(va_arg(args, const char *));
			break;
		case 'u':
			decimal_put(va_arg(args, uint32_t));
			break;
		case 'x':
			hex_put(va_arg(args, uint32_t));
			break;
		case 'X':
			hex_put(va_arg(args, uint64_t));
			break;
		default:
			byte_put(*format);
		}
	}
	va_end(args);
}
