/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * link.h - the UDP port: datagrams in and out, many at a time.
 *
 * The port has two sockets, and the kernel sorts what arrives by its header: what may belong
 * to a dump goes to the one with the large buffer, HELLOs and what is not ours at all to the
 * small one.  However many of the latter come, they take no room from dumps under way.
 */
#ifndef NETDUMP_SERVER_LINK_H
#define NETDUMP_SERVER_LINK_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nd_link {
	int dumps, strangers; /* sockets */
	uint32_t pool_bytes;  /* datagram payload that the buffer for dumps holds */
};

/* Port 0: any.  0, or errno, EADDRINUSE also for one of our own kind; *address becomes what
 * was bound. */
int nd_link_open(struct nd_link *link, struct sockaddr_in *address);
void nd_link_close(struct nd_link *link);

void nd_link_send(struct nd_link *link, const struct sockaddr_in *to, const void *datagram,
		  size_t bytes);

/*
 * Takes some of what has arrived at one of the sockets, up to `most` datagrams, in 8-byte
 * aligned buffers.  Whether there may be more.
 */
#define ND_LINK_BATCH 64
typedef void nd_link_take_fn(void *context, const struct sockaddr_in *from, void *datagram,
			     size_t bytes);
bool nd_link_receive(int socket, unsigned int most, nd_link_take_fn *take, void *context);

#endif
