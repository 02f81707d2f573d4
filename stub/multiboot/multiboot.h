/* SPDX-License-Identifier: GPL-2.0-or-later */
/* multiboot.h - what a multiboot 1 loader hands over (Multiboot Specification 0.6.96, 3.3). */
#ifndef STUB_MULTIBOOT_MULTIBOOT_H
#define STUB_MULTIBOOT_MULTIBOOT_H

#include <stdint.h>

#define MB_LOADED_MAGIC 0x2BADB002u /* in EAX at entry */

enum mb_flag {
	MB_FLAG_MEMORY = 1 << 0,  /* mem_lower, mem_upper */
	MB_FLAG_LINE = 1 << 2,    /* cmdline */
	MB_FLAG_MODULES = 1 << 3, /* mods_count, mods_phys */
	MB_FLAG_MAP = 1 << 6,     /* mmap_bytes, mmap_phys */
};

#define MB_RANGE_RAM 1

struct mb_info {
	uint32_t flags;
	uint32_t mem_lower_kib; /* from 0 */
	uint32_t mem_upper_kib; /* from 1 MiB */
	uint32_t boot_device;
	uint32_t line_phys;
	uint32_t module_count;
	uint32_t modules_phys;
	uint32_t symbols[4];
	uint32_t map_bytes;
	uint32_t map_phys;
};

struct mb_module {
	uint32_t from_phys;
	uint32_t to_phys; /* exclusive */
	uint32_t line_phys;
	uint32_t zero;
};

/* `bytes` does not count itself; the next entry starts that far behind it. */
struct mb_range {
	uint32_t bytes;
	uint64_t phys;
	uint64_t length;
	uint32_t type;
} __attribute__((packed));

_Static_assert(sizeof(struct mb_info) == 52, "mb_info");
_Static_assert(sizeof(struct mb_module) == 16, "mb_module");
_Static_assert(sizeof(struct mb_range) == 24, "mb_range");

#endif
