/* SPDX-License-Identifier: GPL-2.0-or-later */
/* e820.c - asks the BIOS for its memory map (INT 15h AX=E820h).  32-bit, PXELINUX running. */
#include <com32.h>
#include <stdlib.h>
#include <string.h>

#include "netdump.h"

#define SMAP      0x534d4150
#define CALLS_MAX 256 /* empty entries with them; a BIOS that goes on is out of its mind */

bool nd_e820_read(struct nd_map *map)
{
	struct netdump_e820 *buffer = lmalloc(sizeof *buffer);
	com32sys_t in, out;
	unsigned int calls = 0;

	memset(map, 0, sizeof *map);
	if (!buffer) {
		nd_error("no base memory left to ask for the memory map; load fewer modules");
		return false;
	}
	memset(&in, 0, sizeof in);
	in.eax.l = 0xe820;
	in.edx.l = SMAP;
	in.ecx.l = sizeof *buffer;
	in.es = SEG(buffer);
	in.edi.w[0] = OFFS(buffer);
	do {
		__intcall(0x15, &in, &out);
		if ((out.eflags.l & EFLAGS_CF) || out.eax.l != SMAP || out.ecx.l < sizeof *buffer)
			break;
		nd_map_add(map, buffer->phys, buffer->bytes, buffer->type);
		in.ebx.l = out.ebx.l;
	} while (out.ebx.l && !map->overflow && ++calls < CALLS_MAX);
	lfree(buffer);

	if (map->overflow || calls == CALLS_MAX) {
		nd_error("the BIOS's memory map has more than %d entries, or no "
			 "end; " ND_TRY_WITHOUT,
			 NETDUMP_E820_MAX);
		return false;
	}
	if (!map->count) {
		nd_error("the BIOS has no memory map (INT 15h E820h); " ND_TRY_WITHOUT);
		return false;
	}
	nd_map_sort(map);
	return true;
}
