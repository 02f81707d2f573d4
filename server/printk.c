// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * printk.c - the crashed kernel's log: the lockless ring of Linux 5.10 and later.
 *
 * The ring is three arrays: descriptors (state and position of a text), infos
 * (time, length), and the text ring itself, whose blocks start with the id of their
 * descriptor.  Valid records are the descriptors tail_id .. head_id in the states
 * committed and finalized.  Kernel documentation: kernel/printk/printk_ringbuffer.c.
 */
#include "server/printk.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* log_buf_len= ends at 2 GiB in theory; nobody is believed who says more than this. */
#define COUNT_BITS_MAX   18
#define TEXT_BITS_MAX    23
#define STRUCT_BYTES_MAX 512 /* of any structure of the ring */
#define TEXT_LINE_MAX    8192
#define RING_BYTES_MAX   (16u << 20) /* of the three arrays */
#define OUT_BYTES_MAX    (32 << 20)  /* records of a damaged ring may share their text */

enum { STATE_COMMITTED = 1, STATE_FINALIZED = 2 };
#define STATE_SHIFT 62
#define ID_MASK     ((1ull << STATE_SHIFT) - 1)

/* Where things are, from VMCOREINFO; each is below STRUCT_BYTES_MAX. */
struct ring_shape {
	uint64_t rb_bytes, rb_desc_ring, rb_text_ring;
	uint64_t dr_count_bits, dr_descs, dr_infos, dr_head, dr_tail;
	uint64_t desc_bytes, desc_state, desc_lpos;
	uint64_t lpos_begin, lpos_next;
	uint64_t info_bytes, info_ts, info_len;
	uint64_t tr_size_bits, tr_data;
	uint64_t counter;
};

struct ring {
	struct ring_shape shape;
	uint64_t count, text_size, head, tail;
	uint64_t descs_virt, infos_virt, text_virt;
	uint8_t *descs, *infos, *text;
};

static bool shape_find(const struct nd_vmcoreinfo *v, struct ring_shape *s)
{
	const struct {
		const char *name;
		uint64_t *to;
		bool size;
	} want[] = {
		{"printk_ringbuffer", &s->rb_bytes, true},
		{"printk_ringbuffer.desc_ring", &s->rb_desc_ring, false},
		{"printk_ringbuffer.text_data_ring", &s->rb_text_ring, false},
		{"prb_desc_ring.count_bits", &s->dr_count_bits, false},
		{"prb_desc_ring.descs", &s->dr_descs, false},
		{"prb_desc_ring.infos", &s->dr_infos, false},
		{"prb_desc_ring.head_id", &s->dr_head, false},
		{"prb_desc_ring.tail_id", &s->dr_tail, false},
		{"prb_desc", &s->desc_bytes, true},
		{"prb_desc.state_var", &s->desc_state, false},
		{"prb_desc.text_blk_lpos", &s->desc_lpos, false},
		{"prb_data_blk_lpos.begin", &s->lpos_begin, false},
		{"prb_data_blk_lpos.next", &s->lpos_next, false},
		{"printk_info", &s->info_bytes, true},
		{"printk_info.ts_nsec", &s->info_ts, false},
		{"printk_info.text_len", &s->info_len, false},
		{"prb_data_ring.size_bits", &s->tr_size_bits, false},
		{"prb_data_ring.data", &s->tr_data, false},
		{"atomic_long_t.counter", &s->counter, false},
	};

	for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
		bool found = want[i].size ? nd_vmcoreinfo_size(v, want[i].name, want[i].to)
					  : nd_vmcoreinfo_offset(v, want[i].name, want[i].to);

		if (!found || *want[i].to > STRUCT_BYTES_MAX)
			return false;
	}
	/* Every field that is read lies inside the structure that is fetched for it. */
	return s->desc_bytes >= 8 && s->desc_state + s->counter + 8 <= s->desc_bytes &&
	       s->desc_lpos + s->lpos_begin + 8 <= s->desc_bytes &&
	       s->desc_lpos + s->lpos_next + 8 <= s->desc_bytes &&
	       s->info_ts + 8 <= s->info_bytes && s->info_len + 2 <= s->info_bytes;
}

/* The ring's own structure: where the arrays are, and how long. */
static enum nd_mem_status head_read(struct nd_xlat *x, uint64_t prb, struct ring *r,
				    const char **why)
{
	const struct ring_shape *s = &r->shape;
	uint8_t rb[4 * STRUCT_BYTES_MAX] = {0};
	const uint8_t *dr = rb + s->rb_desc_ring, *tr = rb + s->rb_text_ring;
	uint32_t count_bits, text_bits;
	enum nd_mem_status status = nd_xlat_read(x, prb, rb, s->rb_bytes);

	if (status != ND_MEM_OK)
		return status;
	count_bits = nd_u32_at(dr + s->dr_count_bits);
	text_bits = nd_u32_at(tr + s->tr_size_bits);
	if (!count_bits || count_bits > COUNT_BITS_MAX || text_bits < 3 ||
	    text_bits > TEXT_BITS_MAX) {
		*why = "the log ring's sizes make no sense";
		return ND_MEM_BAD;
	}
	r->count = 1ull << count_bits;
	r->text_size = 1ull << text_bits;
	if (r->count * (s->desc_bytes + s->info_bytes) + r->text_size > RING_BYTES_MAX) {
		*why = "the log ring is larger than 16 MiB (log_buf_len= above 2 MiB)";
		return ND_MEM_BAD;
	}
	r->descs_virt = nd_u64_at(dr + s->dr_descs);
	r->infos_virt = nd_u64_at(dr + s->dr_infos);
	r->text_virt = nd_u64_at(tr + s->tr_data);
	r->head = nd_u64_at(dr + s->dr_head + s->counter) & ID_MASK;
	r->tail = nd_u64_at(dr + s->dr_tail + s->counter) & ID_MASK;
	return ND_MEM_OK;
}

