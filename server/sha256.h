/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sha256.h - SHA-256 of much data: BearSSL's, by the processor's own instructions if it has them.
 *
 * A dump's file is hashed as a whole, which takes more time than all else that is done with it.
 */
#ifndef NETDUMP_SERVER_SHA256_H
#define NETDUMP_SERVER_SHA256_H

#include <bearssl.h>
#include <stdbool.h>
#include <stddef.h>

/* br_sha256_update(), only faster. */
void nd_sha256_update(br_sha256_context *sha, const void *data, size_t bytes);

/* Whether this processor has instructions for it. */
bool nd_sha256_has_instructions(void);

#endif
