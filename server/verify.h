/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verify.h - whether a vmcore on disk is what info.json says, and a well-formed ELF core. */
#ifndef NETDUMP_SERVER_VERIFY_H
#define NETDUMP_SERVER_VERIFY_H

#include <stdbool.h>
#include <stddef.h>

/* SHA-256 of the whole file, as 64 hex digits.  0, or errno. */
int nd_verify_sha(int fd, char text[65]);

/* Every extent inside the file, notes that parse.  False: `why` says what is wrong. */
bool nd_verify_elf(int fd, char *why, size_t room);

#endif
