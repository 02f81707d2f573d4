/* SPDX-License-Identifier: GPL-2.0-or-later */
/* seal.h - whether what boot left for the crash is still what it was. */
#ifndef DINI_SEAL_H
#define DINI_SEAL_H

#include <stdbool.h>

#include "netdump/handoff.h"

/*
 * Both: 0, or enum nd_refusal with *why set.  The first copies the handoff block at phys to *copy,
 * which is all that it writes to, and checks it; the second checks the seal of such a copy.
 */
uint32_t nd_seal_block_take(uint32_t phys, struct nd_handoff *copy, const char **why);
uint32_t nd_seal_check(const struct nd_handoff *block, const char **why);

/* Leaves in the block, and for the next boot, why no dump was made. */
void nd_seal_last_words(uint32_t phys, const char *why);

/* The same of a firmware call, which may not come back: while it is made, and taken back after. */
void nd_seal_last_words_away(uint32_t phys, bool away);

/* Takes the seed out of the block, which stays valid: this crash's keys came of it. */
void nd_seal_seed_wipe(uint32_t phys);

#endif
