// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * plaincopy.c - what a server cannot do without: datagrams from a socket to the disk.
 *
 * plaincopy DIR MACHINES: takes what as many machines of `fakecrash --copy` send and writes it as
 * it is, a file for each, syncs all of it, and says how much that was and what it cost.  It
 * receives as netdumpd does, many datagrams at once from a socket as large.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "server/link.h"
#include "tests/tools/fakecrash/copy.h"

#define PEERS 65536 /* told apart by the last two bytes of their addresses */

struct peer {
	struct sockaddr_in address;
	int fd;
	bool known;
	uint8_t *data; /* not written yet */
	uint32_t bytes;
};

struct plaincopy {
	struct nd_link link;
	int dir;
	struct peer *peer;
	uint32_t window_bytes;
	unsigned int ended;
	unsigned long long bytes, datagrams;
};

_Noreturn static void fatal(const char *what)
{
	fprintf(stderr, "plaincopy: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void word_send(struct plaincopy *p, const struct peer *to, uint32_t word)
{
	nd_link_send(&p->link, &to->address, &word, sizeof word);
}

static void peer_write(struct plaincopy *p, struct peer *peer)
{
	if (write(peer->fd, peer->data, peer->bytes) != (ssize_t)peer->bytes)
		fatal("write");
	p->bytes += peer->bytes;
	word_send(p, peer, peer->bytes);
	peer->bytes = 0;
}

static void peer_begin(struct plaincopy *p, struct peer *peer, const struct sockaddr_in *address)
{
	char name[16];

	snprintf(name, sizeof name, "%u", (unsigned int)(peer - p->peer));
	peer->address = *address;
	peer->known = true;
	peer->data = malloc(p->window_bytes);
	peer->fd = openat(p->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	if (peer->fd < 0 || !peer->data)
		fatal(name);
}

static void datagram_take(void *context, const struct sockaddr_in *address, void *datagram,
			  size_t bytes)
{
	struct plaincopy *p = context;
	struct peer *peer = &p->peer[ntohl(address->sin_addr.s_addr) % PEERS];

	if (!peer->known)
		peer_begin(p, peer, address);
	p->datagrams++;
	if (peer->bytes + bytes > p->window_bytes)
		fatal("a machine sends more than it may");
	memcpy(peer->data + peer->bytes, datagram, bytes);
	peer->bytes += (uint32_t)bytes;
	if (!bytes || peer->bytes >= p->window_bytes / 2)
		peer_write(p, peer);
	if (!bytes) {
		close(peer->fd);
		free(peer->data);
		p->ended++;
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct plaincopy p = {.dir = -1};
	unsigned int machines = argc == 3 ? (unsigned int)strtoul(argv[2], NULL, 10) : 0;
	struct rusage usage;

	if (!machines) {
		fprintf(stderr, "usage: plaincopy DIR MACHINES\n");
		return 2;
	}
	p.window_bytes = copy_window_bytes(machines);
	p.dir = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	p.peer = calloc(PEERS, sizeof *p.peer);
	if (p.dir < 0 || !p.peer)
		fatal(argv[1]);
	errno = nd_link_open(&p.link, &address);
	if (errno)
		fatal("a socket");
	printf("127.0.0.1:%u\n", ntohs(address.sin_port));
	fflush(stdout);
	while (p.ended < machines) {
		struct pollfd ready = {.fd = p.link.dumps, .events = POLLIN};

		if (poll(&ready, 1, -1) < 0)
			fatal("poll");
		while (nd_link_receive(p.link.dumps, ND_LINK_BATCH, datagram_take, &p))
			;
	}
	if (syncfs(p.dir))
		fatal("sync");
	for (unsigned int i = 0; i < PEERS; i++)
		if (p.peer[i].known)
			word_send(&p, &p.peer[i], COPY_DONE);
	getrusage(RUSAGE_SELF, &usage);
	printf("{\"bytes\": %llu, \"datagrams\": %llu, \"cpu_seconds\": %.6f}\n", p.bytes,
	       p.datagrams,
	       (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
		       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
	nd_link_close(&p.link);
	free(p.peer);
	return 0;
}
