/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * network.h - lines between machines and a switch, and the server's port on it.
 *
 *   machine --line.rate--> switch --port.rate, finite queue--> server
 *   machine <--line.rate, finite queue-- switch <--port.rate-- server
 *
 * What goes wrong goes wrong at the switch, on the machine's line: lost, twice, late, damaged.
 * A damaged datagram arrives where it is sealed; where it is plain, UDP's checksum finds it.
 * Where they are sealed, somebody on the way may repeat HELLOs from an address of his own.
 */
#ifndef TESTS_SIM_NETWORK_H
#define TESTS_SIM_NETWORK_H

#include "netdump/wire.h"
#include "tests/sim/chance.h"

enum sim_way { SIM_UP, SIM_DOWN }; /* to the server, and back */

struct sim_packet {
	struct sim_packet *next;        /* the holder's */
	struct sim_packet *made_before; /* of all */
	unsigned int machine;
	enum sim_way way;
	bool repeated; /* by somebody who saw it pass, from an address of his own */
	size_t bytes;
	uint64_t data[ND_WIRE_DATAGRAM_MAX / 8];
};

/* A wire in one direction: what is being sent ends at free_ns. */
struct sim_wire {
	uint64_t bits_per_s;
	uint64_t queue_bytes; /* that may wait; the rest is dropped */
	uint64_t free_ns;
};

struct sim_line {
	struct sim_wire wire[2];
	uint64_t delay_ns, jitter_ns; /* each way; up to so much more */
	uint32_t loss_ppm[2];
	uint32_t twice_ppm, late_ppm, damage_ppm, repeat_ppm;
	uint64_t late_ns;       /* at most */
	uint64_t arrived_bytes; /* at the server */
};

struct sim_network {
	unsigned int lines;
	struct sim_line *line;   /* one for each machine */
	struct sim_wire port[2]; /* the server's */
	bool sealed;             /* damaged datagrams arrive */
	/* nothing passes on a line, or (all_down) on any */
	uint64_t *line_down_ns; /* until then, one for each */
	uint64_t all_down_ns;
	void (*arrive[2])(struct sim_packet *p); /* they free it */
	uint64_t sent[2], dropped[2], lost[2];
};

void sim_network_begin(uint64_t seed, struct sim_network *network);

/* Sends at when_ns, which is not before the present. */
void sim_network_send(unsigned int machine, enum sim_way way, uint64_t when_ns, const void *data,
		      size_t bytes);

/* When a machine's own line will have sent what it was given. */
uint64_t sim_network_free_ns(unsigned int machine);

void sim_packet_free(struct sim_packet *p);
uint64_t sim_packet_heap_bytes(void);
/* Frees all packets, whoever holds them. */
void sim_network_end(void);

#endif
