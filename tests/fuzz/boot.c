// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * boot.c - what is parsed on the machine itself besides frames: netdump.c32's options,
 * memory maps, DHCP packets, last words; acpi.c's mode; and stub.c's, of the stubs and of
 * DINI at its start.
 *
 *   mode u8, and what each mode takes
 */
#include "tests/fuzz/boot.h"

#include <syslinux/pxe.h>

#include "com32/netdump/lastwords.h"
#include "com32/netdump/netdump.h"
#include "netdump/wire.h"

#define WORDS_MAX   32
#define FENCES_MAX  3
#define OPTIONS_WHY 200

/* What error.c prints goes nowhere. */
void nd_error(const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
}

/* Words between blanks, in place; argv ends in NULL. */
static int words_split(char *text, char *argv[WORDS_MAX + 1])
{
	int argc = 0;

	for (char *word = strtok(text, " "); word && argc < WORDS_MAX; word = strtok(NULL, " "))
		argv[argc++] = word;
	argv[argc] = NULL;
	return argc;
}

static void options_must(const struct nd_options *o)
{
	ND_MUST(o->server_count <= ND_SERVERS_MAX && o->server_port);
	ND_MUST(o->action <= ND_ACTION_HOLD && o->deadline_s <= 86400);
	ND_MUST(o->dini && *o->dini);
	for (uint32_t i = 0; i < o->server_count; i++)
		for (uint32_t k = 0; k < i; k++)
			ND_MUST(memcmp(o->server_ip[i], o->server_ip[k], 4));
	ND_MUST(o->key_count <= ND_SERVERS_MAX);
	if (!nd_options_key_fault(o)) {
		ND_MUST(nd_options_security(o) != ND_SECURITY_NONE);
		ND_MUST((nd_options_security(o) == ND_SECURITY_PLAIN) == o->insecure);
		ND_MUST(!o->insecure || !o->key_count);
	}
}

/* No eight digits of a key stand in the message that refuses it. */
static void secret_must(const char *word, const char *why)
{
	char digits[9] = "";

	if ((strncmp(word, "key=", 4) && strncmp(word, "psk=", 4)) || strncmp(why + 1, word, 4))
		return;
	memcpy(digits, word + 4, strnlen(word + 4, 8));
	if (strspn(digits, "0123456789abcdefABCDEF") == 8)
		ND_MUST(!strstr(why, digits));
}

static void options(struct nd_input *in)
{
	unsigned int why_bytes = nd_input_u8(in) % OPTIONS_WHY + 1;
	char *text = nd_input_text(in, in->left), *why = malloc(why_bytes), *argv[WORDS_MAX + 1];
	int argc = words_split(text, argv);
	struct nd_options o;

	ND_MUST(why);
	memset(why, 'x', why_bytes);
	if (nd_options_parse(&o, argc, argv, why, why_bytes)) {
		ND_MUST(o.image);
		options_must(&o);
	} else {
		ND_MUST(memchr(why, 0, why_bytes) && (*why || why_bytes == 1));
		for (int i = 0; i < argc && why_bytes > 1; i++)
			secret_must(argv[i], why);
	}
	ND_MUST(!o.image || (o.image > 0 && o.image < argc && !strcmp(argv[o.image - 1], "--")));
	free(why);
	free(text);
}

/* Joined by hand: the words up to the separator, `extra` behind the first. */
static void join(struct nd_input *in)
{
	bool has_extra = nd_input_u8(in) & 1;
	char *text = nd_input_text(in, in->left), *argv[WORDS_MAX + 1];
	char *expected = calloc(1, strlen(text) + 32), *line;

	ND_MUST(expected);
	words_split(text, argv);
	for (int i = 0; argv[i] && strcmp(argv[i], ND_MODULE_SEPARATOR); i++) {
		strcat(strcat(expected, i ? " " : ""), argv[i]);
		if (!i && has_extra)
			strcat(expected, " netdump=0x9f000");
	}
	line = nd_words_join(argv, has_extra ? "netdump=0x9f000" : NULL);
	ND_MUST(line && !strcmp(line, expected));
	free(line);
	free(expected);
	free(text);
}

