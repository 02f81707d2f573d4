// SPDX-License-Identifier: GPL-2.0-or-later
/* bootinfo.c - our own copy of what the loader said.  Long mode, boot page tables. */
#include "stub/multiboot/bootinfo.h"

#include "netdump/handoff.h"
#include "stub/common/phys.h"
#include "stub/common/serial.h"
#include "stub/multiboot/multiboot.h"

#define KIB   1024ull
#define MIB_1 0x100000ull

static void line_copy(char *to, uint32_t room, uint32_t from_phys)
{
	const char *from = nd_at_phys(from_phys);
	uint32_t i = 0;

	if (from_phys)
		for (; i < room - 1 && from[i]; i++)
			to[i] = from[i];
	to[i] = 0;
}

static void range_add(struct nd_bootinfo *info, uint64_t phys, uint64_t bytes, uint32_t type)
{
	if (bytes == 0 || bytes > UINT64_MAX - phys)
		return;
	if (info->range_count == ND_BOOT_RANGES_MAX) {
		nd_serial_print("ref: map too long: %X on is left out\n", phys);
		return;
	}
	info->range[info->range_count++] = (struct nd_boot_range){phys, phys + bytes, type};
}

static void map_read(struct nd_bootinfo *info, const struct mb_info *mb)
{
	uint32_t at = 0;

	while (mb->map_bytes - at >= sizeof(struct mb_range)) {
		const struct mb_range *range = nd_at_phys(mb->map_phys + at);

		if (range->bytes < sizeof *range - sizeof range->bytes)
			break;
		range_add(info, range->phys, range->length, range->type);
		if (range->bytes > mb->map_bytes - at - sizeof range->bytes)
			break;
		at += range->bytes + (uint32_t)sizeof range->bytes;
	}
}

static void modules_read(struct nd_bootinfo *info, const struct mb_info *mb)
{
	const struct mb_module *from = nd_at_phys(mb->modules_phys);

	for (uint32_t i = 0; i < mb->module_count && i < ND_BOOT_MODULES_MAX; i++) {
		struct nd_boot_module *to = &info->module[i];

		to->from_phys = from[i].from_phys;
		to->to_phys =
			from[i].to_phys < from[i].from_phys ? from[i].from_phys : from[i].to_phys;
		line_copy(to->line, sizeof to->line, from[i].line_phys);
		info->module_count++;
	}
}

void nd_bootinfo_read(struct nd_bootinfo *info, uint32_t mb_info_phys)
{
	const struct mb_info *mb = nd_at_phys(mb_info_phys);

	if (mb->flags & MB_FLAG_MEMORY) {
		info->mem_lower_kib = mb->mem_lower_kib;
		info->mem_upper_kib = mb->mem_upper_kib;
	}
	if (mb->flags & MB_FLAG_LINE)
		line_copy(info->line, sizeof info->line, mb->line_phys);
	if (mb->flags & MB_FLAG_MAP) {
		map_read(info, mb);
	} else {
		range_add(info, 0, info->mem_lower_kib * KIB, MB_RANGE_RAM);
		range_add(info, MIB_1, info->mem_upper_kib * KIB, MB_RANGE_RAM);
	}
	if (mb->flags & MB_FLAG_MODULES)
		modules_read(info, mb);
}

void nd_bootinfo_print(const struct nd_bootinfo *info)
{
	nd_serial_print("ref: command line: %s\n", info->line);
	for (uint32_t i = 0; i < info->range_count; i++)
		nd_serial_print("ref: map %X-%X type %u\n", info->range[i].from_phys,
				info->range[i].to_phys, info->range[i].type);
	nd_serial_print("ref: mem_lower %u mem_upper %u\n", info->mem_lower_kib,
			info->mem_upper_kib);
	for (uint32_t i = 0; i < info->module_count; i++) {
		const struct nd_boot_module *m = &info->module[i];
		uint32_t crc = nd_crc32(0, nd_at_phys(m->from_phys), m->to_phys - m->from_phys);

		nd_serial_print("ref: module %x-%x %s crc32 %x\n", m->from_phys, m->to_phys,
				m->line, crc);
	}
}
