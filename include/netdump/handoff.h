/* SPDX-License-Identifier: MIT */
/*
 * handoff.h - the contract between boot and crash.
 *
 * netdump.c32 writes one struct nd_handoff while the machine is healthy; a
 * stub in the system and DINI read it at the crash.  It stands alone: any
 * system that wants its memory dumped through netdump needs this file only.
 *
 * All numbers are little-endian.  "phys" is a physical address, "bytes" a
 * length, "far" a real-mode pointer (segment in the high half, offset in the
 * low half).  Version 3 holds every field below; the fields marked "2" and "3" came
 * with that version.
 */
#ifndef NETDUMP_HANDOFF_H
#define NETDUMP_HANDOFF_H

#include <stddef.h>
#include <stdint.h>

#define ND_HANDOFF_SIGNATURE "$PXE-NETDUMP-ND$" /* 16 bytes, no NUL kept */
#define ND_HANDOFF_VERSION   3
#define ND_HANDOFF_ALIGN     16        /* the block starts on a multiple of this */
#define ND_HANDOFF_BELOW     0x100000u /* and lies wholly below this address */

#define ND_SEAL_RANGES_MAX 8
#define ND_SERVERS_MAX     4
#define ND_MAP_RANGES_MAX  40
#define ND_DEVICES_MAX     48
#define ND_HOST_BYTES      64
#define ND_REASON_BYTES    128
#define ND_PCI_MAX         8
#define ND_LOW_COPY_BYTES  0x500 /* interrupt vectors and BIOS data area */
#define ND_KEY_BYTES       32

/* How datagrams are protected; netdump/wire.h. */
enum nd_security {
	ND_SECURITY_NONE = 0,   /* nothing is configured: nothing is sent */
	ND_SECURITY_PLAIN = 1,  /* the configuration says `insecure` */
	ND_SECURITY_NK = 2,     /* the servers' public keys are known */
	ND_SECURITY_NKPSK0 = 3, /* and this host has a key of its own */
};

/* What the machine does once the dump is over, or cannot be made. */
enum nd_action { ND_ACTION_REBOOT = 0, ND_ACTION_HALT = 1, ND_ACTION_HOLD = 2 };

/* Kinds of memory in the map that the system was given. */
enum nd_range_kind {
	ND_RANGE_RAM = 1,  /* the system's own: what a dump is made of */
	ND_RANGE_GATE = 2, /* fenced: the gate and its buffers */
	ND_RANGE_UNDI = 3, /* fenced: firmware code and data, low or hidden high */
	ND_RANGE_DINI = 4, /* fenced: DINI */
};

/*
 * What DINI does to a machine before its firmware is called.  Some machine may be worse off for
 * one of them: the configuration can have it left out.
 */
enum nd_step {
	ND_STEP_WATCHDOGS = 1 << 0, /* stop what resets the machine in time */
	ND_STEP_MASTERS = 1 << 1,   /* no PCI function writes to memory, or interrupts, any more */
	ND_STEP_IOMMU = 1 << 2,     /* no translation, no interrupt remapping */
	ND_STEP_CPU = 1 << 3,       /* breakpoints, counters and traces off, local APIC */
	ND_STEP_CHIPSET = 1 << 4,   /* NMI sources, I/O APICs, HPET, PICs and the way there, PIT */
	ND_STEP_VECTORS = 1 << 5,   /* interrupt vectors and BIOS data as boot had them */
	ND_STEP_RESTORE = 1 << 6,   /* configuration space of the NIC and its bridges */
	ND_STEP_CLOSE = 1 << 7,     /* open and close UNDI once, which resets many a chip */
	ND_STEP_CHIP = 1 << 8,      /* registers that certain chips need set */
	ND_STEP_FLR = 1 << 9,       /* function level reset, PCI Express's and AF's */
	ND_STEP_POWER = 1 << 10,    /* D3hot and back */
	ND_STEP_LINK = 1 << 11,     /* link off and on */
	ND_STEP_BUS = 1 << 12,      /* secondary bus reset */
	ND_STEP_ALARM = 1 << 13,    /* an NMI ends a firmware call that hangs */
	ND_STEP_FIRMWARE = 1 << 14, /* the firmware's memory as sealed, before it starts anew */
	ND_STEP_OTHERS = 1 << 15,   /* other CPUs, should the system not have stopped them */
};

