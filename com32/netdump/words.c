/* SPDX-License-Identifier: GPL-2.0-or-later */
/* words.c - command lines of what is booted.  32-bit, PXELINUX running. */
#include <stdlib.h>
#include <string.h>

#include "netdump.h"

char *nd_words_join(char **argv, const char *extra)
{
	size_t bytes = extra ? strlen(extra) + 2 : 1;
	char **arg, *words;

	for (arg = argv; *arg && strcmp(*arg, ND_MODULE_SEPARATOR); arg++)
		bytes += strlen(*arg) + 1;
	words = malloc(bytes);
	if (!words)
		return NULL;
	*words = '\0';
	for (arg = argv; *arg && strcmp(*arg, ND_MODULE_SEPARATOR); arg++) {
		if (arg != argv)
			strcat(words, " ");
		strcat(words, *arg);
	}
	if (extra) {
		strcat(words, " ");
		strcat(words, extra);
	}
	return words;
}
