// SPDX-License-Identifier: GPL-2.0-or-later
/* image.c - the memory of a small crashed Linux, for the fuzzers to spoil. */
#include "tests/fuzz/image.h"

#include <elf.h>

#define PGD            ND_IMAGE_CR3
#define PUD            0x2000u
#define PMD            0x3000u
#define PRB            0x4ff8u
#define RB             0x5000u
#define DESCS          0x6000u
#define INFOS          0x8000u
#define TEXT           0xa000u
#define TEXT_PUD       0xb000u
#define TEXT_PMD       0xc000u
#define TEXT_PT        0xd000u
#define TEXT_VIRT      0xffffc90000000000u
#define ROOTS          0xe000u
#define SECTIONS       0xe800u
#define CPU_NOTE       0x11000u
#define INFO_NOTE      0x12000u
#define INFO_BYTES_MAX 0xc00u
#define COUNT          16u
#define DESC_BYTES     24u
#define INFO_BYTES     88u
#define PRESENT        0x63u
#define LARGE          0x1e3u
#define PHDRS_MAX      ((CPU_NOTE - ND_IMAGE_ELFCOREHDR - sizeof(Elf64_Ehdr)) / sizeof(Elf64_Phdr))

static const char vmcoreinfo[] =
	"OSRELEASE=6.1.0-fuzz\nPAGESIZE=4096\nSYMBOL(swapper_pg_dir)=ffffffff80001000\n"
	"NUMBER(phys_base)=0\nNUMBER(pgtable_l5_enabled)=0\nSYMBOL(prb)=ffffffff80004ff8\n"
	"SIZE(printk_ringbuffer)=88\nOFFSET(printk_ringbuffer.desc_ring)=0\n"
	"OFFSET(printk_ringbuffer.text_data_ring)=48\nSIZE(prb_desc_ring)=48\n"
	"OFFSET(prb_desc_ring.count_bits)=0\nOFFSET(prb_desc_ring.descs)=8\n"
	"OFFSET(prb_desc_ring.infos)=16\nOFFSET(prb_desc_ring.head_id)=24\n"
	"OFFSET(prb_desc_ring.tail_id)=32\nSIZE(prb_desc)=24\nOFFSET(prb_desc.state_var)=0\n"
	"OFFSET(prb_desc.text_blk_lpos)=8\nOFFSET(prb_data_blk_lpos.begin)=0\n"
	"OFFSET(prb_data_blk_lpos.next)=8\nSIZE(printk_info)=88\nOFFSET(printk_info.ts_nsec)=8\n"
	"OFFSET(printk_info.text_len)=16\nOFFSET(prb_data_ring.size_bits)=0\n"
	"OFFSET(prb_data_ring.data)=8\nOFFSET(atomic_long_t.counter)=0\n";

static const char structs_info[] =
	"SYMBOL(mem_section)=ffffffff8000e000\nLENGTH(mem_section)=4096\nSIZE(mem_section)=32\n"
	"OFFSET(mem_section.section_mem_map)=0\nNUMBER(SECTION_SIZE_BITS)=27\nSIZE(page)=64\n"
	"OFFSET(page.flags)=0\nOFFSET(page.mapping)=24\nOFFSET(page._mapcount)=48\n"
	"OFFSET(page.private)=40\nOFFSET(page.compound_dtor)=16\nOFFSET(page.compound_order)=17\n"
	"OFFSET(page.compound_head)=8\nLENGTH(zone.free_area)=11\nNUMBER(PG_lru)=4\n"
	"NUMBER(PG_private)=13\nNUMBER(PG_swapcache)=10\nNUMBER(PG_swapbacked)=19\n"
	"NUMBER(PG_slab)=9\nNUMBER(PG_hwpoison)=23\nNUMBER(PG_head_mask)=65536\n"
	"NUMBER(PAGE_BUDDY_MAPCOUNT_VALUE)=-129\nNUMBER(HUGETLB_PAGE_DTOR)=2\n"
	"NUMBER(PAGE_OFFLINE_MAPCOUNT_VALUE)=-257\n";

const char nd_image_log[] = "[    1.000000] first\n"
			    "[    1.500000] two\n"
			    "[    1.500000] lines\\x01\n"
			    "[    2.000001] Kernel panic - not syncing: it wraps\n";

