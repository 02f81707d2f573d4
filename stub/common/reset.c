// SPDX-License-Identifier: GPL-2.0-or-later
/* reset.c - the machine's reset.  32-bit or long mode, ring 0. */
#include "stub/common/reset.h"

#include "stub/common/port.h"

#define KBC_PORT       0x64
#define KBC_INPUT_FULL 0x02
#define KBC_RESET      0xFE
#define KBC_POLLS      0x10000
#define RESET_PORT     0xCF9
#define RESET_HARD     0x02 /* kind, then the same with bit 2: do it */
#define RESET_NOW      0x06
#define DELAY_PORT     0x80
#define SETTLE_READS   0x100000 /* about a second */

static void settle(void)
{
	for (uint32_t i = 0; i < SETTLE_READS; i++)
		nd_inb(DELAY_PORT);
}

void nd_reset(void)
{
	static const uint8_t no_idt[10];

	for (uint32_t i = 0; i < KBC_POLLS && nd_inb(KBC_PORT) & KBC_INPUT_FULL; i++)
		;
	nd_outb(KBC_PORT, KBC_RESET);
	settle();
	nd_outb(RESET_PORT, RESET_HARD);
	nd_outb(RESET_PORT, RESET_NOW);
	settle();
	__asm__ volatile("lidt %0; ud2" : : "m"(no_idt));
	__builtin_unreachable();
}