static bool overlaps(uint64_t a, uint64_t a_bytes, uint64_t b, uint64_t b_bytes)
{
	return a < b + b_bytes && b < a + a_bytes;
}

static void fence_must(const struct nd_map *map, const struct nd_fence *fence)
{
	ND_MUST(map->count <= NETDUMP_E820_MAX);
	for (uint32_t i = 0; i < map->count; i++) {
		const struct netdump_e820 *e = &map->entry[i];

		ND_MUST(e->bytes && (!i || map->entry[i - 1].phys <= e->phys));
		for (uint32_t k = 0; k < fence->count && e->type == ND_E820_RAM; k++)
			ND_MUST(!overlaps(e->phys, e->bytes, fence->range[k].phys,
					  fence->range[k].bytes));
	}
	for (uint32_t k = 0; k < fence->count; k++) {
		const struct nd_range *r = &fence->range[k];
		bool reserved = false;

		for (uint32_t i = 0; i < map->count; i++)
			reserved |= map->entry[i].type == ND_E820_RESERVED &&
				    map->entry[i].phys <= r->phys &&
				    r->phys + r->bytes <= map->entry[i].phys + map->entry[i].bytes;
		ND_MUST(reserved || !r->bytes);
	}
}

static bool map_says(const struct nd_map *map, uint64_t phys, uint32_t type)
{
	for (uint32_t i = 0; i < map->count; i++)
		if (map->entry[i].type == type && phys >= map->entry[i].phys &&
		    phys - map->entry[i].phys < map->entry[i].bytes)
			return true;
	return false;
}

/* RAM that is not fenced stays RAM: at each end of what there was, and behind each fence. */
static void ram_must(const struct nd_map *before, const struct nd_map *after,
		     const struct nd_fence *fence)
{
	for (uint32_t i = 0; i < before->count; i++) {
		uint64_t from = before->entry[i].phys, bytes = before->entry[i].bytes;

		for (uint32_t k = 0; k < fence->count + 2; k++) {
			uint64_t at = k == fence->count ? from
				      : k == fence->count + 1
					      ? from + bytes - 1
					      : fence->range[k].phys + fence->range[k].bytes;
			bool fenced = !map_says(before, at, ND_E820_RAM);

			for (uint32_t f = 0; f < fence->count; f++)
				fenced |= at >= fence->range[f].phys &&
					  at - fence->range[f].phys < fence->range[f].bytes;
			ND_MUST(fenced || map_says(after, at, ND_E820_RAM));
		}
	}
}

/* An address range that ends below 2^64: small numbers are near one another. */
static void range_take(struct nd_input *in, uint64_t *phys, uint64_t *bytes)
{
	unsigned int shift = nd_input_u8(in) % 48;

	*phys = (uint64_t)nd_input_u16(in) << shift;
	*bytes = (uint64_t)nd_input_u16(in) << shift;
	if (*bytes > UINT64_MAX - *phys)
		*bytes = UINT64_MAX - *phys;
}

static void fence(struct nd_input *in)
{
	unsigned int fences = nd_input_u8(in) % (FENCES_MAX + 1);
	struct nd_fence f = {0};
	struct nd_map map = {0}, before;
	uint64_t phys, bytes;

	for (unsigned int i = 0; i < fences; i++) {
		range_take(in, &phys, &bytes);
		nd_fence_add(&f, phys, bytes, ND_RANGE_GATE + i % 3);
	}
	while (nd_input_more(in)) {
		range_take(in, &phys, &bytes);
		nd_map_add(&map, phys, bytes, nd_input_u8(in) % 5);
	}
	nd_map_sort(&map);
	nd_fence_find_hidden(&f, &map);
	before = map;
	nd_fence_apply(&map, &f);
	ND_MUST(nd_map_high_ram_end(&map) >= 0x100000);
	if (!map.overflow && !f.overflow) {
		fence_must(&map, &f);
		ram_must(&before, &map, &f);
	}
}

/* The DHCP packets that PXE hands out. */
static struct {
	uint8_t *data;
	size_t bytes;
} packet[2];

