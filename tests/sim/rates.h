/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rates.h - how fast dumps are: one machine over lines that lose, many at one port. */
#ifndef TESTS_SIM_RATES_H
#define TESTS_SIM_RATES_H

#include <stdbool.h>

/* Prints a table, or JSON; whether all that is aimed at was held. */
bool sim_rates_run(bool json);

#endif
