/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * select.h - which pages of a crashed Linux a dump can do without, by its page structures.
 *
 * Levels are makedumpfile's: a sum of the bits below, with its meaning of each.  Rules are those
 * for kernels 5.10 to 6.2 with sparse memory, whose VMCOREINFO names all that is needed;
 * of any other, and of one whose structures contradict themselves, nothing is said.  Memory is
 * taken a stretch at a time, so that little is held and a server is not kept from others.
 * Pure over struct nd_xlat; nothing that is read is believed.
 */
#ifndef NETDUMP_SERVER_SELECT_H
#define NETDUMP_SERVER_SELECT_H

#include "server/pages.h"
#include "server/xlat.h"

#define ND_LEVEL_ZERO          1u /* changes nothing here: zero pages are holes in the file */
#define ND_LEVEL_CACHE         2u /* page cache without private data */
#define ND_LEVEL_CACHE_PRIVATE 4u /* all page cache */
#define ND_LEVEL_USER          8u
#define ND_LEVEL_FREE          16u
#define ND_LEVEL_MAX           31u

struct nd_select;

/*
 * Level 0 leaves out nothing, not even what all others do: broken and offline memory.
 *
 * ram: pages that the dump would have, not changed until the end.  NULL: *why says what VMCOREINFO
 * lacks, or that there is no memory.
 */
struct nd_select *nd_select_new(const struct nd_vmcoreinfo *v, unsigned int level,
				const struct nd_pages *ram, const char **why);
void nd_select_free(struct nd_select *s);

/*
 * Goes on by one stretch.  ND_MEM_OK: nd_select_over() says whether it was the last.  ND_MEM_WAIT:
 * again, once what it wanted is there.  Else *why says what is wrong; all pages are wanted.
 */
enum nd_mem_status nd_select_step(struct nd_select *s, struct nd_xlat *x, const char **why);
bool nd_select_over(const struct nd_select *s);

/* Pages that the last stretch's page structures lie in: they are not looked at again. */
const struct nd_pages *nd_select_read(const struct nd_select *s);

/* What the level does without, of what was looked at so far. */
struct nd_pages *nd_select_excluded(struct nd_select *s);
/* Pages that the level has and 31 has not: others are of more use.  Short runs may lack. */
const struct nd_pages *nd_select_rest(const struct nd_select *s);

#endif
