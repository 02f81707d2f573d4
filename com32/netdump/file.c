/* SPDX-License-Identifier: GPL-2.0-or-later */
/* file.c - files from where PXELINUX has its own.  32-bit, PXELINUX running. */
#include <stdio.h>
#include <syslinux/loadfile.h>

#include "netdump.h"

void nd_file_failed(const char *name)
{
	FILE *file = fopen(name, "r");

	printf("failed\n");
	if (file)
		nd_error("%s is there, but cannot be loaded whole: too little memory for it, or "
			 "it is damaged",
			 name);
	else
		nd_error("%s cannot be loaded: is it on the TFTP server, under that name?", name);
	if (file)
		fclose(file);
}

bool nd_file_load(const char *name, void **data, size_t *bytes)
{
	printf("Loading %s... ", name);
	if (zloadfile(name, data, bytes)) {
		nd_file_failed(name);
		return false;
	}
	printf("ok\n");
	return true;
}
