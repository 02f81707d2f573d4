/* SPDX-License-Identifier: GPL-2.0-or-later */
/* linux.c - bzImage and its initrds, through Syslinux's own loader.  32-bit, PXELINUX running. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslinux/linux.h>

#include "netdump.h"

#define HEADER_BYTES 1024 /* main.c takes nothing shorter for a kernel */

static bool initrd_add(struct initramfs *chain, char *name)
{
	printf("Loading %s... ", name);
	if (initramfs_load_archive(chain, name)) {
		nd_file_failed(name);
		return false;
	}
	printf("ok\n");
	return true;
}

/* initrd=a,b among the kernel's arguments, as linux.c32 takes it. */
static bool initrds_of_word(struct initramfs *chain, char *names)
{
	for (char *name = names; name;) {
		char *comma = strchr(name, ',');
		bool ok;

		if (comma)
			*comma = '\0';
		ok = !*name || initrd_add(chain, name);
		if (comma)
			*comma++ = ',';
		if (!ok)
			return false;
		name = comma;
	}
	return true;
}

bool nd_linux_load(struct nd_image *image)
{
	struct initramfs *chain = initramfs_init();
	char **arg = image->argv + 1;

	image->loaded = chain;
	if (!chain) {
		nd_error("too little memory for the list of initrds: give the machine more");
		return false;
	}
	for (; *arg && strcmp(*arg, ND_MODULE_SEPARATOR); arg++)
		if (!strncmp(*arg, "initrd=", 7) && !initrds_of_word(chain, *arg + 7))
			return false;
	for (; *arg; arg++)
		if (!strcmp(*arg, ND_MODULE_SEPARATOR) && arg[1] && !initrd_add(chain, arg[1]))
			return false;
	return true;
}

void nd_linux_free(struct nd_image *image)
{
	struct initramfs *chain = image->loaded;

	if (!chain)
		return;
	while (chain->next != chain) {
		struct initramfs *first = chain->next;

		chain->next = first->next;
		free((void *)first->data);
		free(first);
	}
	free(chain);
}

/*
 * BOOT_IMAGE= and the words, as PXELINUX has it for every kernel.  What stands behind
 * an initrd's name is the kernel's too: SYSAPPEND puts its words at the very end.
 */
static char *command_line(char **argv, const char *extra_word)
{
	char **words, **to, *arguments = NULL, *line = NULL;
	size_t count = 0;

	while (argv[count])
		count++;
	to = words = calloc(count + 1, sizeof *words);
	for (char **arg = argv; words && *arg; arg++) {
		if (strcmp(*arg, ND_MODULE_SEPARATOR))
			*to++ = *arg;
		else if (arg[1])
			arg++;
	}
	if (words)
		arguments = nd_words_join(words, extra_word);
	if (arguments)
		line = malloc(strlen(arguments) + sizeof "BOOT_IMAGE=");
	if (line) {
		strcpy(line, "BOOT_IMAGE=");
		strcat(line, arguments);
	}
	free(arguments);
	free(words);
	return line;
}

void nd_linux_boot(struct nd_image *image, const char *extra_word)
{
	static uint8_t header[HEADER_BYTES];
	struct setup_data *setup = setup_data_init();
	char *line = command_line(image->argv, extra_word);

	if (!setup || !line) {
		nd_error("too little memory for the command line of %s: give the machine more",
			 image->argv[0]);
		return;
	}
	/* Syslinux adds to addresses in the image's header: for a second try they are put back. */
	memcpy(header, image->data, sizeof header);
	syslinux_boot_linux(image->data, image->bytes, image->loaded, setup, line);
	memcpy(image->data, header, sizeof header);
	nd_error("%s could not be started: give the machine more memory, or a smaller kernel and "
		 "initrd; or the file is no whole Linux kernel",
		 image->argv[0]);
}
