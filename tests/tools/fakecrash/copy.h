/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * copy.h - a machine that nobody asks: it sends the datagrams of its whole dump to plaincopy.
 *
 * They are made as ever, packed and sealed, and as costly; but what receives them knows nothing
 * of them.  It writes them to the disk as they are, and says how many bytes it has written, so
 * that no more are under way than its socket holds.
 */
#ifndef TESTS_TOOLS_FAKECRASH_COPY_H
#define TESTS_TOOLS_FAKECRASH_COPY_H

#include "dini/agent.h"
#include "tests/tools/fakecrash/memory.h"
#include "wire/secure.h"

/*
 * From plaincopy: bytes that are written, or COPY_DONE, all is on the disk.  To it: datagrams,
 * and an empty one behind the last.
 */
#define COPY_DONE UINT32_MAX

/* What each may have under way; plaincopy writes when half of it is here. */
#define COPY_WINDOW_BYTES 262144     /* as netdumpd's for one machine */
#define COPY_POOL_BYTES   (12 << 20) /* of all of them; plaincopy's socket holds more */
static inline uint32_t copy_window_bytes(unsigned int machines)
{
	uint32_t share = COPY_POOL_BYTES / machines;

	return share < COPY_WINDOW_BYTES ? share : COPY_WINDOW_BYTES;
}

struct copy {
	struct nd_keys keys;
	uint64_t page, end; /* next to be sent; behind the last */
	int64_t window_bytes;
	bool ended;
};

void copy_begin(struct copy *c, struct nd_agent *agent, const struct memory *memory,
		unsigned int machines);
void copy_input(struct copy *c, struct nd_agent *agent, const void *datagram, size_t bytes,
		uint64_t now_ms);

/* Whether there is something to send, and it may be sent now. */
bool copy_has_more(const struct copy *c);

/* The next datagram, maybe empty, in a buffer for one, 8-byte aligned.  False: none now. */
bool copy_output(struct copy *c, struct nd_agent *agent, void *buffer, size_t *bytes);

#endif
