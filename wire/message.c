// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * message.c - checks and builds the datagrams of netdump/wire.h.
 *
 * Runs hosted in netdumpd and in 64-bit mode, freestanding, in DINI.  Counts are
 * held against what is left of the datagram by subtraction and division, so no
 * field can make a sum wrap.
 */
#include "wire/message.h"

#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "messages are read in place");
_Static_assert(ND_PAGE_BYTES % ND_GRAIN_BYTES == 0, "a page is whole grains");

#define LZ4_RAW_MAX 65536u

const char *nd_message_error_text(enum nd_message_error error)
{
	static const char *const text[ND_MESSAGE_ERRORS] = {
		[ND_MESSAGE_OK] = "well formed",
		[ND_MESSAGE_SHORT] = "too short",
		[ND_MESSAGE_LONG] = "too long",
		[ND_MESSAGE_MAGIC] = "not a netdump datagram",
		[ND_MESSAGE_VERSION] = "another protocol version",
		[ND_MESSAGE_LENGTH] = "length field and datagram differ",
		[ND_MESSAGE_SESSION] = "session 0",
		[ND_MESSAGE_TYPE] = "unknown type",
		[ND_MESSAGE_COUNT] = "a count does not fit the length",
		[ND_MESSAGE_STRING] = "a string without its end, or not to be printed",
		[ND_MESSAGE_EXTENT] = "an extent is empty, unaligned, or wraps",
		[ND_MESSAGE_RECORD] = "a malformed record",
		[ND_MESSAGE_ORDER] = "extents or records overlap, or do not ascend",
		[ND_MESSAGE_TRAILING] = "bytes behind the last record",
		[ND_MESSAGE_FORM] = "a form that is not allowed here",
		[ND_MESSAGE_SEAL] = "does not open with our keys",
		[ND_MESSAGE_REPLAY] = "came before",
	};

	return (unsigned int)error < ND_MESSAGE_ERRORS ? text[error] : "unknown error";
}

static bool string_ends(const char *string, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		if (!string[i])
			return true;
	return false;
}

/* Likewise, and all before its end is printable ASCII. */
static bool text_ends(const char *text, size_t bytes)
{
	for (size_t i = 0; i < bytes && text[i]; i++)
		if (text[i] < 0x20 || text[i] > 0x7e)
			return false;
	return string_ends(text, bytes);
}

/* Whether [phys, phys + bytes) is not empty and its last byte is below 2^64. */
static bool span_fits(uint64_t phys, uint64_t bytes)
{
	return bytes && bytes - 1 <= UINT64_MAX - phys;
}

/* Of one page a part may be there already, never all of it. */
static bool extent_fits(uint64_t phys, uint32_t pages, uint32_t have)
{
	return phys % ND_PAGE_BYTES == 0 && span_fits(phys, (uint64_t)pages * ND_PAGE_BYTES) &&
	       (!have || pages == 1) && have != UINT32_MAX;
}

static uint64_t extent_last(const struct nd_wire_extent *e)
{
	return e->phys + ((uint64_t)e->pages * ND_PAGE_BYTES - 1);
}

static bool record_fits(const struct nd_wire_record *r)
{
	if (r->phys % ND_GRAIN_BYTES || r->raw_bytes % ND_GRAIN_BYTES ||
	    !span_fits(r->phys, r->raw_bytes))
		return false;
	switch (r->kind) {
	case ND_RECORD_RAW:
		return r->stored_bytes == r->raw_bytes;
	case ND_RECORD_LZ4:
	case ND_RECORD_STEPS:
		return r->stored_bytes && r->raw_bytes <= LZ4_RAW_MAX;
	case ND_RECORD_ZERO:
	case ND_RECORD_ABSENT:
		return !r->stored_bytes;
	default:
		return false;
	}
}

static enum nd_message_error hello_check(const struct nd_wire_hello *h, size_t bytes)
{
	size_t fixed = offsetof(struct nd_wire_hello, range);

