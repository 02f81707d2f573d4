// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * delay.c - a longer way for UDP: what comes to one address goes on to another a time later, and so
 * does what comes back.  For one machine and one server.
 *
 *   delay FROM_IP PORT TO_IP PORT MICROSECONDS      each way
 *
 * Nothing is lost here without being told: SIGTERM has it print how much it carried and dropped.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define DATAGRAM_BYTES 2048
#define SLOTS          8192 /* a second of 8000 datagrams */
#define BUFFER_BYTES   (8 << 20)
#define BATCH          64 /* taken from one side before the other has its turn */
#define NS_PER_S       1000000000ull

struct slot {
	uint64_t due_ns;
	uint32_t bytes;
	uint8_t data[DATAGRAM_BYTES];
};

/* From one socket to the other, in order. */
struct way {
	int from, to;
	uint64_t first, next; /* slots in use, modulo SLOTS */
	uint64_t carried, dropped;
	struct slot slot[SLOTS];
};

static struct way to_server, from_server;
static struct sockaddr_in machine; /* who spoke last */
static volatile sig_atomic_t ended;

static void end(int number)
{
	(void)number;
	ended = 1;
}

static void die(const char *what)
{
	fprintf(stderr, "delay: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static struct sockaddr_in address(const char *ip, const char *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET};

	a.sin_port = htons((uint16_t)atoi(port));
	if (inet_pton(AF_INET, ip, &a.sin_addr) != 1) {
		errno = EINVAL;
		die(ip);
	}
	return a;
}

static int udp_socket(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), bytes = BUFFER_BYTES;

	if (fd < 0)
		die("socket");
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes);
	return fd;
}

static void receive(struct way *w, uint64_t delay_ns)
{
	struct sockaddr_in from;
	socklen_t size;

	for (int i = 0; i < BATCH; i++) {
		struct slot *s = &w->slot[w->next % SLOTS];
		static uint8_t spare[DATAGRAM_BYTES];
		bool full = w->next - w->first == SLOTS;
		ssize_t got;

		size = sizeof from;
		got = recvfrom(w->from, full ? spare : s->data, DATAGRAM_BYTES, 0,
			       (struct sockaddr *)&from, &size);
		if (got < 0)
			return; /* nothing there, or nobody listens yet: the machine asks again */
		if (w == &to_server)
			machine = from;
		if (full) {
			w->dropped++;
			continue;
		}
		s->bytes = (uint32_t)got;
		s->due_ns = clock_ns() + delay_ns;
		w->next++;
	}
}

static void send_due(struct way *w)
{
	for (; w->first != w->next; w->first++) {
		const struct slot *s = &w->slot[w->first % SLOTS];
		const struct sockaddr_in *to = w == &from_server ? &machine : NULL;

		if (s->due_ns > clock_ns())
			return;
		if (sendto(w->to, s->data, s->bytes, 0, (const struct sockaddr *)to,
			   to ? sizeof *to : 0) < 0)
			w->dropped++;
		else
			w->carried++;
	}
}

/* Until a datagram comes or one is due. */
static void await(void)
{
	struct pollfd fds[] = {{.fd = to_server.from, .events = POLLIN},
			       {.fd = from_server.from, .events = POLLIN}};
	uint64_t due = UINT64_MAX, now = clock_ns(), wait_ns = NS_PER_S;

	for (int i = 0; i < 2; i++) {
		const struct way *w = i ? &from_server : &to_server;

		if (w->first != w->next && w->slot[w->first % SLOTS].due_ns < due)
			due = w->slot[w->first % SLOTS].due_ns;
	}
	if (due <= now)
		return;
	if (due - now < wait_ns)
		wait_ns = due - now;
	ppoll(fds, 2,
	      &(struct timespec){.tv_sec = (time_t)(wait_ns / NS_PER_S),
				 .tv_nsec = (long)(wait_ns % NS_PER_S)},
	      NULL);
}

int main(int argc, char **argv)
{
	struct sockaddr_in from, to;
	uint64_t delay_ns;

	if (argc != 6) {
		fputs("usage: delay FROM_IP PORT TO_IP PORT MICROSECONDS\n", stderr);
		return 2;
	}
	from = address(argv[1], argv[2]);
	to = address(argv[3], argv[4]);
	delay_ns = strtoull(argv[5], NULL, 10) * 1000;
	to_server.from = from_server.to = udp_socket();
	to_server.to = from_server.from = udp_socket();
	if (bind(to_server.from, (struct sockaddr *)&from, sizeof from) < 0)
		die(argv[1]);
	if (connect(to_server.to, (struct sockaddr *)&to, sizeof to) < 0)
		die(argv[3]);
	prctl(PR_SET_TIMERSLACK, 1);
	signal(SIGTERM, end);
	puts("delay: ready");
	fflush(stdout);
	while (!ended) {
		await();
		receive(&to_server, delay_ns);
		receive(&from_server, delay_ns);
		send_due(&to_server);
		send_due(&from_server);
	}
	printf("delay: %llu to the server, %llu back, %llu dropped\n",
	       (unsigned long long)to_server.carried, (unsigned long long)from_server.carried,
	       (unsigned long long)(to_server.dropped + from_server.dropped));
	return 0;
}
