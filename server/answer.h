/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * answer.h - the drivers that a system asked for, looked up off the event loop.
 *
 * Each answer has a thread, but they look up one after the other: what they read and pack must
 * not make dumps wait.  Nobody waits for a thread: an answer that is not wanted any more goes
 * when its thread has made it.  Without an eventfd (event_fd below 0) there is none.
 */
#ifndef NETDUMP_SERVER_ANSWER_H
#define NETDUMP_SERVER_ANSWER_H

#include <stdint.h>

#include "server/catalogue.h"

#define ND_ANSWERS_MAX      16          /* at once, each with what it holds in memory */
#define ND_ANSWER_BYTES_MAX (72u << 20) /* of what one holds */

struct nd_answer;

/* Whether there is a place for one more. */
bool nd_answer_room(void);

/*
 * Begins to look up what a request asks for; takes the request, whatever happens.  event_fd is
 * counted up when there is an answer.  NULL: no place, no memory, or no thread: later perhaps.
 */
struct nd_answer *nd_answer_start(int dir_fd, char *request, size_t bytes, int event_fd);

/* NULL: there is no answer yet; else one that has an archive, or says why not. */
const struct nd_catalogue_answer *nd_answer_get(struct nd_answer *a);

/*
 * The list of modules, if that is what the archive (tar) begins with: `order`, text, a line each.
 * NULL: it does not.
 */
const char *nd_answer_order(const struct nd_catalogue_answer *answer, size_t *bytes);

/* It is not wanted any more; NULL is none. */
void nd_answer_free(struct nd_answer *a);

#endif