	if (bytes < fixed)
		return ND_MESSAGE_SHORT;
	if (h->kind >= ND_HELLO_KINDS || h->range_count > ND_HELLO_RANGES_MAX ||
	    bytes - fixed != h->range_count * sizeof(struct nd_wire_range))
		return ND_MESSAGE_COUNT;
	if (!string_ends(h->host, sizeof h->host) || !string_ends(h->reason, sizeof h->reason))
		return ND_MESSAGE_STRING;
	for (unsigned int i = 0; i < h->range_count; i++)
		if (!span_fits(h->range[i].phys, h->range[i].bytes))
			return ND_MESSAGE_EXTENT;
	return ND_MESSAGE_OK;
}

static enum nd_message_error read_check(const struct nd_wire_read *r, size_t bytes)
{
	size_t fixed = offsetof(struct nd_wire_read, extent);

	if (bytes < fixed)
		return ND_MESSAGE_SHORT;
	if (r->extent_count > ND_READ_EXTENTS_MAX ||
	    bytes - fixed != r->extent_count * sizeof(struct nd_wire_extent) ||
	    r->settled_id >= r->read_id)
		return ND_MESSAGE_COUNT;
	for (unsigned int i = 0; i < r->extent_count; i++) {
		if (!extent_fits(r->extent[i].phys, r->extent[i].pages, r->extent[i].have))
			return ND_MESSAGE_EXTENT;
		if (i && r->extent[i].phys <= extent_last(&r->extent[i - 1]))
			return ND_MESSAGE_ORDER;
	}
	return ND_MESSAGE_OK;
}

static enum nd_message_error data_check(const struct nd_wire_data *d, size_t bytes)
{
	struct nd_record_reader reader;
	struct nd_record record;
	uint64_t last_phys = 0;

	if (bytes < sizeof *d)
		return ND_MESSAGE_SHORT;
	if (!d->record_count && !(d->flags & ND_DATA_LAST))
		return ND_MESSAGE_COUNT;
	nd_record_first(&reader, d);
	while (nd_record_next(&reader, &record)) {
		if (reader.records_left + 1u < d->record_count && record.phys <= last_phys)
			return ND_MESSAGE_ORDER;
		last_phys = record.phys + (record.raw_bytes - 1);
	}
	if (reader.records_left)
		return ND_MESSAGE_RECORD;
	return reader.left ? ND_MESSAGE_TRAILING : ND_MESSAGE_OK;
}

static enum nd_message_error done_check(const struct nd_wire_done *d, size_t bytes)
{
	if (bytes != sizeof *d)
		return bytes < sizeof *d ? ND_MESSAGE_SHORT : ND_MESSAGE_COUNT;
	return string_ends(d->text, sizeof d->text) ? ND_MESSAGE_OK : ND_MESSAGE_STRING;
}

static enum nd_message_error give_check(const struct nd_wire_give *g, size_t bytes)
{
	size_t fixed = offsetof(struct nd_wire_give, piece);
	uint64_t at;

	if (bytes <= fixed)
		return ND_MESSAGE_SHORT;
	at = (uint64_t)g->index * ND_GIVE_BYTES;
	if (at >= g->total_bytes)
		return ND_MESSAGE_COUNT;
	if (bytes - fixed !=
	    (g->total_bytes - at < ND_GIVE_BYTES ? g->total_bytes - at : ND_GIVE_BYTES))
		return ND_MESSAGE_COUNT;
	return ND_MESSAGE_OK;
}

static enum nd_message_error take_check(const struct nd_wire_take *t, size_t bytes)
{
	if (bytes != sizeof *t)
		return bytes < sizeof *t ? ND_MESSAGE_SHORT : ND_MESSAGE_COUNT;
	return t->count <= ND_TAKE_MAX ? ND_MESSAGE_OK : ND_MESSAGE_COUNT;
}

static enum nd_message_error last_words_check(const struct nd_wire_last_words *w, size_t bytes)
{
	if (bytes != sizeof *w)
		return bytes < sizeof *w ? ND_MESSAGE_SHORT : ND_MESSAGE_COUNT;
	if (!w->text[0] || !text_ends(w->text, sizeof w->text) ||
	    !text_ends(w->host, sizeof w->host))
		return ND_MESSAGE_STRING;
	return ND_MESSAGE_OK;
}

