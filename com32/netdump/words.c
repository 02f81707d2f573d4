/* SPDX-License-Identifier: GPL-2.0-or-later */
/* words.c - command lines of what is booted.  32-bit, PXELINUX running. */
#include <stdlib.h>
#include <string.h>

#include "netdump.h"

static void word_add(char *line, const char *word)
{
	if (*line)
		strcat(line, " ");
	strcat(line, word);
}

char *nd_words_join(char **argv, const char *extra)
{
	size_t bytes = extra ? strlen(extra) + 2 : 1;
	char *line;

	for (char **arg = argv; *arg && strcmp(*arg, ND_MODULE_SEPARATOR); arg++)
		bytes += strlen(*arg) + 1;
	line = malloc(bytes);
	if (!line)
		return NULL;
	*line = '\0';
	for (char **arg = argv; *arg && strcmp(*arg, ND_MODULE_SEPARATOR); arg++) {
		word_add(line, *arg);
		if (arg == argv && extra)
			word_add(line, extra);
	}
	return line;
}