struct nd_range {
	uint64_t phys;
	uint64_t bytes;
	uint32_t kind; /* enum nd_range_kind */
	uint32_t zero;
};

/* What the machine is made of besides PCI functions, and has to be silenced at the crash. */
enum nd_device_kind {
	ND_DEVICE_VTD = 1,    /* Intel's IOMMU: a remapping unit of ACPI's DMAR */
	ND_DEVICE_AMDVI = 2,  /* AMD's IOMMU: one of ACPI's IVRS */
	ND_DEVICE_IOAPIC = 3, /* one of ACPI's MADT */
	ND_DEVICE_HPET = 4,   /* ACPI's HPET */
};

struct nd_device {
	uint64_t phys; /* its registers in memory */
	uint32_t kind; /* enum nd_device_kind */
	uint32_t zero;
};

/* A stretch of fenced memory that the seal's checksum covers, in order. */
struct nd_seal_range {
	uint32_t phys;
	uint32_t bytes;
};

/* One PCI function's configuration space as it was at boot, once UNDI was closed. */
struct nd_pci_copy {
	uint16_t bdf;  /* bus << 8 | device << 3 | function */
	uint16_t chip; /* of an 8139C+, its C+ command register; of an RTL8029, PSTOP << 8 | PSTART;
			* else 0 */
	uint8_t config[256];
};

struct nd_handoff {
	char signature[16]; /* ND_HANDOFF_SIGNATURE */
	uint16_t version;   /* ND_HANDOFF_VERSION */
	uint16_t bytes;     /* sizeof(struct nd_handoff) */
	uint32_t crc;       /* nd_handoff_crc(): the block itself, last words left out */

	uint32_t seal_crc; /* nd_crc32() over seal[0..seal_count), one after the other */
	uint32_t seal_count;
	struct nd_seal_range seal[ND_SEAL_RANGES_MAX];

	/* The gate; how it is called stands at struct nd_gate_call. */
	uint32_t gate_phys; /* its 64 KiB segment; a multiple of 4 KiB */
	uint32_t gate_bytes;
	uint32_t gate_entry_phys;
	uint32_t gate_call_phys; /* struct nd_gate_call */
	uint32_t tx_slots_phys;  /* tx_slots buffers of slot_bytes each */
	uint32_t rx_slots_phys;  /* rx_slots buffers of slot_bytes each */
	uint16_t tx_slots;
	uint16_t rx_slots;
	uint32_t slot_bytes;

	uint32_t dini_phys; /* the region: image, then zeroed memory */
	uint32_t dini_bytes;
	uint32_t dini_image_bytes;
	uint32_t dini_entry_phys; /* see "Entering DINI" below */

	uint32_t undi_entry_far;  /* !PXE EntryPointSP or PXENV+ RMEntry */
	uint32_t undi_struct_far; /* the !PXE or PXENV+ structure itself */

	uint32_t low_copy_phys;  /* ND_LOW_COPY_BYTES from physical 0, as the BIOS had them */
	uint32_t pci_copy_phys;  /* pci_copy_count times struct nd_pci_copy, */
	uint32_t pci_copy_count; /* the NIC first, then the bridges above it, nearest first */

	/* Addresses in network byte order, ports in host byte order. */
	uint8_t mac[6];
	uint16_t server_port;
	uint8_t client_ip[4];
	uint8_t netmask[4];
	uint8_t gateway[4]; /* 0.0.0.0: none */
	uint32_t server_count;
	uint8_t server_ip[ND_SERVERS_MAX][4];

	uint32_t action;          /* enum nd_action */
	uint32_t deadline_s;      /* seconds without a word from a server before giving up */
	char host[ND_HOST_BYTES]; /* the machine's name, NUL-terminated, may be empty */

