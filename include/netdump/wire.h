/* SPDX-License-Identifier: MIT */
/*
 * wire.h - the contract between DINI and netdumpd.
 *
 * Every datagram on the wire, its limits and its meaning.  It stands alone:
 * another client or server can be written from this file and docs/protocol.md.
 *
 * One message is one UDP datagram over IPv4, never fragmented.  All numbers are
 * little-endian, all structures packed by their order.  Lengths are checked
 * once, on arrival: header.length must equal the datagram's length.
 *
 * A message travels in one of three forms, said by the upper bits of header.type:
 *
 *   plain      header, body: only where the configuration says `insecure`
 *   handshake  header, struct nd_wire_handshake, sealed whole message, tag
 *   sealed     header, sealed body, tag
 *
 * HELLO, and the first READ or DONE that answers it, are the two messages of a
 * Noise_NK_25519_ChaChaPoly_SHA256 handshake, or NKpsk0 where the host has a key of
 * its own; all others are sealed with what it yields.  See docs/protocol.md.
 *
 * DINI reads, the server decides.  The crashed machine keeps no history: its
 * memory does not change any more, so whatever is lost is asked for again.
 *
 *   DINI  -> HELLO  repeated until a server's first READ, and whenever the
 *                   server falls silent
 *   server-> READ   extents of physical memory, and a budget for the answer
 *   DINI  -> DATA   records: pages or parts of them, raw, compressed, or zero
 *   server-> DONE   the dump is on disk (or will never be, with the reason)
 *
 * A living system sends in the same way (HELLO's kind): a log, the test of a dry run, or what it
 * asks drivers for; what is read then is no memory, but what it wants to send.  Drivers are the
 * one thing that goes the other way, after their request was read:
 *
 *   server-> GIVE   a piece of the answer
 *   DINI  -> TAKE   which pieces are wanted next; none: all are there, and right
 *
 * And from the machine's next boot, outside any session, plain whatever keys there are:
 *
 *   boot  -> LAST_WORDS  why the crash before it left no dump; hearsay, and not answered
 */
#ifndef NETDUMP_WIRE_H
#define NETDUMP_WIRE_H

#include <stddef.h>
#include <stdint.h>

#define ND_WIRE_MAGIC       0x5057444Eu /* "NDWP" */
#define ND_WIRE_VERSION     3
#define ND_WIRE_PORT        6668 /* UDP, netdumpd's; DINI answers from ND_WIRE_CLIENT_PORT */
#define ND_WIRE_CLIENT_PORT 6669

#define ND_WIRE_DATAGRAM_MAX 1472 /* UDP payload in a 1,500-byte IPv4 packet */
#define ND_WIRE_TAG_BYTES    16   /* Poly1305's, behind what is sealed */
#define ND_WIRE_MESSAGE_MAX  (ND_WIRE_DATAGRAM_MAX - ND_WIRE_TAG_BYTES) /* of a plain message */
#define ND_WIRE_KEY_BYTES    32 /* X25519 keys, symmetric keys, keys of hosts */
#define ND_WIRE_PSK_ID_BYTES 8

#define ND_PAGE_BYTES  4096u
#define ND_GRAIN_BYTES 64u /* records start and end on grains; a page is 64 of them */

enum nd_wire_type {
	ND_HELLO = 1,
	ND_READ = 2,
	ND_DATA = 3,
	ND_DONE = 4,
	ND_LAST_WORDS = 5,
	ND_GIVE = 6,
	ND_TAKE = 7,
};

/* The form, in the upper bits of header.type; neither: plain. */
enum nd_wire_form {
	ND_FORM_SEALED = 0x40,
	ND_FORM_HANDSHAKE = 0x80,
	ND_FORM_MASK = 0xC0,
};

struct nd_wire_header {
	uint32_t magic;   /* ND_WIRE_MAGIC */
	uint8_t version;  /* ND_WIRE_VERSION */
	uint8_t type;     /* enum nd_wire_type | enum nd_wire_form */
	uint16_t length;  /* of the whole datagram, this header included */
	uint64_t session; /* drawn by DINI, never 0; one crash, one session */
	uint64_t seq;     /* sealed: the nonce, from 1 under each pair of keys; a handshake's
			   * HELLO: from 1 in a session; the answer to it: the HELLO's; plain:
			   * a count that nobody checks */
};

/* Behind the header of a handshake message, in the clear. */
struct nd_wire_handshake {
	uint8_t ephemeral[ND_WIRE_KEY_BYTES]; /* X25519 public key, good for this handshake only */
	uint8_t psk_id[ND_WIRE_PSK_ID_BYTES]; /* of a HELLO: first bytes of SHA-256 over
					       * "netdump psk" and the host's key; zeros: no key.
					       * Of an answer: zeros. */
};

#define ND_HOST_NAME_BYTES    64
#define ND_HELLO_REASON_BYTES 128
#define ND_HELLO_TOKEN_BYTES  16
#define ND_HELLO_RANGES_MAX   40

