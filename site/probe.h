/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * probe.h - whether a netdumpd answers, by asking it what it has to refuse.
 *
 * A dry run that is none, without anything to send: netdumpd says ND_DONE_REFUSED at once, and
 * keeps nothing of it, neither a machine nor a file, but a line in its log.  Where there are keys,
 * only who has the server's private one (and the host's own, if there is that) can say so.
 */
#ifndef NETDUMP_SITE_PROBE_H
#define NETDUMP_SITE_PROBE_H

#include <stdint.h>

#include "com32/netdump/options.h"

struct nd_probe {
	const struct nd_options *options; /* its keys and its port */
	const uint8_t *key;               /* the server's, NULL: in the clear */
	uint8_t server_ip[4];
	uint8_t mac[6]; /* who asks */
	unsigned int wait_ms;
};

/* True: it answers, after *took_ms.  Else why says how it does not. */
bool nd_probe_ask(const struct nd_probe *p, unsigned int *took_ms, char why[128]);

#endif