enum nd_message_error nd_message_check(const void *datagram, size_t bytes)
{
	const struct nd_wire_header *h = datagram;

	if (bytes < sizeof *h)
		return ND_MESSAGE_SHORT;
	if (h->magic != ND_WIRE_MAGIC)
		return ND_MESSAGE_MAGIC;
	if (bytes > ND_WIRE_MESSAGE_MAX)
		return ND_MESSAGE_LONG;
	if (h->version != ND_WIRE_VERSION)
		return ND_MESSAGE_VERSION;
	if (h->length != bytes)
		return ND_MESSAGE_LENGTH;
	if (!h->session)
		return ND_MESSAGE_SESSION;
	switch (h->type) {
	case ND_HELLO:
		return hello_check(datagram, bytes);
	case ND_READ:
		return read_check(datagram, bytes);
	case ND_DATA:
		return data_check(datagram, bytes);
	case ND_DONE:
		return done_check(datagram, bytes);
	case ND_LAST_WORDS:
		return last_words_check(datagram, bytes);
	case ND_GIVE:
		return give_check(datagram, bytes);
	case ND_TAKE:
		return take_check(datagram, bytes);
	default:
		return ND_MESSAGE_TYPE;
	}
}

void nd_header_init(struct nd_wire_header *header, enum nd_wire_type type, uint64_t session,
		    uint64_t seq, size_t length)
{
	header->magic = ND_WIRE_MAGIC;
	header->version = ND_WIRE_VERSION;
	header->type = (uint8_t)type;
	header->length = (uint16_t)length;
	header->session = session;
	header->seq = seq;
}

void nd_hello_init(struct nd_wire_hello *hello, uint64_t session, uint64_t seq)
{
	memset(hello, 0, sizeof *hello);
	nd_header_init(&hello->header, ND_HELLO, session, seq,
		       offsetof(struct nd_wire_hello, range));
}

bool nd_hello_range_add(struct nd_wire_hello *hello, uint64_t phys, uint64_t bytes, uint32_t kind)
{
	struct nd_wire_range *range;

	if (hello->range_count >= ND_HELLO_RANGES_MAX || !span_fits(phys, bytes))
		return false;
	range = &hello->range[hello->range_count++];
	range->phys = phys;
	range->bytes = bytes;
	range->kind = kind;
	range->zero = 0;
	hello->header.length = (uint16_t)nd_hello_bytes(hello);
	return true;
}

size_t nd_hello_bytes(const struct nd_wire_hello *hello)
{
	return offsetof(struct nd_wire_hello, range) +
	       hello->range_count * sizeof(struct nd_wire_range);
}

void nd_read_init(struct nd_wire_read *read, uint64_t session, uint64_t seq, uint32_t read_id,
		  uint32_t settled_id, uint32_t budget_bytes)
{
	size_t fixed = offsetof(struct nd_wire_read, extent);

	memset(read, 0, fixed);
	nd_header_init(&read->header, ND_READ, session, seq, fixed);
	read->read_id = read_id;
	read->settled_id = settled_id;
	read->budget_bytes = budget_bytes;
}

bool nd_read_extent_add(struct nd_wire_read *read, uint64_t phys, uint32_t pages, uint32_t have)
{
	struct nd_wire_extent *extent;

	if (read->extent_count >= ND_READ_EXTENTS_MAX || !extent_fits(phys, pages, have))
		return false;
	extent = &read->extent[read->extent_count++];
	extent->phys = phys;
	extent->pages = pages;
	extent->have = have;
	read->header.length = (uint16_t)(offsetof(struct nd_wire_read, extent) +
					 read->extent_count * sizeof *extent);
	return true;
}

void nd_done_init(struct nd_wire_done *done, uint64_t session, uint64_t seq, uint32_t status,
		  const char *text)
{
	memset(done, 0, sizeof *done);
	nd_header_init(&done->header, ND_DONE, session, seq, sizeof *done);
	done->status = status;
	for (size_t i = 0; text && text[i] && i + 1 < sizeof done->text; i++)
		done->text[i] = text[i];
}

