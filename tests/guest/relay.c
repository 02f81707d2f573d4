// SPDX-License-Identifier: GPL-2.0-or-later
/* relay.c - datagrams over COM2.  32-bit flat mode; waits for as long as it takes. */
#include "relay.h"

#include "ports.h"

#define COM2          0x2F8
#define COM2_IER      (COM2 + 1)
#define COM2_LCR      (COM2 + 3)
#define COM2_LSR      (COM2 + 5)
#define LSR_DATA      0x01
#define LSR_THR_EMPTY 0x20

void relay_read(void *to, size_t bytes)
{
	uint8_t *p = to;

	outb(COM2_IER, 0);
	outb(COM2_LCR, 3);
	while (bytes--) {
		while (!(inb(COM2_LSR) & LSR_DATA))
			;
		*p++ = inb(COM2);
	}
}

static void relay_write(const void *from, size_t bytes)
{
	const uint8_t *p = from;

	while (bytes--) {
		while (!(inb(COM2_LSR) & LSR_THR_EMPTY))
			;
		outb(COM2, *p++);
	}
}

void relay_ask(const void *datagram, size_t bytes)
{
	uint16_t length = (uint16_t)bytes;

	relay_write(&length, sizeof length);
	relay_write(datagram, bytes);
}

size_t relay_answer(void *to, size_t room)
{
	uint16_t length;

	relay_read(&length, sizeof length);
	if (length > room)
		return 0;
	relay_read(to, length);
	return length;
}
