/* SPDX-License-Identifier: GPL-2.0-or-later */
/* keygen.h - netdumpd's sub-commands that make and show keys: keygen, pubkey. */
#ifndef NETDUMP_SERVER_KEYGEN_H
#define NETDUMP_SERVER_KEYGEN_H

/*
 * Runs the sub-command that argv[1] names; returns netdumpd's exit status, or -1: argv[1]
 * is none.
 */
int nd_keygen_run(int argc, char **argv);

#endif
