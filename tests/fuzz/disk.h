/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * disk.h - the server's file calls, watched and made to fail; the files are in folder.h's.
 *
 * The fuzzer is linked with --wrap for each call in disk.c: whatever name the server
 * passes is one plain component, so nothing can be reached outside the folder.
 */
#ifndef TESTS_FUZZ_DISK_H
#define TESTS_FUZZ_DISK_H

#include "tests/fuzz/input.h"

/*
 * From the `calls`th on, `count` calls fail (0: none), as on a disk that is full or broken;
 * error 0: only reads count, and what they read is wrong.
 */
void nd_disk_break(unsigned int calls, unsigned int count, int error);

/*
 * Holds what lies there against what server/store.h promises: harmless names, at the depths
 * where they belong, and complete dumps that netdumpctl would call right.
 */
void nd_disk_must(void);

#endif
