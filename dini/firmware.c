// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * firmware.c - the firmware's own memory as the seal has it.  Long mode.
 *
 * It is mostly an empty heap, so it packs well: 700 KiB of iPXE in a ROM into 170; 1.4 MiB of iPXE
 * with every driver into 560.
 */
#include "dini/firmware.h"

#include <lz4.h>
#include <string.h>

#include "dini/io.h"

#define PIECE_BYTES  0x10000u
#define PIECES_MAX   96
#define PACKED_BYTES 0xA0000u
#define LZ4_FAST     1 /* acceleration: LZ4's own default */

static struct {
	uint32_t phys, bytes, at, packed_bytes;
} piece[PIECES_MAX];
static unsigned int pieces;
static char packed[PACKED_BYTES];
static LZ4_stream_t state;

static bool is_firmware(const struct nd_handoff *h, const struct nd_seal_range *r)
{
	for (uint32_t i = 0; i < h->map_count; i++)
		if (h->map[i].kind == ND_RANGE_UNDI && r->phys >= h->map[i].phys &&
		    r->phys - h->map[i].phys < h->map[i].bytes)
			return true;
	return false;
}

static bool piece_keep(uint32_t phys, uint32_t bytes)
{
	uint32_t at = pieces ? piece[pieces - 1].at + piece[pieces - 1].packed_bytes : 0;
	int done;

	if (pieces == PIECES_MAX)
		return false;
	done = LZ4_compress_fast_extState(&state, nd_low(phys), packed + at, (int)bytes,
					  (int)(PACKED_BYTES - at), LZ4_FAST);
	if (done <= 0)
		return false;
	piece[pieces].phys = phys;
	piece[pieces].bytes = bytes;
	piece[pieces].at = at;
	piece[pieces++].packed_bytes = (uint32_t)done;
	return true;
}

bool nd_firmware_keep(const struct nd_handoff *handoff)
{
	pieces = 0;
	for (uint32_t i = 0; i < handoff->seal_count; i++) {
		const struct nd_seal_range *r = &handoff->seal[i];

		if (!is_firmware(handoff, r))
			continue;
		for (uint32_t at = 0; at < r->bytes; at += PIECE_BYTES) {
			uint32_t left = r->bytes - at;

			if (!piece_keep(r->phys + at, left < PIECE_BYTES ? left : PIECE_BYTES)) {
				pieces = 0; /* half of it would be worse than none */
				return false;
			}
		}
	}
	return pieces > 0;
}

void nd_firmware_restore(void)
{
	for (unsigned int i = 0; i < pieces; i++)
		LZ4_decompress_safe(packed + piece[i].at, nd_low(piece[i].phys),
				    (int)piece[i].packed_bytes, (int)piece[i].bytes);
}
