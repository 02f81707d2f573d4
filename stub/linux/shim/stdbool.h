/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stdbool.h - see stdint.h. */
#include <linux/types.h>
