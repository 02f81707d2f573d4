// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * stub.c - modes of the fuzzer `boot`: what the stubs, the reference kernel and DINI at its
 * start read.  Physical memory is nd_fuzz_phys.
 */
#include <sys/mman.h>

#include "dini/boot.h"
#include "dini/memory.h"
#include "dini/quiesce.h"
#include "dini/seal.h"
#include "stub/common/find.h"
#include "stub/common/seal.h"
#include "stub/common/serial.h"
#include "stub/common/words.h"
#include "stub/multiboot/bootinfo.h"
#include "stub/multiboot/multiboot.h"
#include "stub/multiboot/ram.h"
#include "tests/fuzz/boot.h"
#include "tests/fuzz/shim/phys.h"

#define FOUR_GIB     0x100000000ull
#define RAM_UNITS    256u
#define RAM_STEPS    200
#define SEALED_BYTES 4096u /* of a range, at most: the checksum is slow here */

uint8_t *nd_fuzz_phys;
struct nd_boot nd_boot;
struct nd_last_words nd_last_words;
uint64_t nd_window_directory[512];

const void *nd_quiesce_page0(void)
{
	return NULL;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	nd_fuzz_phys = mmap(NULL, FOUR_GIB + ND_PAGE_BYTES, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ND_MUST(nd_fuzz_phys != MAP_FAILED);
	return 0;
}

static void number_must(struct nd_word value, bool good, uint64_t number)
{
	char text[64], *end;
	bool suffixed;

	if (!good || value.bytes >= sizeof text)
		return;
	memcpy(text, value.text, value.bytes);
	text[value.bytes] = 0;
	suffixed = value.bytes && strchr("kKmMgG", text[value.bytes - 1]);
	if (!suffixed)
		ND_MUST(strtoull(text, &end, text[0] == '0' && (text[1] | 32) == 'x' ? 16 : 10) ==
				number &&
			!*end);
}

void nd_fuzz_words(struct nd_input *in)
{
	static const char *const key[] = {"netdump=", "elfcorehdr=", "stub=", ""};
	const char *wanted = key[nd_input_u8(in) % 4];
	char *line = nd_input_text(in, in->left);
	size_t bytes = strlen(line);
	struct nd_word value = {NULL, 0};
	uint64_t number = 0, size = 0;

	if (nd_word_find(line, wanted, &value)) {
		ND_MUST(value.text >= line + strlen(wanted) && value.text <= line + bytes);
		ND_MUST(value.bytes <= (size_t)(line + bytes - value.text));
		ND_MUST(!memcmp(value.text - strlen(wanted), wanted, strlen(wanted)));
		number_must(value, nd_word_number(value, &number), number);
		nd_word_extent(value, &number, &size);
		nd_word_is(value, "halt");
	} else {
		ND_MUST(bytes >= ND_LINE_BYTES || !*wanted || !strstr(line, wanted) ||
			strstr(line, wanted) != line);
	}
	free(line);
}

/* Sorted and disjoint, and the same memory as in the model. */
static void ram_must(const struct nd_ram *ram, const bool *model)
{
	unsigned int at = 0;

	ND_MUST(ram->count <= ND_RAM_MAX);
	for (uint32_t i = 0; i < ram->count; i++) {
		const struct nd_ram_range *r = &ram->range[i];

		ND_MUST(r->from_phys < r->to_phys && r->to_phys <= RAM_UNITS);
		ND_MUST(!i || ram->range[i - 1].to_phys <= r->from_phys);
		for (; at < r->from_phys; at++)
			ND_MUST(!model[at]);
		for (; at < r->to_phys; at++)
			ND_MUST(model[at]);
	}
	for (; at < RAM_UNITS; at++)
		ND_MUST(!model[at]);
}

void nd_fuzz_ram(struct nd_input *in)
{
	struct nd_ram ram = {0};
	bool model[RAM_UNITS] = {false};
	uint64_t bytes = 0;

	for (unsigned int i = 0; i < RAM_STEPS && nd_input_more(in); i++) {
		bool add = nd_input_u8(in) & 1;
		unsigned int from = nd_input_u8(in), to = nd_input_u8(in);
		bool done = add ? nd_ram_add(&ram, from, to) : nd_ram_cut(&ram, from, to);

		for (unsigned int at = from; at < to && done; at++)
			model[at] = add;
		ND_MUST(done || ram.count >= ND_RAM_MAX - 1);
		ram_must(&ram, model);
	}
	for (unsigned int at = 0; at < RAM_UNITS; at++)
		bytes += model[at];
	ND_MUST(nd_ram_bytes(&ram) == bytes);
	/* Far up, where rounding could wrap. */
	nd_ram_add(&ram, UINT64_MAX - nd_input_u16(in), UINT64_MAX - nd_input_u16(in));
	nd_ram_whole_pages(&ram);
	for (uint32_t i = 0; i < ram.count; i++)
		ND_MUST(ram.range[i].from_phys % ND_PAGE_BYTES == 0 &&
			ram.range[i].to_phys % ND_PAGE_BYTES == 0 &&
			ram.range[i].from_phys < ram.range[i].to_phys);
}

void nd_serial_print(const char *format, ...)
{
	(void)format;
}

/* All of it in one page, with the loader's structure first. */
void nd_fuzz_bootinfo(struct nd_input *in)
{
	static struct nd_bootinfo info;
	const uint32_t at = 0x10000;

	nd_input_copy(in, nd_fuzz_phys + at, ND_PAGE_BYTES);
	memset(&info, 0, sizeof info);
	nd_bootinfo_read(&info, at);
	ND_MUST(info.range_count <= ND_BOOT_RANGES_MAX);
	ND_MUST(info.module_count <= ND_BOOT_MODULES_MAX);
	ND_MUST(memchr(info.line, 0, sizeof info.line));
	for (uint32_t i = 0; i < info.range_count; i++)
		ND_MUST(info.range[i].from_phys < info.range[i].to_phys);
	for (uint32_t i = 0; i < info.module_count; i++)
		ND_MUST(info.module[i].from_phys <= info.module[i].to_phys &&
			memchr(info.module[i].line, 0, sizeof info.module[i].line));
	memset(nd_fuzz_phys + at, 0, ND_PAGE_BYTES);
}

/* A block as netdump.c32 leaves it. */
static void handoff_make(struct nd_handoff *h, uint32_t phys)
{
	memset(h, 0, sizeof *h);
	memcpy(h->signature, ND_HANDOFF_SIGNATURE, sizeof h->signature);
	h->version = ND_HANDOFF_VERSION;
	h->bytes = sizeof *h;
	h->gate_phys = phys;
	h->gate_bytes = 0x10000;
	h->gate_entry_phys = phys + 0xc00;
	h->gate_call_phys = phys + 0x1800;
	h->tx_slots_phys = phys + 0x2000;
	h->rx_slots_phys = phys + 0x8000;
	h->tx_slots = h->rx_slots = 4;
	h->slot_bytes = ND_GATE_SLOT_BYTES;
	h->dini_phys = 0x1000000;
	h->dini_bytes = 0x100000;
	h->dini_image_bytes = 0x8000;
	h->dini_entry_phys = 0x1000014;
	h->server_count = 1;
	h->security = ND_SECURITY_PLAIN;
	h->seed[0] = 1;
	h->seal_count = 1;
	h->seal[0] = (struct nd_seal_range){phys + 0xc00, 0xa00};
	h->low_copy_phys = phys + 0xc00;
	h->pci_copy_phys = phys + 0x1100;
	h->pci_copy_count = 2;
	h->map_count = 2;
	h->map[0] = (struct nd_range){0x100000, 0x3f00000, ND_RANGE_RAM, 0};
	h->map[1] = (struct nd_range){0x1000000, 0x100000, ND_RANGE_DINI, 0};
}

/* The checksums made to fit, as an accident never would, but a second writer may. */
static void handoff_repair(struct nd_handoff *h)
{
	uint32_t crc = 0;

	for (uint32_t i = 0; i < h->seal_count && i < ND_SEAL_RANGES_MAX; i++) {
		struct nd_seal_range *r = &h->seal[i];

		if ((uint64_t)r->phys + r->bytes <= FOUR_GIB)
			r->bytes %= SEALED_BYTES;
		if ((uint64_t)r->phys + r->bytes <= FOUR_GIB)
			crc = nd_crc32(crc, nd_fuzz_phys + r->phys, r->bytes);
	}
	h->seal_crc = crc;
	h->crc = nd_handoff_crc(h);
}

static bool inside(uint64_t phys, uint64_t bytes, uint64_t from, uint64_t to)
{
	return phys >= from && bytes <= to - from && phys - from <= to - from - bytes;
}

static bool is_sealed(const struct nd_handoff *h, uint64_t phys, uint64_t bytes)
{
	for (uint32_t i = 0; i < h->seal_count; i++)
		if (inside(phys, bytes, h->seal[i].phys,
			   (uint64_t)h->seal[i].phys + h->seal[i].bytes))
			return true;
	return false;
}

/* What DINI goes by once it has taken a block. */
static void block_must(const struct nd_handoff *h)
{
	ND_MUST(h->server_count && h->server_count <= ND_SERVERS_MAX);
	ND_MUST(h->map_count <= ND_MAP_RANGES_MAX && h->pci_copy_count <= ND_PCI_MAX);
	ND_MUST(memchr(h->host, 0, sizeof h->host));
	ND_MUST(h->dini_phys == nd_boot.base_phys);
	ND_MUST(h->security >= ND_SECURITY_PLAIN && h->security <= ND_SECURITY_NKPSK0);
	ND_MUST(inside(h->tx_slots_phys, (uint64_t)h->tx_slots * h->slot_bytes, 0x500, 0x100000));
	ND_MUST(inside(h->rx_slots_phys, (uint64_t)h->rx_slots * h->slot_bytes, 0x500, 0x100000));
	ND_MUST(inside(h->gate_call_phys, sizeof(struct nd_gate_call), 0x500, 0x100000));
	ND_MUST(is_sealed(h, h->gate_entry_phys, 1));
	ND_MUST(is_sealed(h, h->low_copy_phys, ND_LOW_COPY_BYTES));
	ND_MUST(!h->pci_copy_count ||
		is_sealed(h, h->pci_copy_phys, h->pci_copy_count * sizeof(struct nd_pci_copy)));
	for (uint32_t i = 0; i < h->seal_count; i++)
		ND_MUST(inside(h->seal[i].phys, h->seal[i].bytes, 0, FOUR_GIB));
}

/* No page of which a byte is fenced, and none that is not wholly RAM. */
static void page_must(const struct nd_handoff *h, uint32_t phys)
{
	bool ram = false;

	if (!nd_memory_page(NULL, phys))
		return;
	for (uint32_t i = 0; i < h->map_count; i++) {
		uint64_t from = h->map[i].phys, bytes = h->map[i].bytes;
		uint64_t last =
			bytes && bytes - 1 <= UINT64_MAX - from ? from + (bytes - 1) : UINT64_MAX;

		if (h->map[i].kind == ND_RANGE_RAM)
			ram |= bytes >= ND_PAGE_BYTES && phys >= from &&
			       phys - from <= bytes - ND_PAGE_BYTES;
		else
			ND_MUST(!bytes || last < phys || from > phys + (uint64_t)ND_PAGE_BYTES - 1);
	}
	ND_MUST(ram);
}

/*
 * place u8; spoilt: offset u16, bytes u8, and those; how u8: bit 0: checksums fit, bit 1:
 * all memory is looked through; then pages u32 that are asked for
 */
void nd_fuzz_handoff(struct nd_input *in)
{
	uint32_t phys = 0x500 + nd_input_u8(in) * 0xff0u, found = 0, damaged = 0;
	struct nd_handoff *h = (void *)(nd_fuzz_phys + (phys & ~15u)), copy;
	uint32_t offset = nd_input_u16(in) % sizeof *h;
	size_t bytes = nd_input_u8(in);
	const char *why = NULL;
	unsigned int how;

	phys &= ~15u;
	handoff_make(h, phys);
	nd_boot.base_phys = h->dini_phys;
	if (bytes > sizeof *h - offset)
		bytes = sizeof *h - offset;
	if (bytes > in->left)
		bytes = in->left;
	nd_input_copy(in, (uint8_t *)h + offset, bytes);
	how = nd_input_u8(in);
	if (how & 1)
		handoff_repair(h);
	while (how & 2 && (found = nd_find_next(nd_fuzz_phys, found, &damaged)) != 0) {
		ND_MUST(found == phys && nd_handoff_valid(h) && damaged == 0);
		found += ND_HANDOFF_ALIGN;
	}
	if (nd_find_at(nd_fuzz_phys, phys))
		nd_seal_holds(h);
	if (nd_seal_block_take(phys, &copy, &why) == 0 && nd_seal_check(&copy, &why) == 0) {
		block_must(&copy);
		nd_memory_init(copy.map, copy.map_count);
		while (nd_input_more(in))
			page_must(&copy, nd_input_u32(in) & ~(uint32_t)(ND_PAGE_BYTES - 1));
		nd_seal_seed_wipe(phys);
		ND_MUST(nd_handoff_valid(h) && !h->seed[0]);
	} else {
		ND_MUST(why);
		nd_seal_last_words(phys, why);
		ND_MUST(!strcmp(h->last_words, why) && !strcmp(nd_last_words.text, why));
	}
	memset(h, 0, sizeof *h);
}
