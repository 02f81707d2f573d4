/* SPDX-License-Identifier: GPL-2.0-or-later */
/* error.c - what went wrong, on the console.  32-bit, PXELINUX running. */
#include <stdarg.h>
#include <stdio.h>

#include "netdump.h"

void nd_error(const char *format, ...)
{
	va_list arguments;

	printf("netdump: ");
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	printf("\n");
}
