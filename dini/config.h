/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config.h - configuration space of PCI functions by ports CF8h and CFCh.  Ring 0. */
#ifndef DINI_CONFIG_H
#define DINI_CONFIG_H

#include <stdint.h>

#include "dini/io.h"

#define ND_CONFIG_ADDRESS 0xCF8
#define ND_CONFIG_DATA    0xCFC
#define ND_CONFIG_NONE    0xFFFFFFFFu /* what no function reads as */

#define ND_PCI_COMMAND 0x04
#define ND_PCI_CLASS   0x08 /* class, subclass, interface, revision: high to low */

/* bdf: bus << 8 | device << 3 | function. */
static inline void nd_config_select(uint16_t bdf, unsigned int at)
{
	nd_outl(ND_CONFIG_ADDRESS, 0x80000000u | (uint32_t)bdf << 8 | (at & 0xFC));
}

static inline uint32_t nd_config_read(uint16_t bdf, unsigned int at)
{
	nd_config_select(bdf, at);
	return nd_inl(ND_CONFIG_DATA);
}

static inline void nd_config_write(uint16_t bdf, unsigned int at, uint32_t value)
{
	nd_config_select(bdf, at);
	nd_outl(ND_CONFIG_DATA, value);
}

/* Registers next to each other may be changed by being written to: only these two bytes are. */
static inline void nd_config_write16(uint16_t bdf, unsigned int at, uint16_t value)
{
	nd_config_select(bdf, at);
	nd_outw((uint16_t)(ND_CONFIG_DATA + (at & 2)), value);
}

static inline uint8_t nd_config_read8(uint16_t bdf, unsigned int at)
{
	nd_config_select(bdf, at);
	return nd_inb((uint16_t)(ND_CONFIG_DATA + (at & 3)));
}

static inline void nd_config_write8(uint16_t bdf, unsigned int at, uint8_t value)
{
	nd_config_select(bdf, at);
	nd_outb((uint16_t)(ND_CONFIG_DATA + (at & 3)), value);
}

#endif
