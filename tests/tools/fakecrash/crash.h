/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * crash.h - many machines that crash at once: DINI's agent in a process, to load a server.
 *
 * Every machine has the agent that runs in DINI, an address, a socket and a memory of its own.
 * What is missing of a crash are the network driver and the wire: machines here send as fast
 * as they are asked.  Or, to compare (copy.h), as fast as plaincopy can write what they send.
 */
#ifndef TESTS_TOOLS_FAKECRASH_CRASH_H
#define TESTS_TOOLS_FAKECRASH_CRASH_H

#include <jansson.h>
#include <netinet/in.h>

#include "dini/agent.h"
#include "server/keys.h"
#include "tests/tools/fakecrash/copy.h"
#include "tests/tools/fakecrash/memory.h"

#define CRASH_MACHINES_MAX ND_KEYRING_HOSTS_MAX
#define CRASH_UNANSWERED   UINT32_MAX

struct machine {
	struct nd_agent agent;
	struct crash *crash;
	unsigned int number;
	int fd; /* -1: it is over, or has not crashed yet */
	bool begun, ready;
	struct machine *next; /* that has something to send */
	struct copy copy;     /* crash.copies */
	uint64_t start_ms, first_read_ms, end_ms;
	uint32_t status; /* enum nd_done_status, or CRASH_UNANSWERED */
};

struct crash {
	struct memory memory;
	struct nd_keyring hosts; /* keys of their own, if there are any */
	struct nd_agent_config config;
	struct sockaddr_in server;
	in_addr_t from; /* the first machine's, host byte order; 0: any */
	unsigned int machines, within_ms, deadline_s;
	bool copies;      /* nobody asks: they send all that they have, to plaincopy */
	const char *name; /* what hosts' names begin with */
	struct machine *machine;
	unsigned int begun, left;
	int epoll;
	struct machine *first, *last; /* ready */
	uint64_t begin_ms, now_ms;
};

/* Until every machine has its DONE, or gives up. */
void crash_run(struct crash *c);

void crash_host_name(const struct crash *c, unsigned int number, char name[ND_HOST_NAME_BYTES]);

/* What came of it; *complete: how many dumps are. */
json_t *crash_report(const struct crash *c, unsigned int *complete);

/* Says what cannot be done, with errno, and ends the program. */
_Noreturn void fatal(const char *what);

#endif
