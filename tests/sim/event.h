/* SPDX-License-Identifier: GPL-2.0-or-later */
/* event.h - virtual time: what happens next, in order of time, then of being asked for. */
#ifndef TESTS_SIM_EVENT_H
#define TESTS_SIM_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#define SIM_US    1000ull
#define SIM_MS    1000000ull
#define SIM_S     1000000000ull
#define SIM_NEVER UINT64_MAX

typedef void sim_event_fn(void *what);

/* The present, in nanoseconds since the seed's beginning. */
extern uint64_t sim_now_ns;

static inline uint64_t sim_now_ms(void)
{
	return sim_now_ns / SIM_MS;
}

/* Nothing is left, and time begins again. */
void sim_events_begin(void);
void sim_events_free(void);

void sim_event_at(uint64_t ns, sim_event_fn *run, void *what);

/* Goes to the next event and runs it; false: there is none before `end_ns`. */
bool sim_event_next(uint64_t end_ns);

#endif
