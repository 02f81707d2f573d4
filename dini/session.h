/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * session.h - one conversation with the servers, through UNDI, batch by batch.  There is one at
 * a time.
 *
 *   nd_session_make()    the configuration but for what is sent; nothing is touched yet
 *   nd_session_open()    the NIC
 *   nd_session_begin()   with the configuration's seed
 *   nd_session_turn()    until it is over
 */
#ifndef DINI_SESSION_H
#define DINI_SESSION_H

#include <stdbool.h>

#include "dini/agent.h"
#include "netdump/handoff.h"

enum nd_session_state {
	ND_SESSION_GOES_ON,
	ND_SESSION_RESTS,  /* likewise, but nothing was sent, and nothing came */
	ND_SESSION_DONE,   /* a server said so */
	ND_SESSION_SILENT, /* none says anything: nd_session_silence() */
};

/*
 * Servers, keys, names and addresses as the block has them, which has to stay where it is.  The
 * rest of the configuration is the caller's, before and after.  A firmware call that hangs is the
 * end of it unless another rung is to be tried.
 */
struct nd_agent_config *nd_session_config(void);
void nd_session_make(const struct nd_handoff *handoff, bool ends_when_hung);
void nd_session_open(void);

void nd_session_begin(void);

/* One batch, and what it brought. */
enum nd_session_state nd_session_turn(void);

const struct nd_agent *nd_session_agent(void);

/* Why there is an end without a server's word. */
const char *nd_session_silence(void);

/* Zeroes keys, and what was sealed with them. */
void nd_session_wipe(void);

#endif