	uint32_t security;                                /* 2: enum nd_security */
	uint8_t server_key[ND_SERVERS_MAX][ND_KEY_BYTES]; /* 2: X25519 public keys */
	uint8_t psk[ND_KEY_BYTES];                        /* 2: the host's own key */
	uint8_t seed[ND_KEY_BYTES];                       /* 2: what boot had of randomness */
	uint32_t skip; /* 3: enum nd_step, or'ed: what DINI leaves out */

	uint32_t map_count;
	struct nd_range map[ND_MAP_RANGES_MAX];

	uint32_t device_count; /* 3 */
	uint16_t elcr;         /* 3: ports 4D0h, 4D1h: which lines are level */
	uint16_t first_apic;   /* 3: number of the local APIC of the CPU that started the machine */
	struct nd_device device[ND_DEVICES_MAX]; /* 3 */

	char last_words[ND_REASON_BYTES]; /* why no dump was made; written at the crash.  From boot
					   * on: of the crash before, or empty */
};

/*
 * The last words once more, for the next boot: firmware and boot loaders write over base memory
 * on their way, but rarely over the end of DINI's region.  So who writes the block's last words
 * writes these too, by nd_last_words_write() at nd_last_words_phys().  netdump.c32 looks for them,
 * at the end of every ND_LAST_WORDS_ALIGN bytes, in the highest memory below 4 GiB, where DINI
 * goes; tells what it finds, and clears it.
 */
#define ND_LAST_WORDS_SIGNATURE "$PXE-NETDUMP-LW$" /* 16 bytes, no NUL kept */
#define ND_LAST_WORDS_ALIGN     4096u

struct nd_last_words {
	char signature[16]; /* ND_LAST_WORDS_SIGNATURE */
	uint32_t crc;       /* nd_crc32() over text */
	uint32_t zero;
	char text[ND_REASON_BYTES]; /* NUL-terminated, zeros behind it; empty: nothing to tell */
};

/*
 * Entering DINI
 *
 * Mode:    32-bit protected mode, paging off, flat 4 GiB segments, IF = 0,
 *          other CPUs stopped.  A near call: [ESP] is the return address.
 * Inputs:  EAX = ND_DINI_ENTER, ESI = phys of struct nd_handoff,
 *          EBX = phys of struct nd_crash below 4 GiB, or 0.
 * Output:  does not return when a dump was tried.  It returns only when it
 *          refuses before touching any device (but A20 is on), with EAX = enum
 *          nd_refusal, all segment registers, GDTR, IDTR, ESP, EBX, EBP, ESI, EDI as they were,
 *          so that the stub can go on with what the system has.
 */
#define ND_DINI_ENTER 0x494E4944u /* "DINI" */

enum nd_refusal {
	ND_REFUSED_MAGIC = 1,   /* EAX was not ND_DINI_ENTER */
	ND_REFUSED_HANDOFF = 2, /* the handoff block is damaged or of another version */
	ND_REFUSED_SEAL = 3,    /* fenced memory was changed */
	ND_REFUSED_CPU = 4,     /* no long mode */
	ND_REFUSED_VISIT = 5,   /* nothing was begun that could go on, or the block is not one */
};

/*
 * Visiting DINI
 *
 * A living system sends through its firmware, too, in slices: it stops its CPUs, visits DINI for
 * some milliseconds, and goes on.  What DINI knows stays in its region from one visit to the next.
 *
 * Mode:    as entering, all other CPUs held; neither a fixed interrupt (TPR) nor an NMI of the
 *          CPU's own (LVT) comes meanwhile; no driver has the NIC, and no IOMMU translates for it.
 * Inputs:  EAX = ND_DINI_VISIT, ESI = phys of struct nd_handoff, EBX = phys of struct nd_visit.
 * Output:  always returns, as a refusal does; EAX = 0 or enum nd_refusal.  Memory outside the fence
 *          is as it was, but for struct nd_visit and the pages that it lends; likewise the PICs,
 * I/O APICs, the HPET's routing, and the real-time clock but for what it had to tell meanwhile. The
 * NIC and its PCI configuration are not.
 *
 * ND_VISIT_BEGIN checks block and seal, takes the firmware up, and opens the NIC by it.  Until
 * ND_VISIT_END the fence is not as the seal has it: END closes the NIC, and puts the fence right;
 * one that is repeated, as the one before failed, calls no firmware.  After END the NIC gets to no
 * memory, and its interrupt line is down.  A crash in between has no dump unless who stops the
 * system visits for ND_VISIT_ABANDON first.
 */
