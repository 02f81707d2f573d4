/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pxe.h - the one call of Syslinux's library that lease.c makes; boot.c answers it. */
#ifndef TESTS_FUZZ_SHIM_PXE_H
#define TESTS_FUZZ_SHIM_PXE_H

#include <stddef.h>

enum { PXENV_PACKET_TYPE_DHCP_ACK = 2, PXENV_PACKET_TYPE_CACHED_REPLY = 3 };

/* 0: *data is the caller's to free. */
int pxe_get_cached_info(int level, void **data, size_t *bytes);

#endif
