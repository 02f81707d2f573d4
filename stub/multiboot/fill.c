// SPDX-License-Identifier: GPL-2.0-or-later
/* fill.c - memory contents that say where they belong.  Long mode, own page tables. */
#include "stub/multiboot/fill.h"

#include "stub/multiboot/paging.h"

#define RUN_PAGES  64
#define LINE_BYTES 64
#define PAGE_LINES (ND_PAGE_BYTES / LINE_BYTES)
#define PAGE_WORDS (ND_PAGE_BYTES / sizeof(uint64_t))

enum kind { KIND_TEXT, KIND_RANDOM, KIND_ZERO, KINDS };

/* Where in a line the page's address and the line's number stand. */
#define ADDRESS_AT 11
#define NUMBER_AT  33

static void page_text(char *page, uint64_t phys)
{
	static const char form[LINE_BYTES + 1] =
		"ref page 0x0000000000000000 line 00............................\n";

	for (uint32_t line = 0; line < PAGE_LINES; line++) {
		char *to = page + line * LINE_BYTES;

		for (uint32_t i = 0; i < LINE_BYTES; i++)
			to[i] = form[i];
		for (uint32_t i = 0; i < 16; i++)
			to[ADDRESS_AT + i] = "0123456789abcdef"[phys >> (60 - 4 * i) & 15];
		to[NUMBER_AT] = (char)('0' + line / 10);
		to[NUMBER_AT + 1] = (char)('0' + line % 10);
	}
}

static void page_random(uint64_t *page, uint64_t number)
{
	uint64_t x = (number + 1) * 0x9E3779B97F4A7C15ull;

	for (uint32_t i = 0; i < PAGE_WORDS; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		page[i] = x;
	}
}

static void page_zero(uint64_t *page)
{
	for (uint32_t i = 0; i < PAGE_WORDS; i++)
		page[i] = 0;
}

uint64_t nd_fill_ram(const struct nd_ram *ram, enum nd_fill fill)
{
	uint64_t pages = 0;

	if (fill == ND_FILL_NONE)
		return 0;
	for (uint32_t i = 0; i < ram->count; i++) {
		uint64_t number = ram->range[i].from_phys / ND_PAGE_BYTES;
		uint64_t end = ram->range[i].to_phys / ND_PAGE_BYTES;

		for (; number < end; number++) {
			uint64_t phys = number * ND_PAGE_BYTES;
			void *page = (void *)(uintptr_t)(ND_DIRECT_LIN + phys);

			if (fill == ND_FILL_SOME && number % RUN_PAGES)
				continue;
			switch (fill == ND_FILL_RANDOM ? KIND_RANDOM
						       : (enum kind)(number / RUN_PAGES % KINDS)) {
			case KIND_TEXT:
				page_text(page, phys);
				break;
			case KIND_RANDOM:
				page_random(page, number);
				break;
			default:
				page_zero(page);
			}
			pages++;
		}
	}
	return pages;
}
