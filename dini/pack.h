/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pack.h - fills DATA messages for the agent's first READ.  As pure as agent.h. */
#ifndef DINI_PACK_H
#define DINI_PACK_H

#include "dini/agent.h"

/* The first READ leaves the queue, however far it got. */
void nd_pack_drop(struct nd_agent *agent);

/*
 * Writes the next DATA of the first READ (there must be one) into ND_WIRE_MESSAGE_MAX
 * bytes and returns its length; the READ leaves the queue with its last DATA.  header.seq is
 * left to the caller.
 */
size_t nd_pack_data(struct nd_agent *agent, void *buffer);

#endif
