/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * syslinux/netdump.h - what the modified PXELINUX core offers netdump.c32.
 *
 * 32-bit protected mode, PXELINUX running.  All symbols are weak: on a stock
 * core they are NULL and netdump.c32 says so.
 */
#ifndef _SYSLINUX_NETDUMP_H
#define _SYSLINUX_NETDUMP_H

#include <stddef.h>
#include <stdint.h>

#ifdef __SYSLINUX_CORE__
#define NETDUMP_CORE_API extern
#else
#define NETDUMP_CORE_API extern __attribute__((weak))
#endif

#define NETDUMP_GATE_BYTES 0x10000u
#define NETDUMP_E820_MAX   64

/* The gate's image starts with this, at offset NETDUMP_GATE_HEADER of its segment. */
#define NETDUMP_GATE_HEADER 0xc00

#define NETDUMP_GATE_SIGNATURE "NDGATE03"

struct netdump_gate_header {
	char signature[8];
	uint16_t sealed_end; /* offsets from the segment's start: end of the image, */
	uint16_t entry32;    /* the gate itself, */
	uint16_t int15_hook;
	uint16_t call_area; /* struct nd_gate_call */
	uint16_t tx_slots;
	uint16_t rx_slots;
	uint16_t low_copy;
	uint16_t pci_copy;
	uint16_t e820_table;
	uint16_t call_bytes; /* what the gate was built with: sizeof(struct nd_gate_call), */
	uint16_t tx_slot_count;
	uint16_t rx_slot_count;
	uint16_t slot_bytes; /* each */
	/* filled in by netdump.c32 */
	uint16_t e820_count;
	uint16_t e801_low_kib;  /* from 1 MiB up to 16 MiB */
	uint16_t e801_high_64k; /* from 16 MiB up */
	uint16_t ext88_kib;     /* from 1 MiB up, at most 63 MiB */
	uint32_t int15_old_far;
	uint32_t undi_entry_far;
} __attribute__((packed));

struct netdump_e820 {
	uint64_t phys;
	uint64_t bytes;
	uint32_t type;
} __attribute__((packed));

/* The PXE stack that PXELINUX runs on. */
struct netdump_undi {
	uint32_t entry_far;    /* !PXE EntryPointSP or PXENV+ RMEntry */
	uint32_t struct_far;   /* the structure itself */
	uint32_t low_end_phys; /* end of the firmware's code and data in base memory, that of
				* firmware under it with it */
};

/* The gate's image, *bytes long, to be copied to NETDUMP_GATE_HEADER of its segment. */
NETDUMP_CORE_API const void *netdump_gate_image(size_t *bytes);

NETDUMP_CORE_API void netdump_undi_get(struct netdump_undi *undi);

/*
 * Take bytes (a multiple of 4 KiB) from PXELINUX's heaps, once each: the top of base
 * memory, lowering 40:13, or the highest free memory below 4 GiB with so much room.
 * Returns the physical address, on a page's boundary; 0: there is none.
 */
NETDUMP_CORE_API uint32_t netdump_low_take(size_t bytes);
NETDUMP_CORE_API uint32_t netdump_high_take(size_t bytes);

/* Gives back what was taken of both, and 40:13. */
NETDUMP_CORE_API void netdump_give(void);

/*
 * One UDP datagram by PXELINUX's own network, which must not be kept yet; the address is in network
 * byte order, the port is not.  Nobody says whether it left.
 */
NETDUMP_CORE_API void netdump_udp_send(const uint8_t ip[4], uint16_t port, const void *data,
				       size_t bytes);

/*
 * Keep the PXE stack over the boot, and call last(), if not NULL, when PXELINUX has
 * made its last call to it and is about to start the system.  NULL: as stock.
 */
NETDUMP_CORE_API void netdump_arm(void (*last)(void));

#endif
