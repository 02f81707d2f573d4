// SPDX-License-Identifier: GPL-2.0-or-later
/* flip.c - see flip.h.  A !PXE structure: PXE 2.1 section 3.2, "PXE Installation Check". */
#include "tests/faults/breaker/flip.h"

#include "stub/common/serial.h"

#define BASE_MEMORY_END 0xA0000u
#define MIB             (1u << 20)
#define PARAGRAPH_BYTES 16u
#define PXE_BYTES       0x58u
#define PXE_LENGTH      0x04 /* of it, in a byte */
#define PXE_CODE        0x30 /* its code's segment: u16 selector, u32 start, u16 bytes */
#define PXE_CODE_BYTES  0x36

static enum nd_broken bit_flip(uint64_t phys, const char **why)
{
	volatile uint8_t *byte = nd_breaker_map(phys, 1);
	uint8_t was;

	*why = "fenced memory cannot be reached";
	if (!byte)
		return ND_BROKEN_NOT;
	was = *byte;
	*byte = was ^ 1;
	nd_serial_print("breaker: %x was %x, is %x\n", (uint32_t)phys, was, *byte);
	*why = "fenced memory does not change";
	return *byte == (was ^ 1) ? ND_BROKEN : ND_BROKEN_NOT;
}

enum nd_broken nd_flip_dini(const struct nd_nic *unused, const struct nd_handoff *h,
			    const char **why)
{
	(void)unused;
	return bit_flip(h->dini_phys + h->dini_image_bytes / 2, why);
}

enum nd_broken nd_flip_handoff(const struct nd_nic *unused, const struct nd_handoff *h,
			       const char **why)
{
	(void)unused;
	return bit_flip((uint64_t)h->gate_phys + offsetof(struct nd_handoff, server_key), why);
}

static bool is_pxe(const volatile uint8_t *at)
{
	uint8_t sum = 0;

	if (at[0] != '!' || at[1] != 'P' || at[2] != 'X' || at[3] != 'E' ||
	    at[PXE_LENGTH] != PXE_BYTES)
		return false;
	for (unsigned int i = 0; i < PXE_BYTES; i++)
		sum = (uint8_t)(sum + at[i]);
	return sum == 0;
}

static uint32_t word_at(const volatile uint8_t *at)
{
	return at[0] | (uint32_t)at[1] << 8;
}

enum nd_broken nd_flip_firmware(const struct nd_nic *unused, const struct nd_handoff *h,
				const char **why)
{
	uint32_t from = h->gate_phys, bytes = BASE_MEMORY_END - from;
	const volatile uint8_t *low = nd_breaker_map(from, bytes), *last = NULL;

	(void)unused;
	*why = "base memory cannot be reached";
	if (!low)
		return ND_BROKEN_NOT;
	for (uint32_t at = 0; at + PXE_BYTES <= bytes; at += PARAGRAPH_BYTES)
		if (is_pxe(low + at))
			last = low + at;
	*why = "no !PXE structure is there";
	if (!last)
		return ND_BROKEN_NEVER;
	return bit_flip((word_at(last + PXE_CODE) << 4) + word_at(last + PXE_CODE_BYTES) / 2, why);
}

enum nd_broken nd_flip_hidden(const struct nd_nic *unused, const struct nd_handoff *h,
			      const char **why)
{
	(void)unused;
	for (uint32_t i = 0; i < h->map_count; i++)
		if (h->map[i].kind == ND_RANGE_UNDI && h->map[i].phys >= MIB)
			return bit_flip(h->map[i].phys + h->map[i].bytes / 8 * 7, why);
	*why = "the firmware hides nothing";
	return ND_BROKEN_NEVER;
}
