// SPDX-License-Identifier: GPL-2.0-or-later
/* xen.c - a machine that Xen runs. */
#include "server/xen.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "netdump/wire.h"

#define NOTE_NAME       "Xen"
#define NOTE_CRASH_INFO 0x1000001u
#define INFO_BYTES      80 /* on x86-64 */

enum { /* offsets in it */
       INFO_MAJOR = 0,
       INFO_MINOR = 8,
       INFO_EXTRA = 16,
       INFO_LIST = 72,
};

#define EXTRA_BYTES  16 /* as XEN_EXTRAVERSION_LEN */
#define ENTRIES_BITS 9  /* of frame numbers in a page */
#define LEVELS       3
#define FRAMES_MAX   (1ull << 40) /* of 52 bits of physical address; above are marks */

void nd_xen_note(struct nd_xen *xen, const char *name, size_t name_bytes, uint32_t type,
		 const uint8_t *desc, size_t bytes)
{
	if (name_bytes != sizeof NOTE_NAME || memcmp(name, NOTE_NAME, sizeof NOTE_NAME) ||
	    type != NOTE_CRASH_INFO || bytes < INFO_BYTES)
		return;
	xen->runs = true;
	xen->major = nd_u64_at(desc + INFO_MAJOR);
	xen->minor = nd_u64_at(desc + INFO_MINOR);
	xen->extra_phys = nd_u64_at(desc + INFO_EXTRA);
	xen->list_frame = nd_u64_at(desc + INFO_LIST);
}

enum nd_mem_status nd_xen_version(const struct nd_xen *xen, const struct nd_mem *mem,
				  char text[ND_XEN_VERSION_BYTES])
{
	char extra[EXTRA_BYTES] = "";
	enum nd_mem_status status = nd_mem_read(mem, xen->extra_phys, extra, sizeof extra - 1);

	if (status == ND_MEM_WAIT)
		return status;
	if (status != ND_MEM_OK)
		extra[0] = 0;
	for (size_t i = 0; i < sizeof extra; i++)
		if (!isgraph((unsigned char)extra[i]))
			extra[i] = 0;
	snprintf(text, ND_XEN_VERSION_BYTES, "%u.%u%s", (unsigned int)xen->major % 1000,
		 (unsigned int)xen->minor % 1000, extra);
	return ND_MEM_OK;
}

enum nd_mem_status nd_xen_frame(const struct nd_xen *xen, const struct nd_mem *mem,
				uint64_t domain_frame, uint64_t *frame)
{
	uint64_t at = xen->list_frame;

	if (domain_frame >> (LEVELS * ENTRIES_BITS))
		return ND_MEM_ABSENT;
	for (unsigned int level = LEVELS; level--;) {
		uint64_t entry = domain_frame >> (level * ENTRIES_BITS);
		uint8_t next[sizeof entry];
		enum nd_mem_status status;

		entry %= 1u << ENTRIES_BITS;
		if (!at || at >= FRAMES_MAX)
			return ND_MEM_ABSENT;
		status = nd_mem_read(mem, at * ND_PAGE_BYTES + entry * sizeof entry, next,
				     sizeof next);
		if (status != ND_MEM_OK)
			return status;
		at = nd_u64_at(next);
	}
	if (!at || at >= FRAMES_MAX)
		return ND_MEM_ABSENT;
	*frame = at;
	return ND_MEM_OK;
}
