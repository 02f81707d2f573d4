/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * machine.h - a crashed machine: DINI's own agent, turning as dini/main.c turns it, over
 * memory.h's memory and a network card with a short ring.
 */
#ifndef TESTS_SIM_MACHINE_H
#define TESTS_SIM_MACHINE_H

#include "dini/agent.h"
#include "tests/sim/memory.h"
#include "tests/sim/network.h"

enum sim_outcome { SIM_RUNS, SIM_TOLD, SIM_GAVE_UP, SIM_SILENT };

struct sim_machine {
	unsigned int number;
	char host[ND_HOST_NAME_BYTES]; /* the folder of its dumps */
	bool locked_out;               /* its key is not the server's */
	enum sim_outcome outcome;
	enum nd_done_status status; /* that it was told */
	unsigned int told_life;     /* of the server, in which it was */
	char text[ND_DONE_TEXT_BYTES];
	unsigned int unsaid; /* attempts to write down why it is incomplete that failed */
	uint64_t session;
	uint8_t token[ND_HELLO_TOKEN_BYTES];
	uint64_t heard_ns;               /* 0: no word yet */
	uint64_t begin_ns, end_ns;       /* of the crash; when the outcome was there */
	uint64_t silent_ns, deadline_ns; /* it breaks down then; no word for so long: it gives up */
	uint64_t send_ns, take_ns;       /* what a datagram costs its CPU */
	struct nd_agent agent;
	struct sim_memory memory;
	struct sim_packet *ring, *ring_last;
	unsigned int ringed;
	uint64_t wake_ns, busy_ns;
};

/* The crash; config has what does not follow from the machine. */
void sim_machine_begin(struct sim_machine *m, const struct nd_agent_config *config);

/* A datagram arrives at its card. */
void sim_machine_arrive(struct sim_machine *m, struct sim_packet *p);

#endif
