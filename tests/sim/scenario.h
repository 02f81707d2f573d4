/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * scenario.h - one seed: what it draws, how it runs, and how its end is judged.
 *
 * All that goes wrong with network, server and disk is over some time before the end, so that every
 * machine that could finish must have.
 */
#ifndef TESTS_SIM_SCENARIO_H
#define TESTS_SIM_SCENARIO_H

#include <stdbool.h>
#include <stdint.h>

struct sim_result {
	char failure[512]; /* empty: all held */
	uint64_t digest;
	unsigned int machines, complete, incomplete, refused, silent; /* by what they were told */
	unsigned int lives;                                           /* of the server */
	uint64_t datagrams, pages, heap_peak, virtual_ms, wall_ms;
};

/*
 * What is broken on purpose, so that the simulator's own test sees it fail: memory that does not
 * stand still, a byte of a dump, a rename or a sync that did not happen, a line that stays down;
 * and the process.
 */
enum sim_fault {
	SIM_FAULT_NONE,
	SIM_FAULT_MEMORY,
	SIM_FAULT_BYTE,
	SIM_FAULT_RENAME,
	SIM_FAULT_SYNC,
	SIM_FAULT_LINE,
	SIM_FAULT_CRASH
};

void sim_scenario_run(uint64_t seed, bool trace, enum sim_fault fault, struct sim_result *result);

#endif
