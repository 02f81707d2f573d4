/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * netdump.h - what the parts of netdump.c32 call of each other.
 *
 * 32-bit protected mode, PXELINUX running.  A function that can fail prints what
 * failed and what to do, and returns false.
 */
#ifndef COM32_NETDUMP_H
#define COM32_NETDUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <netdump/handoff.h>
#include "fence.h"
#include "options.h"

/* A pointer to low memory that the compiler takes for what it is, page 0 included. */
static inline volatile void *nd_low(uint32_t phys)
{
	__asm__("" : "+r"(phys));
	return (volatile void *)phys;
}

/* What to do where this machine, not the configuration, is in the way. */
#define ND_TRY_WITHOUT "boot without netdump, by hand or by fallback=boot"

/* error.c */
void nd_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* file.c: a file, unpacked if it is compressed; free() gives it back. */
bool nd_file_load(const char *name, void **data, size_t *bytes);
/* Says why `name` could not be loaded: it is not there, or there is no memory for it. */
void nd_file_failed(const char *name);

/* e820.c: the BIOS's map as it is now, sorted. */
bool nd_e820_read(struct nd_map *map);

/* lease.c: addresses from PXE's DHCP packets, options over them. */
struct nd_lease {
	uint8_t mac[6], client_ip[4], netmask[4], gateway[4];
	uint8_t server_ip[ND_SERVERS_MAX][4];
	uint32_t server_count;
	char host[ND_HOST_BYTES];
};
bool nd_lease_get(struct nd_lease *lease, const struct nd_options *options);

/* tell.c: what the crash before this boot left to be told, once; the last of it stays in text. */
void nd_last_words_tell(const struct nd_lease *lease, uint16_t port, char text[ND_REASON_BYTES]);

/* pci.c: where the NIC is that UNDI drives; then it and the bridges above, as they are now. */
bool nd_pci_find(uint16_t *bdf);
uint32_t nd_pci_copy(uint16_t bdf, struct nd_pci_copy *copy, uint32_t max);

/* region.c: the memory that is fenced, and the way back while nothing is booted. */
struct nd_region {
	uint32_t gate_phys; /* 0: not taken */
	uint32_t dini_phys; /* 0: not taken */
	struct nd_dini_header dini;
	struct netdump_gate_header *gate; /* in place */
	struct nd_map map;                /* as the system will see it */
	struct nd_fence fence;
	struct netdump_undi undi;
	uint32_t int15_before;
};
bool nd_gate_check(void);
bool nd_dini_check(const char *name, const void *file, size_t bytes);
/* Of a gate and a DINI file that were checked. */
bool nd_region_take(struct nd_region *region, const void *dini_file, size_t dini_bytes);
void nd_region_give(struct nd_region *region);

/* handoff.c: writes the block, and seals when PXELINUX lets go.  last_words: of the crash before
 * this boot, or empty. */
bool nd_handoff_arm(struct nd_region *region, const struct nd_options *options,
		    const struct nd_lease *lease, const char last_words[ND_REASON_BYTES]);

/* linux.c, multiboot.c: load everything first, boot later; boot returns only on failure. */
struct nd_image {
	void *data;
	size_t bytes;
	char **argv; /* image, arguments, "---", modules */
	bool linux_kernel;
	void *loaded; /* the loader's own */
};
bool nd_linux_load(struct nd_image *image);
void nd_linux_boot(struct nd_image *image, const char *extra_word);
void nd_linux_free(struct nd_image *image);
bool nd_multiboot_load(struct nd_image *image);
void nd_multiboot_boot(struct nd_image *image, const char *extra_word);
void nd_multiboot_free(struct nd_image *image);

#define ND_MODULE_SEPARATOR "---"

/*
 * words.c: argv[0..] up to the separator or NULL, joined by blanks, extra behind the
 * first: at the end a long line might lose it.  NULL: no memory.
 */
char *nd_words_join(char **argv, const char *extra);

#endif
