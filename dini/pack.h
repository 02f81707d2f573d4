/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pack.h - fills DATA messages for the agent's first READ.  As pure as agent.h. */
#ifndef DINI_PACK_H
#define DINI_PACK_H

#include "dini/agent.h"

/* Starts at the beginning of whatever READ is first in the queue now. */
void nd_pack_restart(struct nd_agent *agent);

/*
 * Writes the next DATA of the first READ (there must be one) into ND_WIRE_MESSAGE_MAX
 * bytes and returns its length; the READ leaves the queue with its last DATA.
 */
size_t nd_pack_data(struct nd_agent *agent, void *buffer);

#endif
