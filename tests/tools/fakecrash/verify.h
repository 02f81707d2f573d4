/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verify.h - whether a made-up machine's dump is what the machine had. */
#ifndef TESTS_TOOLS_FAKECRASH_VERIFY_H
#define TESTS_TOOLS_FAKECRASH_VERIFY_H

#include "tests/tools/fakecrash/memory.h"

/*
 * Whether a folder of the server's has exactly one dump of `host`, complete, with every
 * byte as the machine had it, headers, notes and log included.  False: `why`.
 */
#define VERIFY_WHY_BYTES 512
bool verify_dump(const struct memory *m, unsigned int machine, int dir, const char *host,
		 char why[VERIFY_WHY_BYTES]);

#endif
