/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log.h - one line per event on standard error, and a lid on lines that strangers cause. */
#ifndef NETDUMP_SERVER_LOG_H
#define NETDUMP_SERVER_LOG_H

#include <stdint.h>

void nd_log(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Each has its own count, so that a flood of one hides none of another. */
enum nd_lid {
	ND_LID_EVENTS,   /* that any datagram can cause */
	ND_LID_HEARSAY,  /* what nobody vouches for */
	ND_LID_REFUSALS, /* marked so in the line */
};

/* At most ten lines a second under a lid; what was swallowed is counted in the next one. */
void nd_log_under(enum nd_lid lid, uint64_t now_ms, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
