/* SPDX-License-Identifier: GPL-2.0-or-later */
/* masters.h - devices that write to memory, or interrupt, by themselves. */
#ifndef DINI_MASTERS_H
#define DINI_MASTERS_H

/* Bus mastering and interrupt lines off on every PCI function but bridges and IOMMUs. */
void nd_masters_off(void);

#endif