int pxe_get_cached_info(int level, void **data, size_t *bytes)
{
	unsigned int i = level == PXENV_PACKET_TYPE_CACHED_REPLY;

	if (!packet[i].data)
		return 1;
	*data = packet[i].data;
	*bytes = packet[i].bytes;
	packet[i].data = NULL;
	return 0;
}

/* The cookie is put in its place, or nothing behind it would ever be looked at. */
static void lease(struct nd_input *in)
{
	unsigned int how = nd_input_u8(in);
	struct nd_options o = {.has_client_ip = how & 1, .client_ip = {10, 0, 2, 15}};
	struct nd_lease l;

	packet[0].data = nd_input_exact(in, nd_input_u16(in) % 2048, &packet[0].bytes);
	packet[1].data = how & 2 ? nd_input_exact(in, in->left, &packet[1].bytes) : NULL;
	if (packet[0].bytes >= 240)
		memcpy(packet[0].data + 236, (const uint8_t[]){99, 130, 83, 99}, 4);
	if (nd_lease_get(&l, &o)) {
		ND_MUST(l.server_count == 1 && memchr(l.host, 0, sizeof l.host));
		ND_MUST(l.client_ip[0] | l.client_ip[1] | l.client_ip[2] | l.client_ip[3]);
	}
	free(packet[0].data);
	free(packet[1].data);
	packet[0].data = packet[1].data = NULL;
}

#define WORDS_PHYS  0x200000u
#define WORDS_PAGES 4u

static _Alignas(ND_LAST_WORDS_ALIGN) uint8_t words_memory[WORDS_PAGES * ND_LAST_WORDS_ALIGN];

static struct nd_last_words *words_at(uint32_t phys)
{
	ND_MUST(phys >= WORDS_PHYS &&
		phys - WORDS_PHYS <= sizeof words_memory - sizeof(struct nd_last_words));
	return (struct nd_last_words *)(words_memory + (phys - WORDS_PHYS));
}

static unsigned int words_count(const struct nd_map *map)
{
	char text[ND_REASON_BYTES];
	uint64_t from_phys = 0;
	unsigned int count = 0;

	for (; nd_last_words_next(map, words_at, &from_phys, text); count++) {
		ND_MUST(*text && memchr(text, 0, sizeof text) && count < WORDS_PAGES);
		for (const char *c = text; *c; c++)
			ND_MUST(*c >= ' ' && *c <= '~');
	}
	return count;
}

/*
 * start u16, bytes u16 of RAM; then records: place u16, bit 15: its checksum fits; bytes of
 * text u8, and those
 */
static void last_words(struct nd_input *in)
{
	struct nd_map map = {0};
	unsigned int start = nd_input_u16(in) % sizeof words_memory;
	unsigned int bytes = nd_input_u16(in) % (sizeof words_memory - start + 1);

	memset(words_memory, 0, sizeof words_memory);
	nd_map_add(&map, WORDS_PHYS + start, bytes, ND_E820_RAM);
	while (nd_input_more(in)) {
		unsigned int place = nd_input_u16(in);
		size_t most = sizeof words_memory - sizeof(struct nd_last_words);
		struct nd_last_words *w = (void *)(words_memory + (place & 0x3fff) % most / 8 * 8);

		memcpy(w->signature, ND_LAST_WORDS_SIGNATURE, sizeof w->signature);
		nd_input_copy(in, w->text, nd_input_u8(in) % (sizeof w->text + 1));
		if (place & 0x8000)
			w->crc = nd_crc32(0, w->text, sizeof w->text);
	}
	words_count(&map);
	ND_MUST(!words_count(&map)); /* once */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static void (*const mode[])(struct nd_input *) = {options,
							  join,
							  fence,
							  lease,
							  nd_fuzz_words,
							  nd_fuzz_ram,
							  nd_fuzz_bootinfo,
							  nd_fuzz_handoff,
							  nd_fuzz_acpi,
							  last_words};
	struct nd_input in = {data, bytes};

	mode[nd_input_u8(&in) % (sizeof mode / sizeof *mode)](&in);
	return 0;
}