/* enum nd_range_kind of handoff.h: 1 is the system's RAM, the rest is fenced */
struct nd_wire_range {
	uint64_t phys;
	uint64_t bytes;
	uint32_t kind;
	uint32_t zero;
};

enum nd_hello_state {
	ND_HELLO_NEW = 0,  /* no valid message from a server yet */
	ND_HELLO_IDLE = 1, /* every READ is answered, waiting for the next */
};

/*
 * Whose memory it is.  All but a crash come of a living system, and have one range: from 0 on, of
 * kind 1, so many bytes as there are to send, whose last page is filled up with zeros.  reason is
 * the log's name then, a file's, without its folder.
 */
enum nd_hello_kind {
	ND_HELLO_CRASH = 0,
	ND_HELLO_LOG = 1,
	ND_HELLO_TEST = 2,    /* a dry run: bytes of no meaning */
	ND_HELLO_DRIVERS = 3, /* text: the kernel's release, then aliases of devices, one a line */
	ND_HELLO_KINDS,
};

struct nd_wire_hello {
	struct nd_wire_header header; /* length: up to the last range in use */
	uint32_t state;               /* enum nd_hello_state */
	uint32_t elapsed_ms;          /* since DINI was entered */
	uint8_t mac[6];
	uint16_t kind; /* enum nd_hello_kind */
	uint8_t client_ip[4];
	uint16_t read_queue;                /* READs that DINI holds at once */
	uint16_t range_count;               /* 0 .. ND_HELLO_RANGES_MAX */
	char host[ND_HOST_NAME_BYTES];      /* NUL-terminated, may be empty */
	char reason[ND_HELLO_REASON_BYTES]; /* NUL-terminated, may be empty */
	uint64_t elfcorehdr_phys;           /* ELF core header in the machine's memory, 0: none */
	uint64_t elfcorehdr_bytes;          /* 0: unknown */
	uint64_t cr3;
	uint64_t idt_base;
	uint32_t last_read_id; /* highest READ taken, 0: none; for a server that restarted */
	uint32_t refused;      /* datagrams that DINI refused so far */
	/* Drawn by DINI like the session, but never seen in the clear on a sealed wire: only
	 * who knows it goes on with a session after a server has restarted. */
	uint8_t token[ND_HELLO_TOKEN_BYTES];
	struct nd_wire_range range[ND_HELLO_RANGES_MAX];
};

#define ND_READ_EXTENTS_MAX 84
#define ND_READ_QUEUE       8
#define ND_HAVE_BYTES       128u /* of a page, for each bit of nd_wire_extent.have */

struct nd_wire_extent {
	uint64_t phys;  /* a multiple of ND_PAGE_BYTES */
	uint32_t pages; /* 1 or more */
	uint32_t have;  /* of one page: bit i says that its bytes from i * ND_HAVE_BYTES on, so
			 * many, have arrived and are not to be sent.  0 where pages > 1; never
			 * all ones. */
};

/*
 * DINI holds up to ND_READ_QUEUE READs, takes one only when its read_id is higher
 * than every one before, and answers them in order: the extents in order, each page
 * once, until all are sent or the budget is spent.  The last DATA of a READ says so.
 *
 * A READ is window, acknowledgement and request in one: budget_bytes is what may be on
 * its way as its answer; settled_id takes back READs whose answers came or were given up;
 * extents are what is missing, down to the 128 bytes of a page that was lost in part.
 * One without extents only says that the server is there: DINI takes its settled_id, does
 * not answer, and waits on.
 */
struct nd_wire_read {
	struct nd_wire_header header; /* length: up to the last extent in use */
	uint32_t read_id;             /* counts up from 1, gaps allowed */
	uint32_t budget_bytes;        /* UDP payload bytes that the answer may take; a DATA is begun
				       * only while less than this was sent */
	uint16_t extent_count;        /* 0 .. ND_READ_EXTENTS_MAX */
	uint16_t zero;
	uint32_t settled_id; /* READs up to this one are over: what DINI still holds of them it
			      * drops.  Below read_id. */
	struct nd_wire_extent extent[ND_READ_EXTENTS_MAX]; /* ascending, disjoint */
};

enum nd_record_kind {
	ND_RECORD_RAW = 1,    /* stored_bytes == raw_bytes */
	ND_RECORD_LZ4 = 2,    /* one LZ4 block that makes raw_bytes, at most 64 KiB */
	ND_RECORD_ZERO = 3,   /* raw_bytes zeros, stored_bytes == 0, any length */
	ND_RECORD_ABSENT = 4, /* no memory there that DINI may read, stored_bytes == 0 */
	ND_RECORD_STEPS = 5,  /* one LZ4 block, as above, of changes of steps: from its second grain
			       * on each 64-bit word less the one a grain before it, modulo 2^64,
			       * and the same once more with what that makes */
};