/* All three arrays in one go, so that one round trip brings them. */
static enum nd_mem_status arrays_read(struct nd_xlat *x, struct ring *r, const char **why)
{
	size_t desc_bytes = r->count * r->shape.desc_bytes;
	size_t info_bytes = r->count * r->shape.info_bytes;
	enum nd_mem_status status;

	r->descs = malloc(desc_bytes);
	r->infos = malloc(info_bytes);
	r->text = malloc(r->text_size);
	if (!r->descs || !r->infos || !r->text) {
		*why = "no memory for the log ring";
		return ND_MEM_BAD;
	}
	status = nd_xlat_read(x, r->descs_virt, r->descs, desc_bytes);
	if (status <= ND_MEM_WAIT)
		status = nd_mem_worse(status, nd_xlat_read(x, r->text_virt, r->text, r->text_size));
	if (status <= ND_MEM_WAIT)
		status = nd_mem_worse(status, nd_xlat_read(x, r->infos_virt, r->infos, info_bytes));
	return status;
}

/* Text of a block, its length held against the block's; NULL: a record without text. */
static const uint8_t *text_find(const struct ring *r, const uint8_t *desc, size_t *bytes)
{
	uint64_t begin = nd_u64_at(desc + r->shape.desc_lpos + r->shape.lpos_begin);
	uint64_t next = nd_u64_at(desc + r->shape.desc_lpos + r->shape.lpos_next);
	uint64_t mask = r->text_size - 1, from = begin & mask, to = next & mask;

	if ((begin & 1) || begin == next)
		return NULL;
	/* A block that would wrap starts at the ring's start instead. */
	if (begin / r->text_size != next / r->text_size)
		from = to ? 0 : from;
	if (!to)
		to = r->text_size;
	if (from >= to || to - from < sizeof(uint64_t))
		return NULL;
	*bytes = to - from - sizeof(uint64_t);
	return r->text + from + sizeof(uint64_t);
}

static void byte_write(FILE *out, uint8_t c)
{
	if ((c >= 0x20 && c != 0x7f) || c == '\t')
		fputc(c, out);
	else
		fprintf(out, "\\x%02x", c);
}

static void record_write(FILE *out, uint64_t ts_ns, const uint8_t *text, size_t bytes)
{
	uint64_t us = ts_ns / 1000;
	char prefix[48];

	snprintf(prefix, sizeof prefix, "[%5" PRIu64 ".%06" PRIu64 "] ", us / 1000000,
		 us % 1000000);
	fputs(prefix, out);
	for (size_t i = 0; i < bytes; i++) {
		if (text[i] != '\n') {
			byte_write(out, text[i]);
			continue;
		}
		fputc('\n', out);
		fputs(prefix, out);
	}
	fputc('\n', out);
}

static void records_write(const struct ring *r, FILE *out)
{
	const struct ring_shape *s = &r->shape;
	uint64_t id = r->tail;

	for (uint64_t n = 0; n < r->count; n++, id = (id + 1) & ID_MASK) {
		uint64_t at = id % r->count;
		const uint8_t *desc = r->descs + at * s->desc_bytes;
		const uint8_t *info = r->infos + at * s->info_bytes;
		uint64_t state = nd_u64_at(desc + s->desc_state + s->counter);
		const uint8_t *text;
		uint16_t length;
		size_t bytes = 0;

		if ((state & ID_MASK) == id && (state >> STATE_SHIFT == STATE_COMMITTED ||
						state >> STATE_SHIFT == STATE_FINALIZED)) {
			text = text_find(r, desc, &bytes);
			memcpy(&length, info + s->info_len, sizeof length);
			if (length < bytes)
				bytes = length;
			if (bytes > TEXT_LINE_MAX)
				bytes = TEXT_LINE_MAX;
			record_write(out, nd_u64_at(info + s->info_ts), text, text ? bytes : 0);
		}
		if (id == r->head)
			break;
		if (ftell(out) > OUT_BYTES_MAX) {
			fputs("(cut here: the log ring is damaged)\n", out);
			break;
		}
	}
}

enum nd_mem_status nd_printk_write(struct nd_xlat *x, const struct nd_vmcoreinfo *v, FILE *out,
				   const char **why)
{
	struct ring r = {0};
	uint64_t symbol, prb = 0;
	enum nd_mem_status status;

	*why = "the log's memory cannot be read";
	if (!nd_vmcoreinfo_symbol(v, "prb", &symbol) || !shape_find(v, &r.shape)) {
		*why = "VMCOREINFO does not describe a log ring (Linux 5.10 and later do)";
		return ND_MEM_BAD;
	}
	status = nd_xlat_read(x, symbol, &prb, sizeof prb);
	if (status == ND_MEM_OK)
		status = head_read(x, prb, &r, why);
	if (status == ND_MEM_OK)
		status = arrays_read(x, &r, why);
	if (status == ND_MEM_OK)
		records_write(&r, out);
	free(r.descs);
	free(r.infos);
	free(r.text);
	return status;
}
