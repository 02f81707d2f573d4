/* SPDX-License-Identifier: GPL-2.0-or-later */
/* link.h - the UDP socket: datagrams in and out, many at a time. */
#ifndef NETDUMP_SERVER_LINK_H
#define NETDUMP_SERVER_LINK_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nd_link {
	int fd;
	uint32_t pool_bytes; /* datagram payload that the socket's buffer holds */
};

/* Port 0: any.  0, or errno; *address becomes what was bound. */
int nd_link_open(struct nd_link *link, struct sockaddr_in *address);

void nd_link_send(struct nd_link *link, const struct sockaddr_in *to, const void *datagram,
		  size_t bytes);

/* Takes some of what has arrived, in 8-byte aligned buffers.  Whether there may be more. */
typedef void nd_link_take_fn(void *context, const struct sockaddr_in *from, void *datagram,
			     size_t bytes);
bool nd_link_receive(struct nd_link *link, nd_link_take_fn *take, void *context);

#endif
