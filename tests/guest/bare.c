// SPDX-License-Identifier: GPL-2.0-or-later
/* bare.c - what every guest needs: memory, the serial line, a verdict.  32-bit flat mode. */
#include "bare.h"

#include <stddef.h>
#include <string.h>

#include "ports.h"

#define EXIT_PORT 0xF4

void *memcpy(void *restrict to, const void *restrict from, size_t bytes)
{
	void *d = to;

	__asm__ volatile("rep movsb" : "+D"(d), "+S"(from), "+c"(bytes) : : "memory");
	return to;
}

void *memset(void *to, int value, size_t bytes)
{
	void *d = to;

	__asm__ volatile("rep stosb" : "+D"(d), "+c"(bytes) : "a"(value) : "memory");
	return to;
}

int memcmp(const void *a, const void *b, size_t bytes)
{
	const uint8_t *x = a, *y = b;

	for (size_t i = 0; i < bytes; i++)
		if (x[i] != y[i])
			return x[i] - y[i];
	return 0;
}

void print(const char *s)
{
	for (; *s; s++) {
		while (!(inb(0x3FD) & 0x20))
			;
		outb(0x3F8, (uint8_t)*s);
	}
}

void leave(uint8_t code)
{
	outb(EXIT_PORT, code);
	for (;;)
		__asm__ volatile("cli; hlt");
}

void fail(const char *what)
{
	print("guest: FAIL: ");
	print(what);
	print("\n");
	leave(EXIT_FAIL);
}

void *phys(uint32_t at)
{
	uintptr_t p = at;

	__asm__("" : "+r"(p));
	return (void *)p;
}
