// SPDX-License-Identifier: GPL-2.0-or-later
/* link.c - the UDP port: datagrams in and out, many at a time. */
#include "server/link.h"

#include <errno.h>
#include <linux/filter.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netdump/wire.h"

#define BUFFER_BYTES    2048 /* longer datagrams are seen to be too long */
#define DUMPS_BYTES     (16 << 20)
#define STRANGERS_BYTES (256 << 10)
/* What a full datagram takes of the receive buffer, by the kernel's own accounting. */
#define TRUESIZE_BYTES 2304

/* The kernel numbers a port's sockets in the order in which they are bound. */
enum { DUMPS, STRANGERS };

/* Over a datagram's payload; loads are big-endian, and one beyond its end means DUMPS (0). */
static int sorter_attach(int fd)
{
	static struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct nd_wire_header, magic)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __builtin_bswap32(ND_WIRE_MAGIC), 0, 5),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, offsetof(struct nd_wire_header, type)),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, (uint8_t)~ND_FORM_MASK),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ND_HELLO, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ND_LAST_WORDS, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, DUMPS),
		BPF_STMT(BPF_RET | BPF_K, STRANGERS),
	};
	struct sock_fprog program = {sizeof code / sizeof *code, code};

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program);
}

static int socket_open(int buffer_bytes)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	/* Above net.core.rmem_max only with CAP_NET_ADMIN; else what the limit allows. */
	if (fd >= 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer_bytes, sizeof buffer_bytes))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof buffer_bytes);
	return fd;
}

static int port_share(int fd)
{
	int on = 1;

	return setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
}

/*
 * The first socket is bound before it may share the port: that fails if anybody has it,
 * another netdumpd included.  The two are a group, which can have a sorter, once both are bound.
 */
static int port_bind(const struct nd_link *link, struct sockaddr_in *address)
{
	socklen_t bytes = sizeof *address;

	if (link->dumps < 0 || link->strangers < 0 ||
	    bind(link->dumps, (struct sockaddr *)address, bytes) ||
	    getsockname(link->dumps, (struct sockaddr *)address, &bytes) ||
	    port_share(link->dumps) || port_share(link->strangers) ||
	    bind(link->strangers, (struct sockaddr *)address, bytes) || sorter_attach(link->dumps))
		return errno;
	return 0;
}

int nd_link_open(struct nd_link *link, struct sockaddr_in *address)
{
	int got = 0, error;
	socklen_t bytes = sizeof got;

	link->dumps = socket_open(DUMPS_BYTES);
	link->strangers = socket_open(STRANGERS_BYTES);
	error = port_bind(link, address);
	if (error) {
		nd_link_close(link);
		return error;
	}
	getsockopt(link->dumps, SOL_SOCKET, SO_RCVBUF, &got, &bytes);
	link->pool_bytes = (uint32_t)(got / TRUESIZE_BYTES) * ND_WIRE_DATAGRAM_MAX;
	return 0;
}

void nd_link_close(struct nd_link *link)
{
	if (link->dumps >= 0)
		close(link->dumps);
	if (link->strangers >= 0)
		close(link->strangers);
	link->dumps = link->strangers = -1;
}

void nd_link_send(struct nd_link *link, const struct sockaddr_in *to, const void *datagram,
		  size_t bytes)
{
	/* A datagram that does not leave is a lost one: it is asked for again. */
	if (sendto(link->dumps, datagram, bytes, 0, (const struct sockaddr *)to, sizeof *to) < 0)
		return;
}

bool nd_link_receive(int socket, unsigned int most, nd_link_take_fn *take, void *context)
{
	static _Alignas(8) uint8_t buffer[ND_LINK_BATCH][BUFFER_BYTES];
	struct sockaddr_in from[ND_LINK_BATCH];
	struct iovec part[ND_LINK_BATCH];
	struct mmsghdr batch[ND_LINK_BATCH];
	int count;

	if (most > ND_LINK_BATCH)
		most = ND_LINK_BATCH;
	for (unsigned int i = 0; i < most; i++) {
		part[i] = (struct iovec){buffer[i], BUFFER_BYTES};
		batch[i] = (struct mmsghdr){
			.msg_hdr = {.msg_name = &from[i],
				    .msg_namelen = sizeof from[i],
				    .msg_iov = &part[i],
				    .msg_iovlen = 1},
		};
	}
	count = recvmmsg(socket, batch, most, 0, NULL);
	for (int i = 0; i < count; i++)
		take(context, &from[i], buffer[i], batch[i].msg_len);
	return count == (int)most;
}
