/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * agent.h - DINI's side of netdump/wire.h: says HELLO, answers READs, believes DONE.
 *
 * Pure: no I/O, no clock, no allocation; builds freestanding and hosted.  The caller
 * passes the time and the randomness, carries datagrams, and lends memory a page at a time.
 */
#ifndef DINI_AGENT_H
#define DINI_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dini/handshake.h"
#include "netdump/wire.h"

#define ND_AGENT_SERVERS_MAX   4
#define ND_AGENT_LZ4_BYTES     16416 /* LZ4_sizeofState(), asserted in pack.c */
#define ND_AGENT_HELLO_FAST_MS 250   /* between the first few HELLOs, while links come up, */
#define ND_AGENT_HELLO_FAST    4     /* so many; */
#define ND_AGENT_IDLE_MS       500   /* from the last word of an answer to the next HELLO; */
#define ND_AGENT_HELLO_MAX_MS  5000  /* either pause doubles up to this */
#define ND_AGENT_TAKE_MS       250   /* without a piece, before pieces are asked for again; */
#define ND_AGENT_FORGET_MS     15000 /* silence after which any server may take over */
#define ND_AGENT_SCAN_PAGES    4096  /* looked at for one datagram, that a call stays short */

/* IPv4, network byte order; port in host byte order. */
struct nd_agent_peer {
	uint8_t ip[4];
	uint16_t port;
};

/* ND_PAGE_BYTES at phys, good until the next call; NULL: not readable. */
typedef const void *nd_agent_page_fn(void *ctx, uint64_t phys);

/* A piece of a server's answer, bytes of it from `at` on, to be put where it belongs. */
typedef void nd_agent_take_fn(void *ctx, uint64_t at, const void *piece, size_t bytes);

/* How datagrams are protected: enum nd_security of netdump/handoff.h, number for number. */
enum nd_agent_security {
	ND_AGENT_NONE = 0, /* nothing is sent, nothing is taken */
	ND_AGENT_PLAIN = 1,
	ND_AGENT_NK = 2,
	ND_AGENT_NKPSK0 = 3,
};

struct nd_agent_config {
	uint32_t security;               /* enum nd_agent_security; others: none */
	uint16_t kind;                   /* enum nd_hello_kind */
	uint8_t seed[ND_WIRE_KEY_BYTES]; /* all the randomness there is, mixed already */
	uint8_t mac[6];
	uint8_t client_ip[4];
	unsigned int server_count; /* 1 .. ND_AGENT_SERVERS_MAX */
	struct nd_agent_peer server[ND_AGENT_SERVERS_MAX];
	uint8_t server_key[ND_AGENT_SERVERS_MAX][ND_WIRE_KEY_BYTES]; /* NK, NKPSK0 */
	bool has_psk;                                                /* NKPSK0 */
	uint8_t psk[ND_WIRE_KEY_BYTES];
	char host[ND_HOST_NAME_BYTES];      /* cut at the last byte if it has no NUL */
	char reason[ND_HELLO_REASON_BYTES]; /* the same */
	uint64_t elfcorehdr_phys, elfcorehdr_bytes, cr3, idt_base;
	unsigned int range_count;
	struct nd_wire_range range[ND_HELLO_RANGES_MAX];
	nd_agent_page_fn *page;
	void *page_ctx;
	nd_agent_take_fn *take; /* NULL: no answer is taken */
	void *take_ctx;
	uint64_t take_room_bytes; /* an answer that is longer is not taken */
};

struct nd_agent_read {
	uint32_t read_id;
	uint32_t budget_bytes;
	uint32_t extent_count;
	struct nd_wire_extent extent[ND_READ_EXTENTS_MAX];
};

/* An answer on its way.  What has arrived is whole up to `first`, and has holes behind it. */
struct nd_take {
	uint64_t total_bytes; /* 0: none has begun */
	uint32_t first,
		count;   /* pieces: the first that is missing; so many are asked for from it on */
	uint32_t have;   /* of those, bit by bit */
	uint64_t due_ms; /* when they are asked for, maybe again */
};

struct nd_agent {
	struct nd_agent_config config;
	struct nd_handshake handshake;
	uint64_t session; /* drawn, as the token is */
	uint8_t token[ND_HELLO_TOKEN_BYTES];
	uint64_t seq; /* of the last message that keys did not number: HELLOs; all, if plain */

	uint64_t start_ms;
	uint64_t heard_ms; /* of the last valid datagram from a server, start_ms before it */
	uint64_t hello_ms; /* when the next HELLO is due */
	uint32_t hello_wait_ms;
	unsigned int hellos;
	unsigned int hello_server; /* next in turn */
	bool heard;                /* any server, ever */
	bool bound;                /* to server[bound_server] */
	unsigned int bound_server;
	unsigned int unwilling; /* bit per server that answered ND_DONE_REFUSED */

	struct nd_agent_read queue[ND_READ_QUEUE];
	unsigned int queue_first, queue_count;
	uint32_t last_read_id;

	/* where the first READ of the queue stands */
	unsigned int extent;
	uint32_t page;   /* of the extent */
	uint32_t offset; /* in the page, grains' multiple */
	uint32_t sent_bytes;
	uint32_t index;

	bool done;
	struct nd_take take;

	uint32_t done_status;
	char done_text[ND_DONE_TEXT_BYTES];

	uint32_t refused; /* datagrams not taken, for whatever reason */
	uint64_t pages_sent, zero_pages, absent_pages, bytes_sent;

	/* what is left of one page, compressed, for when it did not fit the last datagram */
	uint64_t packed_phys;
	uint32_t packed_bytes; /* 0: nothing there */
	uint8_t packed[ND_PAGE_BYTES];
	enum nd_record_kind packed_kind; /* LZ4 or STEPS */
	uint32_t like_bytes; /* that a page takes which compresses as what was sent last */
	uint64_t steps[ND_PAGE_BYTES / 8];
	/* memory that does not compress */
	uint32_t lz4_misses;                            /* pages in a row that were tried in vain */
	uint32_t lz4_pass;                              /* pages to come that are not tried */
	bool page_raw;                                  /* the page under way is one */
	uint64_t input[(ND_WIRE_DATAGRAM_MAX + 7) / 8]; /* aligned copy of what came */
	uint64_t lz4[ND_AGENT_LZ4_BYTES / 8];
};

void nd_agent_init(struct nd_agent *agent, const struct nd_agent_config *config, uint64_t now_ms);

/* Takes one datagram as it came, opens and checks it, remembers what it asks. */
void nd_agent_input(struct nd_agent *agent, const struct nd_agent_peer *from, const void *payload,
		    size_t bytes, uint64_t now_ms);

/*
 * Makes the next datagram as it goes, if one is due: its length, at most
 * ND_WIRE_DATAGRAM_MAX, which capacity must reach; or 0.  The buffer is 8-byte aligned, for
 * messages are written in place.
 */
size_t nd_agent_output(struct nd_agent *agent, void *buffer, size_t capacity, uint64_t now_ms,
		       struct nd_agent_peer *to);

/* Whether a server has said that this is over; status and text are in the agent. */
bool nd_agent_done(const struct nd_agent *agent);

/* Whether datagrams are sealed. */
bool nd_agent_is_keyed(const struct nd_agent *agent);

/* Zeroes the agent, every secret in it first of all: it is as with ND_AGENT_NONE then. */
/* Bytes of the answer, when all of them are there; else 0. */
uint64_t nd_agent_taken_bytes(const struct nd_agent *agent);

void nd_agent_wipe(struct nd_agent *agent);

#endif