#define ND_DINI_VISIT    0x54495356u /* "VSIT" */
#define ND_VISIT_MAGIC   0x53495644u /* "DVIS" */
#define ND_VISIT_VERSION 2

enum nd_visit_op {
	ND_VISIT_BEGIN = 1,
	ND_VISIT_GO_ON = 2,
	ND_VISIT_END = 3,
	ND_VISIT_ABANDON =
		4, /* END without calling firmware, for a system that is about to crash */
};

enum nd_visit_state {
	ND_VISIT_BUSY = 0,   /* come again at once */
	ND_VISIT_IDLE = 1,   /* come again in a millisecond or two: an answer is waited for */
	ND_VISIT_DONE = 2,   /* the server said so: done_status and text; after END: all is right */
	ND_VISIT_FAILED = 3, /* text says why; nothing but END makes sense now */
	ND_VISIT_CUT = 4,    /* after END: all is right but the NIC, which may still receive */
};

/* Milestones, in the order in which they are reached. */
enum nd_visit_step {
	ND_VISIT_SEAL,  /* block and seal were checked */
	ND_VISIT_OPEN,  /* the NIC is open by its firmware */
	ND_VISIT_HELLO, /* the first HELLO is on its way: an address was resolved */
	ND_VISIT_HEARD, /* a server answered; with keys it is the one that they name */
	ND_VISIT_ASKED, /* all was sent that the server asked for so far, for the first time */
	ND_VISIT_SAID,  /* the server's DONE */
	ND_VISIT_STEPS,
};

struct nd_visit {
	uint32_t magic;    /* in: ND_VISIT_MAGIC */
	uint16_t version;  /* in: ND_VISIT_VERSION */
	uint16_t bytes;    /* in: sizeof(struct nd_visit) */
	uint32_t op;       /* in: enum nd_visit_op */
	uint32_t kind;     /* in, BEGIN: enum nd_hello_kind of wire.h, not ND_HELLO_CRASH */
	uint32_t slice_us; /* in: a visit goes on to its next batch until then */
	uint32_t state;    /* out: enum nd_visit_state */
	/* in, BEGIN; good until END: phys of a table of pages' phys, uint64_t each.  What is sent,
	 * and room for an answer; 0 bytes: none. */
	uint64_t send_table_phys, send_bytes;
	uint64_t take_table_phys, take_room_bytes;
	uint32_t tsc_khz; /* in, BEGIN: this CPU's time stamp counter; 0: DINI measures it, 10 ms */
	uint32_t refusal; /* enum nd_refusal: for whoever enters DINI to keep what it returned */
	uint64_t taken_bytes;             /* out: of the answer, when it is whole */
	uint8_t random[ND_KEY_BYTES];     /* in, BEGIN: mixed into the session's keys; wiped */
	char name[64];                    /* in, BEGIN: what is sent, NUL-terminated */
	uint32_t done_status;             /* out: enum nd_done_status of wire.h */
	uint32_t refused;                 /* out: datagrams that were not taken */
	uint64_t sent_bytes;              /* out: UDP payload */
	uint64_t step_us[ND_VISIT_STEPS]; /* out: since BEGIN; 0: not reached */
	char text[ND_REASON_BYTES];       /* out: NUL-terminated */
};

/*
 * The DINI file, as netdump.c32 loads it: this header first, image_bytes in all,
 * to be followed in memory by zeros up to memory_bytes.  It runs at any multiple
 * of 4 KiB that ends below 4 GiB.  The image is never written to while it runs.
 */
#define ND_DINI_FILE_MAGIC 0x46494E44u /* "DNIF" */

struct nd_dini_header {
	uint32_t magic;        /* ND_DINI_FILE_MAGIC */
	uint16_t version;      /* ND_HANDOFF_VERSION that it understands */
	uint16_t bytes;        /* sizeof(struct nd_dini_header) */
	uint32_t image_bytes;  /* of the file */
	uint32_t memory_bytes; /* of the region, a multiple of 4 KiB, at most 2 MiB */
	uint32_t entry_offset; /* from the start of the image */
};

