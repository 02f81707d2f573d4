/* SPDX-License-Identifier: GPL-2.0-or-later */
/* folder.h - a folder in memory in which the server keeps its dumps, empty for each input. */
#ifndef TESTS_FUZZ_FOLDER_H
#define TESTS_FUZZ_FOLDER_H

#include "tests/fuzz/input.h"

/* Makes it; it is removed when the process ends well. */
void nd_folder_init(void);

/* Its path, and that of the folder above, in which there is nothing else. */
const char *nd_folder_path(void);
const char *nd_folder_above(void);

/* Opened as the server is given it. */
int nd_folder_open(void);

/* Writes a file, mode 0600, with folders on the way to it made: path is relative. */
void nd_folder_put(const char *path, const void *data, size_t bytes);

void nd_folder_clear(void);

#endif
