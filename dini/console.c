// SPDX-License-Identifier: GPL-2.0-or-later
/* console.c - one-line messages on COM1.  Long mode. */
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include "dini/console.h"
#include "dini/io.h"

#define COM1          0x3F8
#define COM1_DATA     (COM1 + 0)
#define COM1_IER      (COM1 + 1)
#define COM1_FCR      (COM1 + 2)
#define COM1_LCR      (COM1 + 3)
#define COM1_MCR      (COM1 + 4)
#define COM1_LSR      (COM1 + 5)
#define LSR_THR_EMPTY 0x20
#define LSR_ABSENT    0xFF
#define WAIT_POLLS                                                                                 \
	500000 /* a port read takes about 1 us, a character 87 us; emulators take longer */
#define TIMEOUTS_TO_BE 4 /* given up for good after so many */

static unsigned int timeouts;
static bool muted;

void nd_console_mute(void)
{
	muted = true;
}

void nd_console_init(void)
{
	if (nd_inb(COM1_LSR) == LSR_ABSENT)
		return;
	nd_outb(COM1_IER, 0);
	nd_outb(COM1_LCR, 0x80);
	nd_outb(COM1_DATA, 1); /* divisor: 115200 */
	nd_outb(COM1_IER, 0);
	nd_outb(COM1_LCR, 3);
	nd_outb(COM1_FCR, 1);
	nd_outb(COM1_MCR, 3);
}

static void character_put(char c)
{
	if (muted || timeouts >= TIMEOUTS_TO_BE)
		return;
	for (unsigned int i = 0; i < WAIT_POLLS; i++) {
		uint8_t lsr = nd_inb(COM1_LSR);

		if (lsr == LSR_ABSENT)
			return;
		if (lsr & LSR_THR_EMPTY) {
			nd_outb(COM1_DATA, (uint8_t)c);
			return;
		}
	}
	timeouts++;
}

static void string_put(const char *s)
{
	while (*s)
		character_put(*s++);
}

static void number_put(uint64_t value, unsigned int base)
{
	char digits[21];
	unsigned int at = sizeof digits - 1;

	digits[at] = 0;
	do {
		digits[--at] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	string_put(digits + at);
}

void nd_say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	string_put("dini: ");
	for (const char *p = format; *p; p++) {
		bool is_long = false;

		if (*p != '%') {
			character_put(*p);
			continue;
		}
		if (*++p == 'l') {
			is_long = true;
			p++;
		}
		if (*p == 's')
			string_put(va_arg(args, const char *));
		else if (*p == 'u' || *p == 'x')
			number_put(is_long ? va_arg(args, unsigned long)
					   : va_arg(args, unsigned int),
				   *p == 'x' ? 16 : 10);
		else
			break;
	}
	string_put("\r\n");
	va_end(args);
}
