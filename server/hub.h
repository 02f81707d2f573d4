/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hub.h - all machines at once: who a datagram belongs to, who may be in flight with how
 * much, who has finished.
 *
 * No sockets and no clock in here: datagrams and the time are passed in.  The server runs
 * it from its event loop, the simulator on virtual time.
 */
#ifndef NETDUMP_SERVER_HUB_H
#define NETDUMP_SERVER_HUB_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "server/door.h"
#include "server/quota.h"

struct nd_hub;

struct nd_hub_options {
	int top;     /* DIR */
	int drivers; /* of a catalogue; below 0: none */
	unsigned int machines_max;
	uint32_t silence_ms; /* after which a machine counts as gone */
	uint32_t pool_bytes; /* datagram payload that our socket's buffer holds */
	uint32_t map_ms;     /* from one map of a dump to the next */
	unsigned int level;  /* of dumps, as select.h has it */
	struct nd_quota_limits quota;
	int event_fd; /* counted up when a dump's thread has news; tick then, which reads it (it
		       * does not block).  Below 0: no threads, every call does its work before it
		       * returns. */
	const struct nd_keyring *keys; /* NULL: insecure, all is plain */
	nd_random_fn *random;          /* with keys: random bytes for handshakes */
	nd_send_fn *send;              /* one datagram; its loss is made good like any other */
	void *context;                 /* of both */
};

/* The present: milliseconds that only go up, and the wall clock, for dates only. */
struct nd_now {
	uint64_t ms;
	double s;
};

/* NULL: no memory. */
struct nd_hub *nd_hub_new(const struct nd_hub_options *options);

/*
 * HELLOs that it would take now, at most ND_DOOR_TURN: those that need not be handed to it
 * yet had better wait, for what is beyond this is refused.
 */
unsigned int nd_hub_welcome(struct nd_hub *hub, struct nd_now now);

/* Takes one datagram of any content; 8-byte aligned, and the hub may write to it. */
void nd_hub_datagram(struct nd_hub *hub, struct nd_now now, const struct sockaddr_in *from,
		     void *datagram, size_t bytes);

/* Timers of all machines; returns when the next is due, at most a second from now. */
uint64_t nd_hub_tick(struct nd_hub *hub, struct nd_now now);

/* Dumps under way are kept as incomplete, without a word to their machines; frees all. */
void nd_hub_stop(struct nd_hub *hub, struct nd_now now);

/* Datagrams that were refused so far, for whatever reason. */
uint64_t nd_hub_refused(const struct nd_hub *hub);

#endif