#define ND_CRASH_MAGIC   0x48534143u /* "CASH" */
#define ND_CRASH_VERSION 1

/* What only the crashed system knows.  DINI believes none of it, only passes it on. */
struct nd_crash {
	uint32_t magic;
	uint16_t version;
	uint16_t bytes;               /* sizeof(struct nd_crash) */
	uint64_t elfcorehdr_phys;     /* ELF core header, 0: none */
	uint64_t elfcorehdr_bytes;    /* 0: unknown, read the ELF header to learn it */
	uint64_t cr3;                 /* of the crashing CPU, 0: unknown */
	uint64_t idt_base;            /* linear, 0: unknown */
	char reason[ND_REASON_BYTES]; /* NUL-terminated, may be empty */
};

/*
 * Calling the gate
 *
 * Mode:    32-bit protected mode, paging off, flat 4 GiB segments, IF = 0,
 *          CR4 = 0, EFER.LME = 0, A20 on, PIC masked.  A near call.
 * Inputs:  struct nd_gate_call at gate_call_phys, frames in the slots.
 * Output:  the same structure.  EAX, ECX, EDX and flags are lost; every other
 *          register, the segment registers, GDTR and IDTR come back unchanged.
 *          CR0.PE was 0 in between.
 *
 * ND_GATE_UNDI: calls UNDI function undi_opcode once, with undi_param as its
 * parameter block (PXE 2.1 section 4), and leaves AX in undi_ax.
 *
 * ND_GATE_BATCH: transmits the frames of slots 0 .. tx_count-1 in order, raw
 * (Ethernet header included), pumps UNDI_ISR after them, and before where UNDI takes
 * no more, and copies up to rx_slots received frames into the receive slots.  Every
 * loop in it is bounded; a firmware call that never returns is not.
 *
 * An NMI while firmware runs ends the call: undi_hung names the function, what came out
 * before stands, and undi_ax and undi_param say nothing.  What state the firmware is in
 * then is anybody's guess.  One that comes between two calls has the gate make no further one:
 * what came out before stands, undi_hung is 0, and undi_ax of a call not made is 1.
 *
 * The gate has vector 2 while it runs; firmware in protected mode has to pass interrupts on to
 * real mode, as iPXE does, or the CPU resets.
 */
enum nd_gate_op { ND_GATE_UNDI = 1, ND_GATE_BATCH = 2 };

#define ND_GATE_TX_SLOTS    16
#define ND_GATE_RX_SLOTS    12
#define ND_GATE_SLOT_BYTES  1536
#define ND_GATE_PARAM_BYTES 160

struct nd_gate_call {
	uint16_t op;          /* in: enum nd_gate_op */
	uint16_t undi_opcode; /* in, ND_GATE_UNDI */
	uint16_t undi_ax;     /* out, ND_GATE_UNDI */
	uint16_t tx_count;    /* in, ND_GATE_BATCH: 0 .. ND_GATE_TX_SLOTS */
	uint16_t tx_done;     /* out: frames that UNDI accepted, from slot 0 on */
	uint16_t tx_status;   /* out: Status of the last UNDI_TRANSMIT */
	uint16_t rx_count;    /* out: frames in the receive slots, from slot 0 on */
	uint16_t rx_dropped;  /* out: frames too long for a slot, or malformed */
	uint16_t isr_calls;   /* out: UNDI_ISR calls made */
	uint16_t undi_hung;   /* out: UNDI function that an NMI found running, 0: none */
	uint16_t tx_bytes[ND_GATE_TX_SLOTS];     /* in: frame lengths */
	uint16_t rx_bytes[ND_GATE_RX_SLOTS];     /* out: frame lengths */
	uint8_t undi_param[ND_GATE_PARAM_BYTES]; /* in and out, ND_GATE_UNDI */
	uint16_t tx_sent;                        /* out: frames that UNDI said to have sent */
	uint16_t zero2;
};