static void put64(uint8_t *memory, uint32_t phys, uint64_t value)
{
	memcpy(memory + phys, &value, sizeof value);
}

static void record_put(uint8_t *memory, uint64_t id, uint64_t begin, uint64_t next,
		       uint32_t text_at, uint64_t ts_ns, const char *text)
{
	uint32_t desc = DESCS + (uint32_t)(id % COUNT) * DESC_BYTES;
	uint32_t info = INFOS + (uint32_t)(id % COUNT) * INFO_BYTES;
	uint16_t length = (uint16_t)strlen(text);

	put64(memory, desc, 2ull << 62 | id);
	put64(memory, desc + 8, begin);
	put64(memory, desc + 16, next);
	put64(memory, info + 8, ts_ns);
	memcpy(memory + info + 16, &length, sizeof length);
	put64(memory, TEXT + text_at, id);
	memcpy(memory + TEXT + text_at + 8, text, length);
}

/* Three records in a ring of 256 bytes: the last wraps to its start. */
static void ring_put(uint8_t *memory)
{
	put64(memory, PRB, ND_IMAGE_KERNEL + RB);
	memory[RB] = 4; /* count_bits */
	put64(memory, RB + 8, ND_IMAGE_KERNEL + DESCS);
	put64(memory, RB + 16, ND_IMAGE_KERNEL + INFOS);
	put64(memory, RB + 24, 22);
	put64(memory, RB + 32, 20);
	memory[RB + 48] = 8; /* size_bits */
	put64(memory, RB + 56, TEXT_VIRT);
	record_put(memory, 20, 512 + 160, 512 + 184, 160, 1000000000, "first");
	record_put(memory, 21, 512 + 184, 512 + 208, 184, 1500000000, "two\nlines\1");
	record_put(memory, 22, 512 + 208, 768 + 56, 0, 2000001000,
		   "Kernel panic - not syncing: it wraps");
}

static void tables_put(uint8_t *memory)
{
	put64(memory, PGD + 511 * 8, PUD | PRESENT);
	put64(memory, PUD + 510 * 8, PMD | PRESENT);
	put64(memory, PMD, LARGE);
	put64(memory, PGD + (TEXT_VIRT >> 39 & 511) * 8, TEXT_PUD | PRESENT);
	put64(memory, TEXT_PUD + (TEXT_VIRT >> 30 & 511) * 8, TEXT_PMD | PRESENT);
	put64(memory, TEXT_PMD, TEXT_PT | PRESENT);
	put64(memory, TEXT_PT, TEXT | PRESENT);
}

static void note_put(uint8_t *at, const char *name, uint32_t type, const void *desc, uint32_t bytes)
{
	Elf64_Nhdr n = {(uint32_t)strlen(name) + 1, bytes, type};

	memcpy(at, &n, sizeof n);
	memcpy(at + sizeof n, name, n.n_namesz);
	memcpy(at + sizeof n + (n.n_namesz + 3u) / 4 * 4, desc, bytes);
}

static Elf64_Phdr segment(uint32_t type, uint64_t phys, uint64_t bytes)
{
	return (Elf64_Phdr){
		.p_type = type,
		.p_flags = PF_R,
		.p_offset = phys,
		.p_vaddr = type == PT_LOAD ? 0xffff888000000000u + phys : 0,
		.p_paddr = type == PT_LOAD ? phys : 0,
		.p_filesz = bytes,
		.p_memsz = bytes,
	};
}

static void header_put(uint8_t *memory)
{
	static const uint8_t registers[336] = "registers";
	Elf64_Ehdr ehdr = {
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			    EV_CURRENT},
		.e_type = ET_CORE,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof ehdr,
		.e_ehsize = sizeof ehdr,
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 4,
	};
	const Elf64_Phdr phdr[4] = {
		segment(PT_NOTE, CPU_NOTE, 0x400),
		segment(PT_NOTE, INFO_NOTE, INFO_BYTES_MAX),
		segment(PT_LOAD, 0x1000, 0xf000),
		segment(PT_LOAD, ND_IMAGE_REST, ND_IMAGE_BYTES - ND_IMAGE_REST),
	};

	memcpy(memory + ND_IMAGE_ELFCOREHDR, &ehdr, sizeof ehdr);
	memcpy(memory + ND_IMAGE_ELFCOREHDR + sizeof ehdr, phdr, sizeof phdr);
	note_put(memory + CPU_NOTE, "CORE", NT_PRSTATUS, registers, sizeof registers);
	note_put(memory + INFO_NOTE, "VMCOREINFO", 0, vmcoreinfo, sizeof vmcoreinfo - 1);
}

