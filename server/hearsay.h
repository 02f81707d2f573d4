/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hearsay.h - last words of crashes that left no dump: DIR/HOST/last-words.log.
 *
 * A machine's next boot says them, with no key that could vouch for it.  So nobody believes them:
 * they are a line in a file of bounded size, in a folder that is named like those of dumps, and
 * nothing else comes of them.
 */
#ifndef NETDUMP_SERVER_HEARSAY_H
#define NETDUMP_SERVER_HEARSAY_H

#include <netinet/in.h>

#include "netdump/wire.h"
#include "server/bucket.h"
#include "server/quota.h"

#define ND_HEARSAY_NAME      "last-words.log"
#define ND_HEARSAY_OLD_NAME  "last-words.log.1"
#define ND_HEARSAY_BYTES     (64u << 10) /* then it is renamed, over the one before */
#define ND_HEARSAY_HOSTS_MAX 4096        /* with so many folders in DIR, strangers make no more */

struct nd_hearsay {
	int top; /* DIR */
	struct nd_quota *quota;
	struct nd_bucket names; /* folders that may be made */
};

void nd_hearsay_init(struct nd_hearsay *h, int top, struct nd_quota *quota);

/* Of a checked message: keeps a line of it, or not, and logs it. */
void nd_hearsay_take(struct nd_hearsay *h, uint64_t now_ms, double now_s,
		     const struct sockaddr_in *from, const struct nd_wire_last_words *words);

#endif