void nd_take_init(struct nd_wire_take *take, uint64_t session, uint64_t seq, uint32_t first,
		  uint32_t count)
{
	memset(take, 0, sizeof *take);
	nd_header_init(&take->header, ND_TAKE, session, seq, sizeof *take);
	take->first = first;
	take->count = count;
}

size_t nd_give_init(struct nd_wire_give *give, uint64_t session, uint64_t seq, uint64_t total_bytes,
		    uint32_t index)
{
	size_t fixed = offsetof(struct nd_wire_give, piece);
	uint64_t at = (uint64_t)index * ND_GIVE_BYTES;
	size_t piece = at >= total_bytes                  ? 0
		       : total_bytes - at < ND_GIVE_BYTES ? (size_t)(total_bytes - at)
							  : ND_GIVE_BYTES;

	memset(give, 0, fixed);
	nd_header_init(&give->header, ND_GIVE, session, seq, fixed + piece);
	give->total_bytes = total_bytes;
	give->index = index;
	return piece;
}

void nd_data_begin(struct nd_data_writer *w, void *buffer, uint64_t session, uint64_t seq,
		   uint32_t read_id, uint16_t index)
{
	w->data = buffer;
	w->used = sizeof *w->data;
	memset(w->data, 0, sizeof *w->data);
	nd_header_init(&w->data->header, ND_DATA, session, seq, w->used);
	w->data->read_id = read_id;
	w->data->index = index;
}

size_t nd_data_room(const struct nd_data_writer *w)
{
	size_t left = ND_WIRE_MESSAGE_MAX - w->used;

	if (left < sizeof(struct nd_wire_record) || w->data->record_count == UINT8_MAX)
		return 0;
	return left - sizeof(struct nd_wire_record);
}

void *nd_data_space(const struct nd_data_writer *w)
{
	return (uint8_t *)w->data + w->used + sizeof(struct nd_wire_record);
}

bool nd_data_add(struct nd_data_writer *w, uint64_t phys, uint32_t raw_bytes,
		 enum nd_record_kind kind, const void *stored, size_t stored_bytes)
{
	struct nd_wire_record record = {
		.phys = phys,
		.raw_bytes = raw_bytes,
		.stored_bytes = (uint16_t)stored_bytes,
		.kind = (uint8_t)kind,
	};
	size_t left = ND_WIRE_MESSAGE_MAX - w->used;

	if (left < sizeof record || stored_bytes > left - sizeof record ||
	    w->data->record_count == UINT8_MAX || !record_fits(&record))
		return false;
	if (stored_bytes && stored != nd_data_space(w))
		memcpy(nd_data_space(w), stored, stored_bytes);
	memcpy((uint8_t *)w->data + w->used, &record, sizeof record);
	w->used += (uint32_t)(sizeof record + stored_bytes);
	w->data->record_count++;
	return true;
}

size_t nd_data_end(struct nd_data_writer *w, uint8_t flags)
{
	w->data->flags = flags;
	w->data->header.length = (uint16_t)w->used;
	return w->used;
}

void nd_record_first(struct nd_record_reader *r, const struct nd_wire_data *data)
{
	r->at = (const uint8_t *)data + sizeof *data;
	r->left = data->header.length - sizeof *data;
	r->records_left = data->record_count;
}

bool nd_record_next(struct nd_record_reader *r, struct nd_record *record)
{
	struct nd_wire_record wire;

	if (!r->records_left || r->left < sizeof wire)
		return false;
	memcpy(&wire, r->at, sizeof wire);
	if (wire.stored_bytes > r->left - sizeof wire || !record_fits(&wire))
		return false;
	record->phys = wire.phys;
	record->raw_bytes = wire.raw_bytes;
	record->stored_bytes = wire.stored_bytes;
	record->kind = (enum nd_record_kind)wire.kind;
	record->stored = r->at + sizeof wire;
	r->at += sizeof wire + wire.stored_bytes;
	r->left -= sizeof wire + wire.stored_bytes;
	r->records_left--;
	return true;
}
