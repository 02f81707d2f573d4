/* SPDX-License-Identifier: GPL-2.0-or-later */
/* phys.h - a machine's memory below 4 GiB for code that takes addresses for pointers. */
#ifndef TESTS_FUZZ_SHIM_PHYS_H
#define TESTS_FUZZ_SHIM_PHYS_H

#include <stdint.h>

/* 4 GiB and a page of zeros that cost nothing until they are written. */
extern uint8_t *nd_fuzz_phys;

#endif
