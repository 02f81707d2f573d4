/* SPDX-License-Identifier: GPL-2.0-or-later */
/* visit.h - a living system sends something through its firmware: handoff.h "Visiting DINI". */
#ifndef DINI_VISIT_H
#define DINI_VISIT_H

#include <stdint.h>

#define ND_VISIT_LIVE 0x4556494Cu /* "LIVE" */

/* ND_VISIT_LIVE from a BEGIN to its END; start.asm zeroes DINI's memory for a BEGIN only. */
extern uint32_t nd_visit_live; /* start.asm's */

/* One visit: 0, or enum nd_refusal.  visit_phys: of struct nd_visit, whatever it is. */
uint32_t nd_visit_run(uint32_t visit_phys);

/* DINI itself failed: the visit ends here, and so do all until END. */
_Noreturn void nd_visit_fail(const char *why);

#endif
