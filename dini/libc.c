// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * libc.c - the few functions that compilers and Debian's static libraries call.
 * Long mode, or hosted for nothing: freestanding only.
 */
#include <stddef.h>
#include <stdint.h>

#include "dini/action.h"

void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int value, size_t bytes);
int memcmp(const void *a, const void *b, size_t bytes);
void *__memcpy_chk(void *to, const void *from, size_t bytes, size_t room);
void *__memmove_chk(void *to, const void *from, size_t bytes, size_t room);
void *__memset_chk(void *to, int value, size_t bytes, size_t room);
_Noreturn void __stack_chk_fail(void);
void *malloc(size_t bytes);
void *calloc(size_t count, size_t bytes);
void free(void *p);

/* Eight bytes a step: emulators pay for each step of a string instruction. */
void *memcpy(void *restrict to, const void *restrict from, size_t bytes)
{
	void *d = to;
	size_t words = bytes / 8;
	size_t rest = bytes % 8;

	__asm__ volatile("rep movsq" : "+D"(d), "+S"(from), "+c"(words) : : "memory");
	__asm__ volatile("rep movsb" : "+D"(d), "+S"(from), "+c"(rest) : : "memory");
	return to;
}

void *memmove(void *to, const void *from, size_t bytes)
{
	uint8_t *d = to;
	const uint8_t *s = from;

	if ((uintptr_t)d - (uintptr_t)s >= bytes)
		return memcpy(to, from, bytes);
	d += bytes;
	s += bytes;
	while (bytes--) {
		*--d = *--s;
		__asm__("" : "+r"(d)); /* or the compiler makes this a call of memmove */
	}
	return to;
}

void *memset(void *to, int value, size_t bytes)
{
	void *d = to;
	uint64_t word = 0x0101010101010101u * (uint8_t)value;
	size_t words = bytes / 8;
	size_t rest = bytes % 8;

	__asm__ volatile("rep stosq" : "+D"(d), "+c"(words) : "a"(word) : "memory");
	__asm__ volatile("rep stosb" : "+D"(d), "+c"(rest) : "a"(word) : "memory");
	return to;
}

int memcmp(const void *a, const void *b, size_t bytes)
{
	const uint8_t *x = a;
	const uint8_t *y = b;

	for (size_t i = 0; i < bytes; i++)
		if (x[i] != y[i])
			return x[i] - y[i];
	return 0;
}

static void room_check(size_t bytes, size_t room)
{
	if (bytes > room)
		nd_action_fail("a library call ran out of its buffer");
}

void *__memcpy_chk(void *to, const void *from, size_t bytes, size_t room)
{
	room_check(bytes, room);
	return memcpy(to, from, bytes);
}

void *__memmove_chk(void *to, const void *from, size_t bytes, size_t room)
{
	room_check(bytes, room);
	return memmove(to, from, bytes);
}

void *__memset_chk(void *to, int value, size_t bytes, size_t room)
{
	room_check(bytes, room);
	return memset(to, value, bytes);
}

void __stack_chk_fail(void)
{
	nd_action_fail("stack overwritten");
}

/* Named by library code that DINI never calls. */
void *malloc(size_t bytes)
{
	(void)bytes;
	return NULL;
}

void *calloc(size_t count, size_t bytes)
{
	(void)count;
	(void)bytes;
	return NULL;
}

void free(void *p)
{
	(void)p;
}
