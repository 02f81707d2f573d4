/* SPDX-License-Identifier: GPL-2.0-or-later */
/* info.h - info.json: what is known about one dump, for people and for netdumpctl. */
#ifndef NETDUMP_SERVER_INFO_H
#define NETDUMP_SERVER_INFO_H

#include <jansson.h>
#include <stdbool.h>

struct nd_machine;

#define ND_INFO_VERSION    1
#define ND_INFO_RANGES_MAX 256 /* of a list in the file */

/* Everything but checksum and end; NULL: no memory.  Status "receiving" while !over. */
json_t *nd_info_make(const struct nd_machine *m, bool over);
/* The dump turned out to be incomplete at the very end. */
void nd_info_spoil(json_t *info, const char *why);
/* sha256 may be NULL: not computed. */
void nd_info_finish(json_t *info, const char *sha256, double now_s, double base_s);
/*
 * What of a dump goes on counting when another life of the server takes it up: counts, and
 * when it began.  NULL: no memory.
 */
json_t *nd_info_past(const struct nd_machine *m);
/* Adds it to what this life has seen; what makes no sense counts nothing. */
void nd_info_past_add(struct nd_machine *m, const json_t *past);

/* malloc'ed, ends in a newline; NULL: no memory. */
char *nd_info_text(const json_t *info);

#endif
