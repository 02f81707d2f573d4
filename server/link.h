/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * link.h - the UDP socket, and the one place every datagram passes.
 *
 * nd_link_send() and nd_link_receive() are where messages become datagrams and back:
 * ND_WIRE_TAG_BYTES behind each message are left for an authentication tag.
 */
#ifndef NETDUMP_SERVER_LINK_H
#define NETDUMP_SERVER_LINK_H

#include <netinet/in.h>

#include "wire/message.h"

struct nd_link {
	int fd;
	uint32_t pool_bytes; /* datagram payload that the socket's buffer holds */
};

/* Port 0: any.  0, or errno; *address becomes what was bound. */
int nd_link_open(struct nd_link *link, struct sockaddr_in *address);

void nd_link_send(struct nd_link *link, const struct sockaddr_in *to, const void *message,
		  size_t bytes);

/*
 * Takes what has arrived, up to a few hundred datagrams: `message` is called for each that
 * is well formed, `refuse` for each that is not.
 */
struct nd_link_handler {
	void (*message)(void *context, const struct sockaddr_in *from,
			const struct nd_wire_header *message);
	void (*refuse)(void *context, const struct sockaddr_in *from, size_t bytes,
		       enum nd_message_error why);
	void *context;
};
void nd_link_receive(struct nd_link *link, const struct nd_link_handler *handler);

#endif
