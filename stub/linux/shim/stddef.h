/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stddef.h - see stdint.h. */
#include <linux/stddef.h>
