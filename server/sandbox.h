/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sandbox.h - what is left to netdumpd once everything is open: its socket, its folders,
 * threads, memory and time.
 *
 * Landlock lets it open nothing outside DIR, and the catalogue only to read.  A list of system
 * calls (seccomp) has no new sockets, processes or programs on it; a call that is not on it ends
 * the process at once with SIGSYS.  No core file of it is left, and no other process reads its
 * memory: the server's key is in there.
 */
#ifndef NETDUMP_SERVER_SANDBOX_H
#define NETDUMP_SERVER_SANDBOX_H

#include <stdbool.h>

/*
 * For good, for this thread and all that it starts: call it before the first.  top: DIR,
 * open; drivers: the catalogue's folder, below 0: none.  False: it could not be had, and the log
 * says why.
 */
bool nd_sandbox_enter(int top, int drivers);

#endif
