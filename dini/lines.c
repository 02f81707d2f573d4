// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lines.c - see lines.h.  Long mode.
 *
 * A system that has I/O APICs disables the lines' way to the PICs, by ACPI's _DIS, which sets one
 * bit and may leave the input's number: firmware that waits for its NIC's interrupt would hear
 * nothing any more.
 *
 * Registers: Intel PIIX3 datasheet section 2.2.11 (PIRQRC), ICH9 datasheet section 13.1.17 (PIRQ).
 */
#include "dini/lines.h"

#include "dini/config.h"

#define PIIX     (1 << 3)
#define PIIX_ID  0x70008086u
#define PIIX4_ID 0x71108086u

#define LINES_A_TO_D 0x60
#define LINES_E_TO_H 0x68 /* of ICH */
#define LINE_OFF     0x80u
#define LINE_INPUT   0x0Fu
#define INPUT_FIRST  3 /* below are the PICs' own */

static void four_join(uint16_t bdf, unsigned int at)
{
	uint32_t lines = nd_config_read(bdf, at);
	uint32_t joined = lines;

	for (unsigned int shift = 0; shift < 32; shift += 8)
		if ((lines >> shift & LINE_INPUT) >= INPUT_FIRST)
			joined &= ~(LINE_OFF << shift);
	if (joined != lines)
		nd_config_write(bdf, at, joined);
}

void nd_lines_join(void)
{
	uint32_t id = nd_config_read(PIIX, PCI_ID);

	if (id == PIIX_ID || id == PIIX4_ID)
		four_join(PIIX, LINES_A_TO_D);
	if (nd_config_has_lpc()) {
		four_join(LPC, LINES_A_TO_D);
		four_join(LPC, LINES_E_TO_H);
	}
}