void nd_image_make(uint8_t memory[ND_IMAGE_BYTES])
{
	memset(memory, 0, ND_IMAGE_BYTES);
	for (uint32_t at = ND_IMAGE_REST; at < ND_IMAGE_REST + 0x8000; at++)
		memory[at] = (uint8_t)(at * at >> 7);
	tables_put(memory);
	ring_put(memory);
	header_put(memory);
}

void nd_image_structs_put(uint8_t memory[ND_IMAGE_BYTES])
{
	char text[sizeof vmcoreinfo + sizeof structs_info];
	const int32_t free_page = -129;

	memcpy(text, vmcoreinfo, sizeof vmcoreinfo - 1);
	memcpy(text + sizeof vmcoreinfo - 1, structs_info, sizeof structs_info);
	note_put(memory + INFO_NOTE, "VMCOREINFO", 0, text, sizeof text - 2);
	put64(memory, ROOTS, ND_IMAGE_KERNEL + SECTIONS);
	put64(memory, SECTIONS, (ND_IMAGE_KERNEL + ND_IMAGE_STRUCTS) | 1);
	memcpy(memory + ND_IMAGE_STRUCTS + ND_IMAGE_FREE * 64 + 48, &free_page, sizeof free_page);
	put64(memory, ND_IMAGE_STRUCTS + ND_IMAGE_FREE * 64 + 40, 4);
	for (uint32_t page = ND_IMAGE_USER; page < ND_IMAGE_PAGES; page += 2)
		put64(memory, ND_IMAGE_STRUCTS + page * 64 + 24, ND_IMAGE_KERNEL | 1);
}

/* A machine of many CPUs has as many notes: the first of its headers so often, then memory. */
static void header_repeat(uint8_t *memory, unsigned int count)
{
	Elf64_Phdr *phdr = (Elf64_Phdr *)(memory + ND_IMAGE_ELFCOREHDR + sizeof(Elf64_Ehdr));
	Elf64_Phdr load = phdr[3];

	for (unsigned int i = 1; i < count; i++)
		phdr[i] = phdr[0];
	phdr[count] = load;
	((Elf64_Ehdr *)(memory + ND_IMAGE_ELFCOREHDR))->e_phnum = (Elf64_Half)(count + 1);
}

void nd_image_spoil(uint8_t memory[ND_IMAGE_BYTES], struct nd_input *in)
{
	static const struct {
		uint32_t phys, bytes;
	} region[] = {
		{ND_IMAGE_ELFCOREHDR, 64 + 8 * 56},
		{CPU_NOTE, 512},
		{INFO_NOTE, 0x600},
		{PGD + 511 * 8, 8},
		{PUD + 510 * 8, 16},
		{PMD, 32},
		{TEXT_PMD, 16},
		{TEXT_PT, 64},
		{PRB, 8},
		{RB, 88},
		{DESCS, COUNT * DESC_BYTES},
		{INFOS, COUNT * INFO_BYTES},
		{TEXT, 256},
		{0, ND_IMAGE_BYTES},
	};
	unsigned int which = nd_input_u8(in) % (sizeof region / sizeof *region + 1);
	uint32_t offset;
	size_t bytes, room;

	if (which == sizeof region / sizeof *region) {
		header_repeat(memory, nd_input_u8(in) % (PHDRS_MAX - 1) + 1);
		return;
	}
	offset = nd_input_u16(in) % region[which].bytes;
	bytes = nd_input_u8(in) % 64 + 1;
	room = region[which].bytes - offset;
	if (bytes > room)
		bytes = room;
	if (bytes > in->left)
		bytes = in->left;
	nd_input_copy(in, memory + region[which].phys + offset, bytes);
}
