/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report.h - what a seed's run has to say: a trace, its digest, and what did not hold. */
#ifndef TESTS_SIM_REPORT_H
#define TESTS_SIM_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* The simulator itself cannot go on. */
#define SIM_NEED(what)                                                                             \
	do {                                                                                       \
		if (!(what)) {                                                                     \
			printf("%s:%d: the simulator needs: %s\n", __FILE__, __LINE__, #what);     \
			fflush(stdout);                                                            \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

void sim_report_begin(uint64_t seed, bool trace);

/* Every step goes through here, whether it is shown or not: text with the time before it. */
__attribute__((format(printf, 1, 2))) void sim_trace(const char *format, ...);
bool sim_tracing(void);
/* Not shown for now. */
void sim_report_mute(bool on);

/* Numbers that say what happened; a run is the same as another if these were. */
void sim_digest(uint64_t a, uint64_t b);
uint64_t sim_digest_now(void);

/* Something that must hold does not: the seed has failed, and the first words count. */
__attribute__((format(printf, 1, 2))) void sim_fail(const char *format, ...);
/* NULL: nothing has failed. */
const char *sim_failure(void);

#endif
