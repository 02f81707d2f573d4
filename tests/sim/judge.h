/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * judge.h - holds what lies on the disk against what the machines have.
 *
 * It reads dumps by itself: ELF by the book, map.json and info.json by jansson; of the
 * server's code only the check of a map's seal and sums, by which the next life goes.
 */
#ifndef TESTS_SIM_JUDGE_H
#define TESTS_SIM_JUDGE_H

#include "tests/sim/machine.h"

struct sim_verdict {
	unsigned int complete, partial, wrong;
};

/* rotten: the disk does not store what it is given, so that sums may find pages wrong. */
void sim_judge_begin(struct sim_machine *machine, unsigned int machines, bool rotten);

/*
 * Every folder there is.  What is wrong is said by sim_fail().  stopped: the server ended in
 * good order, so all that it told a machine in this life is written down.
 */
struct sim_verdict sim_judge_all(bool stopped);

/* A line of the server's log. */
void sim_judge_line(const char *line);

/* A machine is told, or is about to be, that its dump is complete: then it lies there. */
void sim_judge_told(const struct sim_machine *m);

#endif
