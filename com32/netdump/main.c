/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * main.c - netdump.c32: loads a system and DINI, fences, arms, boots.
 *
 *   KERNEL netdump.c32
 *   APPEND [options] -- IMAGE arguments [--- MODULE arguments]...
 *
 * 32-bit protected mode, PXELINUX running.
 */
#include <console.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netdump.h"

#define MULTIBOOT_MAGIC  0x1badb002u
#define MULTIBOOT_SEARCH 8192 /* multiboot 0.6.96 section 3.1 */

static struct nd_region region;

static bool is_linux(const uint8_t *p, size_t bytes)
{
	return bytes >= 1024 && p[0x1fe] == 0x55 && p[0x1ff] == 0xaa &&
	       !memcmp(p + 0x202, "HdrS", 4);
}

static bool is_multiboot(const uint8_t *p, size_t bytes)
{
	for (size_t at = 0; at < MULTIBOOT_SEARCH && at + 12 <= bytes; at += 4) {
		const uint32_t *header = (const uint32_t *)(p + at);

		if (header[0] == MULTIBOOT_MAGIC && header[0] + header[1] + header[2] == 0)
			return true;
	}
	return false;
}

static bool image_load(struct nd_image *image, char **argv)
{
	memset(image, 0, sizeof *image);
	image->argv = argv;
	if (!nd_file_load(argv[0], &image->data, &image->bytes))
		return false;
	image->linux_kernel = is_linux(image->data, image->bytes);
	if (image->linux_kernel)
		return nd_linux_load(image);
	if (is_multiboot(image->data, image->bytes))
		return nd_multiboot_load(image);
	nd_error("%s is no image to boot: neither a Linux bzImage nor multiboot", argv[0]);
	return false;
}

static bool fence_up(const struct nd_options *options)
{
	struct nd_lease lease;
	void *dini;
	size_t dini_bytes;
	uint64_t kib[ND_RANGE_DINI + 1] = {0};

	if (!netdump_gate_image || !netdump_arm) {
		nd_error(
			"this PXELINUX has no gate: use the pxelinux.0 that came with netdump.c32");
		return false;
	}
	if (!nd_file_load(options->dini, &dini, &dini_bytes))
		return false;
	if (!nd_lease_get(&lease) || !nd_region_take(&region, dini, dini_bytes))
		return false;
	free(dini);
	if (!nd_handoff_arm(&region, options, &lease)) {
		nd_region_give(&region);
		return false;
	}
	for (uint32_t i = 0; i < region.fence.count; i++)
		kib[region.fence.range[i].kind] += region.fence.range[i].bytes >> 10;
	printf("netdump: fence %u KiB (gate %u, undi %u, dini %u)\n",
	       (unsigned)(kib[ND_RANGE_GATE] + kib[ND_RANGE_UNDI] + kib[ND_RANGE_DINI]),
	       (unsigned)kib[ND_RANGE_GATE], (unsigned)kib[ND_RANGE_UNDI],
	       (unsigned)kib[ND_RANGE_DINI]);
	return true;
}

static void boot(struct nd_image *image, const char *extra_word)
{
	if (image->linux_kernel)
		nd_linux_boot(image, extra_word);
	else
		nd_multiboot_boot(image, extra_word);
}

int main(int argc, char *argv[])
{
	struct nd_options options;
	struct nd_image image;
	char why[160], word[24];
	int at;

	openconsole(&dev_null_r, &dev_stdcon_w);
	at = nd_options_parse(&options, argc - 1, argv + 1, why, sizeof why);
	if (at < 0) {
		nd_error("%s", why);
		return 1;
	}
	if (!image_load(&image, argv + 1 + at))
		return 1;
	if (fence_up(&options)) {
		snprintf(word, sizeof word, "netdump=0x%x", (unsigned)region.gate_phys);
		boot(&image, word);
		netdump_arm(NULL);
		nd_region_give(&region);
	} else if (options.fallback_boot) {
		nd_error("booting without netdump, as fallback=boot asks");
		boot(&image, NULL);
	}
	return 1;
}