/* CRC-32 (IEEE 802.3, reflected); start with 0, feed the result back in to go on. */
static inline uint32_t nd_crc32(uint32_t crc, const void *data, size_t bytes)
{
	static const uint32_t nibble[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
		0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
		0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	const uint8_t *p = (const uint8_t *)data;

	crc = ~crc;
	while (bytes--) {
		crc ^= *p++;
		crc = (crc >> 4) ^ nibble[crc & 15];
		crc = (crc >> 4) ^ nibble[crc & 15];
	}
	return ~crc;
}

/* The block's own checksum: everything behind the crc field, up to the last words. */
static inline uint32_t nd_handoff_crc(const struct nd_handoff *h)
{
	size_t from = offsetof(struct nd_handoff, seal_crc);

	return nd_crc32(0, (const uint8_t *)h + from,
			offsetof(struct nd_handoff, last_words) - from);
}

/* Where the last words go once more.  Of a block that is not believed this is any address. */
static inline uint32_t nd_last_words_phys(const struct nd_handoff *h)
{
	return h->dini_phys + h->dini_bytes - (uint32_t)sizeof(struct nd_last_words);
}

/* Cut if it has to be. */
static inline void nd_last_words_write(struct nd_last_words *to, const char *text)
{
	size_t i = 0;

	for (; i < sizeof to->text - 1 && text[i]; i++)
		to->text[i] = text[i];
	for (; i < sizeof to->text; i++)
		to->text[i] = 0;
	for (i = 0; i < sizeof to->signature; i++)
		to->signature[i] = ND_LAST_WORDS_SIGNATURE[i];
	to->zero = 0;
	to->crc = nd_crc32(0, to->text, sizeof to->text);
}

/* Whether h is a whole block of this version; says nothing about the seal. */
static inline int nd_handoff_valid(const struct nd_handoff *h)
{
	for (size_t i = 0; i < sizeof h->signature; i++)
		if (h->signature[i] != ND_HANDOFF_SIGNATURE[i])
			return 0;
	return h->version == ND_HANDOFF_VERSION && h->bytes == sizeof *h &&
	       h->crc == nd_handoff_crc(h) && h->seal_count <= ND_SEAL_RANGES_MAX &&
	       h->server_count <= ND_SERVERS_MAX && h->map_count <= ND_MAP_RANGES_MAX &&
	       h->pci_copy_count <= ND_PCI_MAX && h->device_count <= ND_DEVICES_MAX;
}

#ifndef __cplusplus
_Static_assert(sizeof(struct nd_range) == 24, "nd_range");
_Static_assert(sizeof(struct nd_device) == 16, "nd_device");
_Static_assert(sizeof(struct nd_pci_copy) == 260, "nd_pci_copy");
_Static_assert(sizeof(struct nd_dini_header) == 20, "nd_dini_header");
_Static_assert(sizeof(struct nd_crash) == 168, "nd_crash");
_Static_assert(offsetof(struct nd_visit, send_table_phys) == 24, "nd_visit.send_table_phys");
_Static_assert(sizeof(struct nd_visit) == 360, "nd_visit");
_Static_assert(offsetof(struct nd_handoff, seal_crc) == 24, "nd_handoff.seal_crc");
_Static_assert(offsetof(struct nd_handoff, gate_phys) == 96, "nd_handoff.gate_phys");
_Static_assert(offsetof(struct nd_handoff, dini_phys) == 128, "nd_handoff.dini_phys");
_Static_assert(offsetof(struct nd_handoff, undi_entry_far) == 144, "nd_handoff.undi_entry_far");
_Static_assert(offsetof(struct nd_handoff, mac) == 164, "nd_handoff.mac");
_Static_assert(offsetof(struct nd_handoff, map) == 480, "nd_handoff.map");
_Static_assert(offsetof(struct nd_handoff, device) == 1448, "nd_handoff.device");
_Static_assert(sizeof(struct nd_handoff) == 2344, "nd_handoff");
_Static_assert(sizeof(struct nd_last_words) == 152, "nd_last_words");
_Static_assert(offsetof(struct nd_gate_call, tx_bytes) == 20, "nd_gate_call.tx_bytes");
_Static_assert(sizeof(struct nd_gate_call) == 240, "nd_gate_call");
#endif

#endif
