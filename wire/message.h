/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * message.h - checks and builds the datagrams of netdump/wire.h.
 *
 * Protocol code: no I/O, no allocation, no clock.  It asks for memcpy and memset
 * only, so the same objects are linked into netdumpd (hosted) and into DINI
 * (freestanding, 64-bit).  Messages are little-endian, as is every host.
 *
 * The one gate for lengths is nd_message_check(): whatever passed it can be read
 * through the pointer it returns without a further look at sizes, except that the
 * records of a DATA are walked with nd_record_next(), which never leaves the message.
 */
#ifndef NETDUMP_WIRE_MESSAGE_H
#define NETDUMP_WIRE_MESSAGE_H

#include <stdbool.h>

#include "netdump/wire.h"

/* Why a datagram was refused; ND_MESSAGE_OK is 0. */
enum nd_message_error {
	ND_MESSAGE_OK = 0,
	ND_MESSAGE_SHORT,    /* no room for a header, or for this type's fixed part */
	ND_MESSAGE_LONG,     /* above ND_WIRE_MESSAGE_MAX */
	ND_MESSAGE_MAGIC,    /* not ours */
	ND_MESSAGE_VERSION,  /* another version */
	ND_MESSAGE_LENGTH,   /* header.length is not the datagram's length */
	ND_MESSAGE_SESSION,  /* session 0 */
	ND_MESSAGE_TYPE,     /* unknown type */
	ND_MESSAGE_COUNT,    /* a count that does not fit the length or its limit */
	ND_MESSAGE_STRING,   /* a string without its NUL, or last words that cannot be printed */
	ND_MESSAGE_EXTENT,   /* an extent or range that is empty, unaligned, or wraps */
	ND_MESSAGE_RECORD,   /* a record that is malformed or runs out of the message */
	ND_MESSAGE_ORDER,    /* extents or records overlap, or do not ascend */
	ND_MESSAGE_TRAILING, /* bytes behind the last record */
	ND_MESSAGE_FORM,     /* a form that is not allowed here, or none at all */
	ND_MESSAGE_SEAL,     /* does not open with our keys: forged, damaged, or another's */
	ND_MESSAGE_REPLAY,   /* genuine, but came before */
	ND_MESSAGE_ERRORS,   /* how many there are */
};

/* A few words for a log line, never NULL. */
const char *nd_message_error_text(enum nd_message_error error);

/*
 * Checks one whole datagram of `bytes` bytes at `datagram` (8-byte aligned, as all
 * receive buffers are).  On ND_MESSAGE_OK every field is inside the datagram:
 *   HELLO  range_count ranges, none wraps; host and reason end in NUL
 *   READ   0..84 extents, page aligned, none wraps 2^64
 *   DATA   record_count records, each whole, aligned to grains, none wraps
 *   DONE   text ends in NUL
 *   GIVE   the piece is as long as its place in the answer has it, and not empty
 *   TAKE   0..10 pieces
 *   LAST_WORDS  text and host end in NUL and are printable, text is not empty
 */
enum nd_message_error nd_message_check(const void *datagram, size_t bytes);

/* Header of a message that will be `length` bytes long. */
void nd_header_init(struct nd_wire_header *header, enum nd_wire_type type, uint64_t session,
		    uint64_t seq, size_t length);

/* An all-zero HELLO; the caller fills it, adds ranges, and takes its length last. */
void nd_hello_init(struct nd_wire_hello *hello, uint64_t session, uint64_t seq);
/* False when full, empty (bytes 0), or wrapping. */
bool nd_hello_range_add(struct nd_wire_hello *hello, uint64_t phys, uint64_t bytes, uint32_t kind);
size_t nd_hello_bytes(const struct nd_wire_hello *hello);

/* A READ without extents; settled_id is below read_id. */
void nd_read_init(struct nd_wire_read *read, uint64_t session, uint64_t seq, uint32_t read_id,
		  uint32_t settled_id, uint32_t budget_bytes);
/* False when full or not a valid extent (or have, of nd_wire_extent).  Keeps header.length right.
 */
bool nd_read_extent_add(struct nd_wire_read *read, uint64_t phys, uint32_t pages, uint32_t have);

/* A whole DONE; text is cut to fit, NULL is empty. */
void nd_done_init(struct nd_wire_done *done, uint64_t session, uint64_t seq, uint32_t status,
		  const char *text);

/* A whole TAKE. */
void nd_take_init(struct nd_wire_take *take, uint64_t session, uint64_t seq, uint32_t first,
		  uint32_t count);
/* A GIVE whose piece the caller fills in: how many bytes; 0: there is no such piece. */
size_t nd_give_init(struct nd_wire_give *give, uint64_t session, uint64_t seq, uint64_t total_bytes,
		    uint32_t index);

/*
 * Writing a DATA: init over a buffer of ND_WIRE_MESSAGE_MAX bytes, then records.
 *
 *   nd_data_begin(&w, buffer, session, seq, read_id, index);
 *   room = nd_data_room(&w);                    stored bytes that a next record may have
 *   nd_data_add(&w, phys, raw, kind, p, n);     copies n bytes; false: does not fit
 *   bytes = nd_data_end(&w, flags);
 *
 * To compress in place: write at most nd_data_room() bytes at nd_data_space(), then
 * call nd_data_add() with that very pointer; nothing is copied then.
 */
struct nd_data_writer {
	struct nd_wire_data *data;
	uint32_t used; /* bytes of the message so far */
};

void nd_data_begin(struct nd_data_writer *w, void *buffer, uint64_t session, uint64_t seq,
		   uint32_t read_id, uint16_t index);
size_t nd_data_room(const struct nd_data_writer *w);
void *nd_data_space(const struct nd_data_writer *w);
bool nd_data_add(struct nd_data_writer *w, uint64_t phys, uint32_t raw_bytes,
		 enum nd_record_kind kind, const void *stored, size_t stored_bytes);
size_t nd_data_end(struct nd_data_writer *w, uint8_t flags);

/* Reading a DATA: a walk over its records.  `stored` points into the message. */
struct nd_record_reader {
	const uint8_t *at;
	size_t left;
	unsigned int records_left;
};

struct nd_record {
	uint64_t phys;
	uint32_t raw_bytes;
	uint32_t stored_bytes;
	enum nd_record_kind kind;
	const uint8_t *stored;
};

void nd_record_first(struct nd_record_reader *r, const struct nd_wire_data *data);
/* False at the end, and at the first malformed record (never in a checked DATA). */
bool nd_record_next(struct nd_record_reader *r, struct nd_record *record);

#endif
