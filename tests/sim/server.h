/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * server.h - netdumpd: the hub in server/loop.c's stead, its two sockets, its lives.
 *
 * It lives on disk.h's disk.  Killed, it is gone with what it had in memory; the next life
 * finds what is on the disk.
 */
#ifndef TESTS_SIM_SERVER_H
#define TESTS_SIM_SERVER_H

#include "server/hub.h"
#include "tests/sim/machine.h"
#include "tests/sim/network.h"

struct sim_server_options {
	uint64_t seed;
	unsigned int machines_max;
	uint32_t silence_ms, map_ms;
	struct nd_quota_limits quota;
	const struct nd_keyring *keys; /* NULL: insecure */
	unsigned int buffer;           /* datagrams that the dumps' socket holds */
	uint64_t take_ns;              /* what a datagram costs its CPU */
	uint64_t hello_ns;             /* and a HELLO */
	struct sim_network *network;
	struct sim_machine *machine; /* by number */
	unsigned int machines;
};

/* Nothing runs yet. */
void sim_server_begin(const struct sim_server_options *options);
void sim_server_end(void);

void sim_server_start(void);
/* As by SIGTERM. */
void sim_server_stop(void);
/*
 * As by SIGKILL: between two file calls; after the `calls`th from now; or so many after the rename
 * that makes the next dump final.
 */
void sim_server_kill(void);
void sim_server_kill_after(unsigned int calls);
void sim_server_kill_at_rename(unsigned int calls);
bool sim_server_runs(void);
/* How often it was started. */
unsigned int sim_server_lives(void);

/* A machine was told that it is over. */
void sim_server_told(const struct sim_machine *m);

/* Where machines find it; and another, that nobody is at. */
struct nd_agent_peer sim_server_peer(void);
struct nd_agent_peer sim_server_nobody(void);
bool sim_server_is(const struct nd_agent_peer *peer);
const struct sim_line *sim_server_line(unsigned int machine);

/* Memory that this process has taken, of whatever kind. */
uint64_t sim_heap_bytes(void);

/* The most memory that it held at once, and how often datagrams found its socket full. */
uint64_t sim_server_heap_peak(void);
uint64_t sim_server_overflows(void);
uint64_t sim_server_refused(void);

#endif
