/* SPDX-License-Identifier: GPL-2.0-or-later */
/* crypto.h - what server/crypto.c needs besides wire/crypto.h. */
#ifndef NETDUMP_SERVER_CRYPTO_H
#define NETDUMP_SERVER_CRYPTO_H

#include <stdbool.h>

/*
 * Looks which instructions the CPU has; without it the slowest way is taken.  Before the
 * sandbox, for it may look for a source of chance.
 */
bool nd_crypto_init(void);

#endif