/* Followed by stored_bytes bytes; the next record follows at once, unaligned. */
struct nd_wire_record {
	uint64_t phys;      /* a multiple of ND_GRAIN_BYTES */
	uint32_t raw_bytes; /* a multiple of ND_GRAIN_BYTES, 1 grain or more */
	uint16_t stored_bytes;
	uint8_t kind; /* enum nd_record_kind */
	uint8_t zero;
};

enum nd_data_flags { ND_DATA_LAST = 1 }; /* of this READ */

struct nd_wire_data {
	struct nd_wire_header header;
	uint32_t read_id;
	uint16_t index;       /* of this DATA within its READ, from 0: a gap is a loss; 65,535
			       * ends the READ whatever its budget */
	uint8_t flags;        /* enum nd_data_flags */
	uint8_t record_count; /* 0 only with ND_DATA_LAST */
			      /* records, ascending, disjoint */
};

enum nd_done_status {
	ND_DONE_COMPLETE = 0,   /* every byte is on disk */
	ND_DONE_INCOMPLETE = 1, /* the server gives up; what came is kept */
	ND_DONE_REFUSED = 2,    /* the server keeps nothing of this machine: try the next */
};

#define ND_DONE_TEXT_BYTES 128

struct nd_wire_done {
	struct nd_wire_header header;
	uint32_t status; /* enum nd_done_status */
	uint32_t zero;
	char text[ND_DONE_TEXT_BYTES]; /* NUL-terminated, why */
};

#define ND_GIVE_BYTES (22 * ND_GRAIN_BYTES) /* of the answer in each piece but the last */
#define ND_TAKE_MAX   10                    /* pieces asked for at once: firmware has few buffers */

/* One piece: bytes from index * ND_GIVE_BYTES on.  The first comes unasked, until a TAKE does. */
struct nd_wire_give {
	struct nd_wire_header header; /* length: up to the last byte */
	uint64_t total_bytes;         /* of the answer, 1 or more */
	uint32_t index;
	uint32_t zero;
	uint8_t piece[ND_GIVE_BYTES];
};

/* It is sent again while nothing comes, and answered by the pieces it names; one for none by DONE.
 */
struct nd_wire_take {
	struct nd_wire_header header;
	uint32_t first;
	uint32_t count; /* 0 .. ND_TAKE_MAX */
};

#define ND_LAST_WORDS_TEXT_BYTES 128

/* Texts are printable ASCII up to their NUL.  The session is any number but 0. */
struct nd_wire_last_words {
	struct nd_wire_header header;
	uint8_t mac[6];
	uint16_t zero;
	char host[ND_HOST_NAME_BYTES];       /* NUL-terminated, may be empty */
	char text[ND_LAST_WORDS_TEXT_BYTES]; /* NUL-terminated, not empty */
};

#ifndef __cplusplus
_Static_assert(sizeof(struct nd_wire_header) == 24, "nd_wire_header");
_Static_assert(sizeof(struct nd_wire_range) == 24, "nd_wire_range");
_Static_assert(offsetof(struct nd_wire_hello, elfcorehdr_phys) == 240,
	       "nd_wire_hello.elfcorehdr_phys");
_Static_assert(sizeof(struct nd_wire_handshake) == 40, "nd_wire_handshake");
#define ND_HANDSHAKE_EXTRA                                                                         \
	(sizeof(struct nd_wire_header) + sizeof(struct nd_wire_handshake) + ND_WIRE_TAG_BYTES)
_Static_assert(sizeof(struct nd_wire_hello) == 296 + 24 * ND_HELLO_RANGES_MAX, "nd_wire_hello");
_Static_assert(sizeof(struct nd_wire_hello) + ND_HANDSHAKE_EXTRA <= ND_WIRE_DATAGRAM_MAX,
	       "a HELLO is one datagram");
_Static_assert(sizeof(struct nd_wire_read) == 40 + 16 * ND_READ_EXTENTS_MAX, "nd_wire_read");
_Static_assert(sizeof(struct nd_wire_read) + ND_HANDSHAKE_EXTRA <= ND_WIRE_DATAGRAM_MAX,
	       "a READ is one datagram");
_Static_assert(sizeof(struct nd_wire_record) == 16, "nd_wire_record");
_Static_assert(sizeof(struct nd_wire_data) == 32, "nd_wire_data");
_Static_assert(sizeof(struct nd_wire_done) == 160, "nd_wire_done");
_Static_assert(sizeof(struct nd_wire_last_words) == 224, "nd_wire_last_words");
_Static_assert(sizeof(struct nd_wire_give) == 40 + ND_GIVE_BYTES, "nd_wire_give");
_Static_assert(sizeof(struct nd_wire_give) <= ND_WIRE_MESSAGE_MAX, "a GIVE is one datagram");
_Static_assert(sizeof(struct nd_wire_take) == 32, "nd_wire_take");
_Static_assert((ND_WIRE_MESSAGE_MAX - sizeof(struct nd_wire_data) - sizeof(struct nd_wire_record)) /
			       ND_GRAIN_BYTES ==
		       22,
	       "an incompressible page takes three datagrams");
#endif

#endif
