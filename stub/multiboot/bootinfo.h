/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bootinfo.h - our own copy of what the loader said, since its place is RAM like any other. */
#ifndef STUB_MULTIBOOT_BOOTINFO_H
#define STUB_MULTIBOOT_BOOTINFO_H

#include <stdint.h>

#include "stub/common/words.h"

#define ND_BOOT_RANGES_MAX  64
#define ND_BOOT_MODULES_MAX 8
#define ND_MODULE_LINE      128

struct nd_boot_range {
	uint64_t from_phys;
	uint64_t to_phys; /* exclusive */
	uint32_t type;
};

struct nd_boot_module {
	uint32_t from_phys;
	uint32_t to_phys; /* exclusive */
	char line[ND_MODULE_LINE];
};

struct nd_bootinfo {
	char line[ND_LINE_BYTES];
	uint32_t mem_lower_kib;
	uint32_t mem_upper_kib;
	uint32_t range_count;
	struct nd_boot_range range[ND_BOOT_RANGES_MAX];
	uint32_t module_count;
	struct nd_boot_module module[ND_BOOT_MODULES_MAX];
};

/* Reads physical memory below 4 GiB as it stands, so the boot page tables must be in use. */
void nd_bootinfo_read(struct nd_bootinfo *info, uint32_t mb_info_phys);

/* `ref: map`, `ref: mem_lower` and `ref: module` lines. */
void nd_bootinfo_print(const struct nd_bootinfo *info);

#endif
