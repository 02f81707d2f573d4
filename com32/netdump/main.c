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
static struct nd_lease lease;
static char last_words[ND_REASON_BYTES];
static void *dini;
static size_t dini_bytes;

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

static void image_free(struct nd_image *image)
{
	if (image->linux_kernel)
		nd_linux_free(image);
	else
		nd_multiboot_free(image);
	free(image->data);
}

static bool image_load(struct nd_image *image, char **argv)
{
	bool ok;

	memset(image, 0, sizeof *image);
	image->argv = argv;
	if (!nd_file_load(argv[0], &image->data, &image->bytes))
		return false;
	image->linux_kernel = is_linux(image->data, image->bytes);
	if (image->linux_kernel) {
		ok = nd_linux_load(image);
	} else if (is_multiboot(image->data, image->bytes)) {
		ok = nd_multiboot_load(image);
	} else {
		nd_error("%s is no image to boot: behind \"--\" must stand a Linux bzImage or a "
			 "multiboot image",
			 argv[0]);
		ok = false;
	}
	if (!ok)
		image_free(image);
	return ok;
}

/* What can be refused before the system's images are there. */
static bool prepare(const struct nd_options *options)
{
	const char *fault = nd_options_key_fault(options);

	if (!nd_gate_check() || !nd_lease_get(&lease, options))
		return false;
	nd_last_words_tell(&lease, options->server_port, last_words);
	if (fault) {
		nd_error("%s", fault);
		return false;
	}
	return nd_file_load(options->dini, &dini, &dini_bytes) &&
	       nd_dini_check(options->dini, dini, dini_bytes);
}

static bool fence_up(const struct nd_options *options)
{
	uint64_t kib[ND_RANGE_DINI + 1] = {0};

	if (!nd_region_take(&region, dini, dini_bytes))
		return false;
	if (!nd_handoff_arm(&region, options, &lease, last_words)) {
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

/* Comes back only if it could not. */
static void boot(struct nd_image *image, const char *extra_word)
{
	if (image->linux_kernel)
		nd_linux_boot(image, extra_word);
	else
		nd_multiboot_boot(image, extra_word);
}

/* The same, and then as if nothing had been fenced. */
static void boot_fenced(struct nd_image *image, bool unnamed)
{
	char word[24];

	snprintf(word, sizeof word, "netdump=0x%x", (unsigned)region.gate_phys);
	boot(image, unnamed ? NULL : word);
	netdump_arm(NULL);
	nd_region_give(&region);
}

int main(int argc, char *argv[])
{
	struct nd_options options;
	struct nd_image image;
	char why[200];
	bool ready;

	openconsole(&dev_null_r, &dev_stdcon_w);
	ready = nd_options_parse(&options, argc - 1, argv + 1, why, sizeof why);
	if (!ready)
		nd_error("%s", why);
	ready = ready && prepare(&options);
	if (options.image && (ready || options.fallback_boot) &&
	    image_load(&image, argv + 1 + options.image)) {
		if (ready && fence_up(&options))
			boot_fenced(&image, options.unnamed);
		if (options.fallback_boot) {
			nd_error("booting without netdump, as fallback=boot asks");
			boot(&image, NULL);
		}
		image_free(&image);
	}
	free(dini);
	return 1;
}
