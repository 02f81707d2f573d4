// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * wire.c - any bytes as a datagram: refused, or a message of which every promise of
 * wire/message.h holds; and the writers, whose messages the check must take.
 *
 *   how u8: bit 0: header repaired first; bit 1: the writers instead
 *   then the datagram, or the writers' arguments
 */
#include "tests/fuzz/input.h"
#include "wire/message.h"

/* [phys, phys + bytes) as its first and last byte. */
static void span_must(uint64_t phys, uint64_t bytes, uint64_t multiple)
{
	ND_MUST(bytes);
	ND_MUST(phys % multiple == 0);
	ND_MUST(phys + (bytes - 1) >= phys);
}

static void hello_must(const struct nd_wire_hello *h, size_t bytes)
{
	ND_MUST(nd_hello_bytes(h) == bytes);
	ND_MUST(memchr(h->host, 0, sizeof h->host));
	ND_MUST(memchr(h->reason, 0, sizeof h->reason));
	for (unsigned int i = 0; i < h->range_count; i++)
		span_must(h->range[i].phys, h->range[i].bytes, 1);
}

/* The writers make the same message again. */
static void read_must(const struct nd_wire_read *r, size_t bytes)
{
	struct nd_wire_read again;
	uint64_t last = 0;

	nd_read_init(&again, r->header.session, r->header.seq, r->read_id, r->settled_id,
		     r->budget_bytes);
	again.zero = r->zero;
	for (unsigned int i = 0; i < r->extent_count; i++) {
		const struct nd_wire_extent *e = &r->extent[i];

		span_must(e->phys, (uint64_t)e->pages * ND_PAGE_BYTES, ND_PAGE_BYTES);
		ND_MUST(!i || e->phys > last);
		ND_MUST(!e->have || (e->pages == 1 && ~e->have));
		last = e->phys + ((uint64_t)e->pages * ND_PAGE_BYTES - 1);
		ND_MUST(nd_read_extent_add(&again, e->phys, e->pages, e->have));
	}
	ND_MUST(again.header.length == bytes && !memcmp(&again, r, bytes));
}

static void data_must(const struct nd_wire_data *d, size_t bytes)
{
	const uint8_t *end = (const uint8_t *)d + bytes;
	uint8_t *again = malloc(ND_WIRE_MESSAGE_MAX);
	struct nd_data_writer writer;
	struct nd_record_reader reader;
	struct nd_record r;
	unsigned int count = 0;
	uint64_t last = 0;

	ND_MUST(again);
	nd_data_begin(&writer, again, d->header.session, d->header.seq, d->read_id, d->index);
	nd_record_first(&reader, d);
	while (nd_record_next(&reader, &r)) {
		span_must(r.phys, r.raw_bytes, ND_GRAIN_BYTES);
		ND_MUST(!count || r.phys > last);
		last = r.phys + (r.raw_bytes - 1);
		count++;
		ND_MUST(r.stored >= (const uint8_t *)(d + 1) && r.stored <= end);
		ND_MUST(r.stored_bytes <= (size_t)(end - r.stored));
		ND_MUST(r.kind != ND_RECORD_RAW || r.stored_bytes == r.raw_bytes);
		ND_MUST((r.kind != ND_RECORD_LZ4 && r.kind != ND_RECORD_STEPS) ||
			r.raw_bytes <= 65536);
		ND_MUST(nd_data_add(&writer, r.phys, r.raw_bytes, r.kind, r.stored,
				    r.stored_bytes));
	}
	ND_MUST(count == d->record_count);
	ND_MUST(nd_data_end(&writer, d->flags) == bytes);
	ND_MUST(nd_message_check(again, bytes) == ND_MESSAGE_OK);
	free(again);
}

static void text_must(const char *text, size_t room)
{
	ND_MUST(memchr(text, 0, room));
	for (; *text; text++)
		ND_MUST(*text >= ' ' && *text <= '~');
}

static void last_words_must(const struct nd_wire_last_words *w, size_t bytes)
{
	ND_MUST(bytes == sizeof *w && w->text[0]);
	text_must(w->text, sizeof w->text);
	text_must(w->host, sizeof w->host);
}

static void give_must(const struct nd_wire_give *g, size_t bytes)
{
	struct nd_wire_give again;
	size_t piece =
		nd_give_init(&again, g->header.session, g->header.seq, g->total_bytes, g->index);

	ND_MUST(piece && again.header.length == bytes);
	ND_MUST(offsetof(struct nd_wire_give, piece) + piece == bytes);
}

