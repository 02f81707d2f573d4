/* SPDX-License-Identifier: GPL-2.0-or-later */
/* console.h - one-line messages on COM1.  Works, silently, without a UART. */
#ifndef DINI_CONSOLE_H
#define DINI_CONSOLE_H

/* Sets COM1 to 115200 8n1, its interrupts off.  Printing needs no set-up. */
void nd_console_init(void);

/* Says nothing from here on: the port is a living system's. */
void nd_console_mute(void);

/*
 * Prints "dini: ", the text and a newline.  Understands %s %u %x (unsigned) and %lu
 * %lx (unsigned long), no widths.
 */
__attribute__((format(printf, 1, 2))) void nd_say(const char *format, ...);

#endif
