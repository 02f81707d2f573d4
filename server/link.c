// SPDX-License-Identifier: GPL-2.0-or-later
/* link.c - the UDP socket: datagrams in and out, many at a time. */
#include "server/link.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netdump/wire.h"

#define BATCH        64
#define BUFFER_BYTES 2048 /* longer datagrams are seen to be too long */
#define RCVBUF_BYTES (16 << 20)
/* What a full datagram takes of the receive buffer, by the kernel's own accounting. */
#define TRUESIZE_BYTES 2304

int nd_link_open(struct nd_link *link, struct sockaddr_in *address)
{
	int want = RCVBUF_BYTES, got = 0;
	socklen_t bytes = sizeof got;

	link->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (link->fd < 0)
		return errno;
	/* Above net.core.rmem_max only with CAP_NET_ADMIN; else what the limit allows. */
	if (setsockopt(link->fd, SOL_SOCKET, SO_RCVBUFFORCE, &want, sizeof want))
		setsockopt(link->fd, SOL_SOCKET, SO_RCVBUF, &want, sizeof want);
	getsockopt(link->fd, SOL_SOCKET, SO_RCVBUF, &got, &bytes);
	link->pool_bytes = (uint32_t)(got / TRUESIZE_BYTES) * ND_WIRE_DATAGRAM_MAX;
	bytes = sizeof *address;
	if (bind(link->fd, (struct sockaddr *)address, bytes) ||
	    getsockname(link->fd, (struct sockaddr *)address, &bytes)) {
		int error = errno;

		close(link->fd);
		link->fd = -1;
		return error;
	}
	return 0;
}

void nd_link_send(struct nd_link *link, const struct sockaddr_in *to, const void *datagram,
		  size_t bytes)
{
	/* A datagram that does not leave is a lost one: the timeout asks again. */
	if (sendto(link->fd, datagram, bytes, 0, (const struct sockaddr *)to, sizeof *to) < 0)
		return;
}

bool nd_link_receive(struct nd_link *link, nd_link_take_fn *take, void *context)
{
	static _Alignas(8) uint8_t buffer[BATCH][BUFFER_BYTES];
	struct sockaddr_in from[BATCH];
	struct iovec part[BATCH];
	struct mmsghdr batch[BATCH];
	int count;

	for (int i = 0; i < BATCH; i++) {
		part[i] = (struct iovec){buffer[i], BUFFER_BYTES};
		batch[i] = (struct mmsghdr){
			.msg_hdr = {.msg_name = &from[i],
				    .msg_namelen = sizeof from[i],
				    .msg_iov = &part[i],
				    .msg_iovlen = 1},
		};
	}
	count = recvmmsg(link->fd, batch, BATCH, 0, NULL);
	for (int i = 0; i < count; i++)
		take(context, &from[i], buffer[i], batch[i].msg_len);
	return count == BATCH;
}
