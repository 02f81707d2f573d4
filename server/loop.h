/* SPDX-License-Identifier: GPL-2.0-or-later */
/* loop.h - the event loop around the hub: socket, clock, signals. */
#ifndef NETDUMP_SERVER_LOOP_H
#define NETDUMP_SERVER_LOOP_H

#include "server/hub.h"
#include "server/link.h"

struct nd_loop_options {
	int top;     /* DIR */
	int drivers; /* of a catalogue; below 0: none */
	unsigned int machines_max;
	uint32_t silence_ms;
	uint32_t map_ms;
	unsigned int level;
	struct nd_quota_limits quota;
	const struct nd_keyring *keys; /* NULL: insecure */
};

/* Runs until SIGTERM or SIGINT.  0, or errno. */
int nd_loop_run(struct nd_link *link, const struct nd_loop_options *options);

#endif
