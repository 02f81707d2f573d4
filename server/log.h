/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log.h - one line per event on standard error, and a lid on lines that strangers cause. */
#ifndef NETDUMP_SERVER_LOG_H
#define NETDUMP_SERVER_LOG_H

#include <stdint.h>

void nd_log(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* As nd_log(), with the lid of refusals: for events that any datagram can cause. */
void nd_log_event(uint64_t now_ms, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same for what nobody vouches for, so that a flood of it hides no event. */
void nd_log_hearsay(uint64_t now_ms, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Refusals: at most ten lines a second; what was swallowed is counted in the next one. */
void nd_log_refusal(uint64_t now_ms, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
