/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reads.h - the READs that a machine has not answered in full yet, and the pages that came
 * in part.
 *
 * Pages that are asked for belong to exactly one READ, each with a mask of the
 * grains that have come.  Records are credited by address, not by the READ they
 * name, so an answer that comes after its READ was given up still counts if the
 * same pages are asked for again.  What came of a page stays counted when its READ is
 * closed, and the next READ for it says so: a lost datagram costs one more datagram,
 * not a page.  Pure: no I/O, no clock.
 */
#ifndef NETDUMP_SERVER_READS_H
#define NETDUMP_SERVER_READS_H

#include "netdump/wire.h"
#include "server/pages.h"

/* Pages that one READ may name: 16 MiB, so an array of parts is 64 KiB at most. */
#define ND_READ_PAGES_MAX 4096
/* DATA of one READ: 32 KiB of budget in datagrams of at least 48 bytes is below 700. */
#define ND_READ_INDEX_MAX 1024
/* DATA of later READs after which what is missing of an earlier one counts as lost. */
#define ND_READ_REORDER 8
/* The most that a page takes in datagrams, so the most that a READ reserves for one. */
#define ND_READ_PAGE_BYTES (3 * ND_WIRE_DATAGRAM_MAX)
/*
 * Pages in part that wait for their next READ.  A lost datagram leaves two, and all that is
 * in flight is 200; what is above the limit is asked for whole again.
 */
#define ND_PARTS_MAX 512

/* What a page mask is when the page is whole. */
#define ND_PAGE_FULL UINT64_MAX

/* A page that is asked for, and what has come of it. */
struct nd_part {
	uint64_t page;
	uint64_t mask; /* a bit for each grain, the lowest for the page's first */
	uint64_t sum;  /* of the grains that have come: the caller's to count in */
};

/* Of a mask, nd_wire_extent.have: pieces of which both grains are there. */
uint32_t nd_part_have(uint64_t mask);

struct nd_reads_extent {
	uint64_t page;
	uint32_t count;
	uint32_t first; /* of its parts in nd_read.part */
};

struct nd_read {
	uint32_t id;
	uint32_t budget_bytes;
	uint32_t left_bytes; /* of the budget, that the pool still counts as in flight */
	uint32_t era;        /* of the pool, when it was sent */
	uint64_t sent_ms;
	uint64_t overtaken_ms; /* when what was sent behind something missing came first */
	bool overtaken;
	bool fresh;   /* it brought something new */
	bool tallied; /* the pool knows what was lost of it */
	uint32_t pages;
	uint32_t pages_full;
	uint32_t later;   /* DATA of higher READs seen since */
	uint32_t indices; /* different indices seen */
	int32_t highest;  /* index seen, -1: none */
	int32_t last;     /* index of the DATA that said LAST, -1: not seen */
	uint16_t extents;
	struct nd_reads_extent extent[ND_READ_EXTENTS_MAX];
	uint64_t seen[ND_READ_INDEX_MAX / 64];
	struct nd_part *part;
};

struct nd_reads {
	struct nd_read *queue[ND_READ_QUEUE]; /* oldest first */
	unsigned int count;
	struct nd_part *part; /* in part, and pending again; ascending */
	unsigned int parts;
};

/*
 * Moves up to max_pages from `pending` into a new READ; NULL: memory is out, or none pending.
 * The budget is cut to what the pages can take.
 */
struct nd_read *nd_reads_open(struct nd_reads *reads, struct nd_pages *pending, uint32_t id,
			      uint32_t budget_bytes, uint32_t max_pages, uint64_t now_ms);

enum nd_reads_seen {
	ND_SEEN_NEW,       /* a DATA of an open READ, first time */
	ND_SEEN_DUPLICATE, /* that very DATA came before */
	ND_SEEN_LATE,      /* of a READ that is not open any more */
	ND_SEEN_BAD,       /* an index that no answer has */
};
/* *of becomes the READ that a new DATA is of. */
enum nd_reads_seen nd_reads_saw(struct nd_reads *reads, const struct nd_wire_data *data,
				uint64_t now_ms, struct nd_read **of);

/*
 * Credits [phys, phys + bytes) and calls `part` once per stretch of it that belongs to an
 * open READ, with how many grains of it are new and how many pages became whole by it.
 */
typedef void nd_reads_part_fn(void *context, uint64_t phys, uint32_t bytes, uint32_t new_grains,
			      uint32_t whole_pages);
/*
 * Before that, `grains` is called once for each page of it that has new grains, with their
 * bits in the page's mask: every grain is told once.  *sum is the page's own: 0 at first, and
 * forgotten together with the grains that have come.
 */
typedef void nd_reads_grains_fn(void *context, uint64_t page, uint64_t new_grains, bool whole,
				uint64_t *sum);
struct nd_reads_take {
	nd_reads_grains_fn *grains; /* NULL: none */
	nd_reads_part_fn *part;
	void *context;
};
void nd_reads_credit(struct nd_reads *reads, uint64_t phys, uint32_t bytes,
		     const struct nd_reads_take *take);

/*
 * Whether nothing more is to be expected of this READ: all came, or what is missing was
 * overtaken, by ND_READ_REORDER datagrams or for reorder_ms.
 */
bool nd_read_ended(const struct nd_read *read, uint64_t now_ms, uint32_t reorder_ms);

/*
 * Datagrams that the answer was, as far as can be told, and how many of them did not come.
 * An answer of which nothing came counts as a few: the READ itself may have been lost.
 */
uint32_t nd_read_sent(const struct nd_read *read);
uint32_t nd_read_lost(const struct nd_read *read);

/*
 * Closes queue[at]: what is missing goes back to `pending`, with what came of it.  Returns
 * false when memory is out.  *lost grows by the pages that were sent but did not (wholly)
 * come: those before the last that did, or all when everything is presumed lost.
 */
bool nd_reads_close(struct nd_reads *reads, unsigned int at, struct nd_pages *pending,
		    bool all_lost, uint64_t *lost);
void nd_reads_free(struct nd_reads *reads);

/* Adds the pages that open READs name and that are not whole.  False: no memory. */
bool nd_reads_missing(const struct nd_reads *reads, struct nd_pages *missing);

/* The lowest page named by an open READ, UINT64_MAX if none. */
uint64_t nd_reads_lowest(const struct nd_reads *reads);

#endif
