/* SPDX-License-Identifier: GPL-2.0-or-later */
/* clock.h - milliseconds since nd_clock_init(), from the time stamp counter. */
#ifndef DINI_CLOCK_H
#define DINI_CLOCK_H

#include <stdint.h>

/* Measures the counter against the PIT for 10 ms; bounded where there is none. */
void nd_clock_init(void);
/* The same, if it is known how fast it counts; 0: it is not. */
void nd_clock_set(uint32_t known_khz);
uint64_t nd_clock_ms(void);
/* Before nd_clock_init() it waits by a guess. */
void nd_clock_wait_ms(uint32_t ms);
uint32_t nd_clock_khz(void);

#endif
