// SPDX-License-Identifier: GPL-2.0-or-later
/* block.c - netdump.c32's handoff block, by its signature. */
#include <linux/io.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "netdump.h"
#include "stub/common/find.h"

static u32 block_phys;
static struct nd_handoff copy;

static struct nd_handoff *there(void)
{
	return __va(block_phys);
}

/* More than one can look right: memory may still hold one of the boot before. */
u32 nd_block_find(void)
{
	u32 damaged = 0, first = 0;

	for (u32 phys = 0; (phys = nd_find_next(__va(0), phys, &damaged));
	     phys += ND_HANDOFF_ALIGN) {
		if (!first)
			first = phys;
		block_phys = phys;
		copy = *there();
		if (nd_block_seal_look() == 1)
			return phys;
	}
	if (damaged)
		pr_warn("netdump: %u damaged handoff blocks left alone\n", damaged);
	block_phys = first;
	if (first)
		copy = *there();
	return first;
}

const char *nd_block_missing(void)
{
	static char text[96];
	u16 version = nd_find_strange(__va(0));

	if (!version)
		return "no handoff block: was the machine booted by netdump.c32?";
	if (version == ND_HANDOFF_VERSION)
		return "the handoff block is damaged";
	scnprintf(text, sizeof text, "the handoff block is of version %u, and this module knows %u",
		  version, ND_HANDOFF_VERSION);
	return text;
}

const struct nd_handoff *nd_block(void)
{
	return &copy;
}

bool nd_block_is_whole(void)
{
	return nd_find_at(__va(0), block_phys) && copy.crc == there()->crc;
}

int nd_block_seal_look(void)
{
	u32 crc = 0;

	if (!nd_block_is_whole())
		return 0;
	for (u32 i = 0; i < copy.seal_count; i++) {
		const struct nd_seal_range *range = &copy.seal[i];
		void *sealed = memremap(range->phys, range->bytes, MEMREMAP_WB);

		if (!sealed)
			return -ENOMEM;
		crc = nd_crc32(crc, sealed, range->bytes);
		memunmap(sealed);
		cond_resched();
	}
	return crc == copy.seal_crc;
}

void nd_block_last_words_clear(void)
{
	if (nd_find_remains_at(__va(0), block_phys))
		memset(there()->last_words, 0, sizeof there()->last_words);
}

const char *nd_block_last_words(void)
{
	return nd_find_remains_at(__va(0), block_phys) ? there()->last_words : NULL;
}
