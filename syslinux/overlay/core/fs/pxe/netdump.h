/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * netdump.h - what the core's own files call: bios.c hands over at the end of
 * unload_pxe(), knows a !PXE structure, and says where the firmware's base memory ends.
 */
#ifndef PXE_NETDUMP_H
#define PXE_NETDUMP_H

#include <stdbool.h>
#include <stdint.h>

/* In unload_pxe(), after reset_pxe(): true if the PXE stack is to be kept. */
bool netdump_hand_over(void);

/* Whether a whole !PXE structure is there, in bios.c. */
int is_pxe(const void *at);

/* Physical end of the UNDI code and data segments, in bios.c. */
uint32_t netdump_base_memory_end(void);

#endif
