// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * config.c - configuration space by ports CF8h and CFCh (PCI 3.0 section 3.2.2.3.2).
 * Long mode.
 */
#include "dini/config.h"

#include "dini/io.h"

#define CONFIG_ADDRESS 0xCF8
#define CONFIG_DATA    0xCFC
#define CONFIG_ENABLE  0x80000000u

uint32_t nd_config_read(uint16_t bdf, unsigned int at)
{
	nd_outl(CONFIG_ADDRESS, CONFIG_ENABLE | (uint32_t)bdf << 8 | (at & 0xFC));
	return nd_inl(CONFIG_DATA);
}

void nd_config_write(uint16_t bdf, unsigned int at, uint32_t value)
{
	nd_outl(CONFIG_ADDRESS, CONFIG_ENABLE | (uint32_t)bdf << 8 | (at & 0xFC));
	nd_outl(CONFIG_DATA, value);
}
