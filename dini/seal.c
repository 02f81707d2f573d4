// SPDX-License-Identifier: GPL-2.0-or-later
/* seal.c - whether what boot left for the crash is still what it was.  Long mode. */
#include "dini/seal.h"

#include <string.h>

#include "dini/boot.h"
#include "dini/io.h"

_Static_assert(sizeof nd_last_words == 152, "dini.ld");
_Static_assert(sizeof nd_last_words.text == sizeof((struct nd_handoff *)0)->last_words, "words");

#define MIB_1      0x100000u
#define FRAME_ROOM 1514u
#define AWAY_WORDS "the machine did not come back from its firmware"

static bool inside(uint64_t phys, uint64_t bytes, uint64_t from, uint64_t to)
{
	return phys >= from && phys <= to && bytes <= to - phys;
}

/* Whether the seal covers it: other memory may be anybody's. */
static bool sealed(const struct nd_handoff *h, uint64_t phys, uint64_t bytes)
{
	for (uint32_t i = 0; i < h->seal_count; i++)
		if (inside(phys, bytes, h->seal[i].phys,
			   (uint64_t)h->seal[i].phys + h->seal[i].bytes))
			return true;
	return false;
}

/* A checksum proves what was written, not that it makes sense: look before use. */
static const char *nonsense(const struct nd_handoff *h)
{
	if (h->dini_phys != nd_boot.base_phys)
		return "the block is not for this DINI";
	if (h->tx_slots == 0 || h->rx_slots == 0 || h->slot_bytes < FRAME_ROOM ||
	    h->slot_bytes > 0x10000)
		return "no frame slots";
	if (!inside(h->tx_slots_phys, (uint64_t)h->tx_slots * h->slot_bytes, 0x500, MIB_1) ||
	    !inside(h->rx_slots_phys, (uint64_t)h->rx_slots * h->slot_bytes, 0x500, MIB_1) ||
	    !inside(h->gate_call_phys, sizeof(struct nd_gate_call), 0x500, MIB_1) ||
	    !inside(h->gate_entry_phys, 1, 0x500, MIB_1))
		return "the gate is not below 1 MiB";
	if (h->server_count == 0)
		return "no server";
	for (uint32_t i = 0; i < h->seal_count; i++)
		if (!inside(h->seal[i].phys, h->seal[i].bytes, 0, 0x100000000ull))
			return "a sealed range wraps";
	if (!sealed(h, h->gate_entry_phys, 1))
		return "the gate is not under the seal";
	if (!sealed(h, h->low_copy_phys, ND_LOW_COPY_BYTES) ||
	    (h->pci_copy_count &&
	     !sealed(h, h->pci_copy_phys,
		     (uint64_t)h->pci_copy_count * sizeof(struct nd_pci_copy))))
		return "what boot copied is not under the seal";
	if (h->security < ND_SECURITY_PLAIN || h->security > ND_SECURITY_NKPSK0)
		return "neither a key nor insecure: nothing is sent";
	return NULL;
}

uint32_t nd_seal_block_take(uint32_t phys, struct nd_handoff *copy, const char **why)
{
	*why = "no handoff block there";
	if (phys % ND_HANDOFF_ALIGN ||
	    !inside(phys, sizeof *copy, ND_LOW_COPY_BYTES, ND_HANDOFF_BELOW))
		return ND_REFUSED_HANDOFF;
	memcpy(copy, nd_low(phys), sizeof *copy);
	if (memcmp(copy->signature, ND_HANDOFF_SIGNATURE, sizeof copy->signature) != 0)
		return ND_REFUSED_HANDOFF;
	*why = "the handoff block is damaged or of another version";
	if (!nd_handoff_valid(copy))
		return ND_REFUSED_HANDOFF;
	*why = nonsense(copy);
	if (*why)
		return ND_REFUSED_HANDOFF;
	copy->host[sizeof copy->host - 1] = 0;
	return 0;
}

uint32_t nd_seal_check(const struct nd_handoff *block, const char **why)
{
	uint32_t crc = 0;

	for (uint32_t i = 0; i < block->seal_count; i++)
		crc = nd_crc32(crc, nd_low(block->seal[i].phys), block->seal[i].bytes);
	if (crc == block->seal_crc)
		return 0;
	*why = "fenced memory was changed";
	return ND_REFUSED_SEAL;
}

void nd_seal_seed_wipe(uint32_t phys)
{
	struct nd_handoff *h = nd_low(phys);

	memset(h->seed, 0, sizeof h->seed);
	h->crc = nd_handoff_crc(h); /* its last words are believed with it only */
}

static bool away_is_written; /* but for its first letter */

void nd_seal_last_words(uint32_t phys, const char *why)
{
	struct nd_handoff *h = nd_low(phys);

	nd_last_words_write(&nd_last_words, why);
	memcpy(h->last_words, nd_last_words.text, sizeof h->last_words);
	away_is_written = false;
}

/*
 * Twice a batch, and beside the gate's code, where emulators pay for each write: so the words
 * stay, and only their first letter comes and goes.  Without it the block's are empty, and the
 * record's are not what it has the CRC of.
 */
void nd_seal_last_words_away(uint32_t phys, bool away)
{
	struct nd_handoff *h = nd_low(phys);

	if (!away_is_written)
		nd_seal_last_words(phys, AWAY_WORDS);
	away_is_written = true;
	nd_last_words.text[0] = away ? AWAY_WORDS[0] : 0;
	h->last_words[0] = nd_last_words.text[0];
}
