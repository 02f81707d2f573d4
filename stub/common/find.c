// SPDX-License-Identifier: GPL-2.0-or-later
/* find.c - looking for netdump.c32's handoff block.  Any CPU mode. */
#include "stub/common/find.h"

#define BIOS_DATA_END 0x500u   /* vectors and BIOS data: no block can be there */
#define VIDEO_PHYS    0xA0000u /* device memory: slow to read, and not ours to touch */
#define VIDEO_END     0xC0000u

static const struct nd_handoff *block(const volatile uint8_t *low, uint32_t phys)
{
	return (const struct nd_handoff *)(uintptr_t)(low + phys);
}

/* The address alone: aligned, and all of the block in memory that is looked at. */
static bool place_fits(uint64_t phys)
{
	if (phys % ND_HANDOFF_ALIGN || phys < BIOS_DATA_END)
		return false;
	if (phys > ND_HANDOFF_BELOW - sizeof(struct nd_handoff))
		return false;
	return phys >= VIDEO_END || phys <= VIDEO_PHYS - sizeof(struct nd_handoff);
}

static bool signature_at(const volatile uint8_t *low, uint32_t phys)
{
	for (uint32_t i = 0; i < sizeof((struct nd_handoff *)0)->signature; i++)
		if (low[phys + i] != (uint8_t)ND_HANDOFF_SIGNATURE[i])
			return false;
	return true;
}

bool nd_find_at(const volatile uint8_t *low, uint64_t phys)
{
	const struct nd_handoff *h;

	if (!place_fits(phys))
		return false;
	h = block(low, (uint32_t)phys);
	if (!nd_handoff_valid(h) || h->gate_phys != phys) /* a copy elsewhere is not it */
		return false;
	/* DINI's region ends below 4 GiB, and its entry is inside its image. */
	return h->dini_phys >= ND_HANDOFF_BELOW && h->dini_bytes <= UINT32_MAX - h->dini_phys &&
	       h->dini_image_bytes <= h->dini_bytes && h->dini_entry_phys >= h->dini_phys &&
	       h->dini_entry_phys - h->dini_phys < h->dini_image_bytes;
}

bool nd_find_remains_at(const volatile uint8_t *low, uint64_t phys)
{
	const struct nd_handoff *h;

	if (!place_fits(phys) || !signature_at(low, (uint32_t)phys))
		return false;
	h = block(low, (uint32_t)phys);
	return h->version == ND_HANDOFF_VERSION && h->bytes == sizeof *h;
}

uint32_t nd_find_next(const volatile uint8_t *low, uint32_t from_phys, uint32_t *damaged)
{
	uint32_t phys = (from_phys + ND_HANDOFF_ALIGN - 1) & ~(ND_HANDOFF_ALIGN - 1u);

	for (; phys < ND_HANDOFF_BELOW; phys += ND_HANDOFF_ALIGN) {
		if (!place_fits(phys) || !signature_at(low, phys))
			continue;
		if (nd_find_at(low, phys))
			return phys;
		(*damaged)++;
	}
	return 0;
}

uint16_t nd_find_strange(const volatile uint8_t *low)
{
	for (uint32_t phys = 0; phys < ND_HANDOFF_BELOW; phys += ND_HANDOFF_ALIGN)
		if (place_fits(phys) && signature_at(low, phys) && !nd_find_at(low, phys))
			return block(low, phys)->version;
	return 0;
}