static void message_must(const struct nd_wire_header *h, size_t bytes)
{
	ND_MUST(bytes <= ND_WIRE_MESSAGE_MAX && h->length == bytes && h->session);
	switch (h->type) {
	case ND_HELLO:
		hello_must((const void *)h, bytes);
		break;
	case ND_READ:
		read_must((const void *)h, bytes);
		break;
	case ND_DATA:
		data_must((const void *)h, bytes);
		break;
	case ND_DONE:
		ND_MUST(bytes == sizeof(struct nd_wire_done));
		ND_MUST(memchr(((const struct nd_wire_done *)h)->text, 0, ND_DONE_TEXT_BYTES));
		break;
	case ND_LAST_WORDS:
		last_words_must((const void *)h, bytes);
		break;
	case ND_GIVE:
		give_must((const void *)h, bytes);
		break;
	case ND_TAKE:
		ND_MUST(bytes == sizeof(struct nd_wire_take));
		ND_MUST(((const struct nd_wire_take *)h)->count <= ND_TAKE_MAX);
		break;
	default:
		ND_MUST(!"a type that is none");
	}
}

static void header_repair(uint8_t *datagram, size_t bytes)
{
	struct nd_wire_header *h = (void *)datagram;

	if (bytes < sizeof *h)
		return;
	h->magic = ND_WIRE_MAGIC;
	h->version = ND_WIRE_VERSION;
	h->length = (uint16_t)bytes;
	h->session |= 1;
	h->type = (h->type & ND_FORM_MASK) | (h->type & 0x20   ? ND_LAST_WORDS
					      : h->type & 0x10 ? ND_GIVE + h->type % 2
							       : 1 + h->type % 4);
}

static void datagram_try(struct nd_input *in, bool repair)
{
	size_t bytes;
	uint8_t *datagram = nd_input_exact(in, in->left, &bytes);
	enum nd_message_error error;

	if (repair)
		header_repair(datagram, bytes);
	error = nd_message_check(datagram, bytes);
	ND_MUST(nd_message_error_text(error));
	if (error == ND_MESSAGE_OK)
		message_must((const void *)datagram, bytes);
	free(datagram);
}

static void hello_write(struct nd_input *in)
{
	struct nd_wire_hello hello;

	nd_hello_init(&hello, 1, 1);
	while (nd_input_more(in)) {
		uint64_t phys = nd_input_u64(in), bytes = nd_input_u64(in);

		nd_hello_range_add(&hello, phys, bytes, nd_input_u8(in));
	}
	ND_MUST(nd_message_check(&hello, hello.header.length) == ND_MESSAGE_OK);
}

/* The writer leaves ascending order to its caller. */
static void read_write(struct nd_input *in)
{
	struct nd_wire_read read;
	uint64_t next = 0;
	bool ordered = true;

	nd_read_init(&read, 1, 1, 2, 1, nd_input_u32(in));
	while (nd_input_more(in)) {
		uint64_t phys = nd_input_u64(in);
		uint32_t pages = nd_input_u32(in), have = nd_input_u32(in);

		if (!nd_read_extent_add(&read, phys, pages, have))
			continue;
		ordered = ordered && (read.extent_count == 1 || (phys >= next && next));
		next = phys + (uint64_t)pages * ND_PAGE_BYTES;
	}
	ND_MUST(nd_message_check(&read, read.header.length) ==
		(ordered ? ND_MESSAGE_OK : ND_MESSAGE_ORDER));
}

static void data_write(struct nd_input *in)
{
	uint8_t *buffer = malloc(ND_WIRE_MESSAGE_MAX);
	struct nd_data_writer w;
	uint64_t next = 0;
	bool ordered = true;
	size_t bytes;

	ND_MUST(buffer);
	nd_data_begin(&w, buffer, 1, 1, 1, 0);
	while (nd_input_more(in)) {
		uint64_t phys = nd_input_u64(in);
		uint32_t raw = nd_input_u32(in);
		unsigned int kind = nd_input_u8(in);
		size_t room = nd_data_room(&w), wanted = nd_input_u16(in) % 2048, got;
		uint8_t *stored = nd_input_exact(in, wanted, &got);

		if (nd_data_add(&w, phys, raw, kind, stored, got)) {
			ND_MUST(got <= room);
			ordered = ordered && (w.data->record_count == 1 || (phys >= next && next));
			next = phys + raw;
		}
		free(stored);
	}
	bytes = nd_data_end(&w, ND_DATA_LAST);
	ND_MUST(bytes <= ND_WIRE_MESSAGE_MAX);
	ND_MUST(nd_message_check(buffer, bytes) == (ordered ? ND_MESSAGE_OK : ND_MESSAGE_ORDER));
	free(buffer);
}

static void done_write(struct nd_input *in)
{
	struct nd_wire_done done;
	uint32_t status = nd_input_u32(in);
	char *text = nd_input_text(in, in->left);

	nd_done_init(&done, 1, 1, status, text);
	ND_MUST(nd_message_check(&done, sizeof done) == ND_MESSAGE_OK);
	ND_MUST(!strncmp(done.text, text, strlen(done.text)));
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static void (*const writer[])(struct nd_input *) = {hello_write, read_write, data_write,
							    done_write};
	struct nd_input in = {data, bytes};
	uint8_t how = nd_input_u8(&in);

	if (how & 2)
		writer[how >> 2 & 3](&in);
	else
		datagram_try(&in, how & 1);
	return 0;
}
