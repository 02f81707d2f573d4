/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stdint.h - what headers shared with the world outside take from it, in the kernel's words. */
#ifndef NETDUMP_LINUX_STDINT_H
#define NETDUMP_LINUX_STDINT_H

#include <linux/limits.h>
#include <linux/types.h>

#define UINT32_MAX U32_MAX
#define UINT64_MAX U64_MAX

#endif
