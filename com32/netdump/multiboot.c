/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * multiboot.c - multiboot 1 images and their modules.  Placing an image, memory
 * map and the rest of the information structure are mboot.c32's own objects,
 * which ask INT 15h and so see the fence.  32-bit, PXELINUX running.
 */
#include "mboot.h"
#include "netdump.h"

struct multiboot_info mbinfo;
struct syslinux_pm_regs regs;
struct my_options opt, set;

#define MODULES_MAX 64

struct module {
	void *data;
	size_t bytes;
	char **argv;
};

static struct module modules[MODULES_MAX];
static int module_count;

bool nd_multiboot_load(struct nd_image *image)
{
	module_count = 0;
	for (char **arg = image->argv; *arg; arg++) {
		struct module *m = &modules[module_count];

		if (strcmp(*arg, ND_MODULE_SEPARATOR) || !arg[1])
			continue;
		if (module_count == MODULES_MAX) {
			nd_error("more than %d modules: take out some of the \"---\"", MODULES_MAX);
			return false;
		}
		m->argv = arg + 1;
		if (!nd_file_load(arg[1], &m->data, &m->bytes))
			return false;
		module_count++;
	}
	return true;
}

void nd_multiboot_free(struct nd_image *image)
{
	(void)image;
	while (module_count)
		free(modules[--module_count].data);
}

static bool map_modules(void)
{
	size_t bytes = module_count * sizeof(struct mod_list);
	struct mod_list *list;

	if (!module_count)
		return true;
	list = calloc(1, bytes);
	if (!list || !(mbinfo.mods_addr = map_data(list, bytes, 16, 0)))
		return false;
	for (int i = 0; i < module_count; i++) {
		char *words = nd_words_join(modules[i].argv, NULL);
		addr_t at = map_data(modules[i].data, modules[i].bytes, 4096, MAP_HIGH);

		if (!words || !at)
			return false;
		list[i].mod_start = at;
		list[i].mod_end = at + modules[i].bytes;
		list[i].cmdline = map_string(words);
	}
	mbinfo.mods_count = module_count;
	mbinfo.flags |= MB_INFO_MODS;
	return true;
}

void nd_multiboot_boot(struct nd_image *image, const char *extra_word)
{
	char *words = nd_words_join(image->argv, extra_word);
	struct multiboot_header *header;

	memset(&mbinfo, 0, sizeof mbinfo); /* it may be the second try */
	memset(&regs, 0, sizeof regs);
	memset(&opt, 0, sizeof opt);
	if (!words || init_map()) {
		nd_error("too little memory for the command line of %s: give the machine more",
			 image->argv[0]);
		return;
	}
	header = map_image(image->data, image->bytes);
	if (!header) {
		nd_error("%s cannot be placed, for the reason above: link it to addresses that are "
			 "free, without header flags that mboot.c32 does not know",
			 image->argv[0]);
		return;
	}
	regs.ebx = map_data(&mbinfo, sizeof mbinfo, 4, 0);
	mbinfo.cmdline = map_string(words);
	if (!regs.ebx || !mbinfo.cmdline || !map_modules()) {
		nd_error("too little memory for %s and its modules: give the machine more, or load "
			 "less",
			 image->argv[0]);
		return;
	}
	mbinfo.flags |= MB_INFO_CMDLINE;
	mboot_make_memmap();
	mboot_apm();
	mboot_syslinux_info();
	if (opt.solaris)
		mboot_solaris_dhcp_hack();
	set_graphics_mode(header, &mbinfo);
	mboot_run(0);
	nd_error("%s could not be started: too little memory is free to move it to its place; give "
		 "the machine more, or load less",
		 image->argv[0]);
}
