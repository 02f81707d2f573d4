// SPDX-License-Identifier: GPL-2.0-or-later
/* crash.c - the machines: sockets, clock, turns; all that they say is the agent's. */
#include "tests/tools/fakecrash/crash.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH   16 /* datagrams in a row, as in DINI */
#define EVENTS  256
#define TICK_MS 10 /* of HELLOs and deadlines */

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void fatal(const char *what)
{
	fprintf(stderr, "fakecrash: %s: %s\n", what, strerror(errno));
	exit(1);
}

void crash_host_name(const struct crash *c, unsigned int number, char name[ND_HOST_NAME_BYTES])
{
	if (c->hosts.host_count)
		snprintf(name, ND_HOST_NAME_BYTES, "%s", c->hosts.hosts[number].name);
	else
		snprintf(name, ND_HOST_NAME_BYTES, "%.50s-%05u", c->name, number);
}

/* One page for all: the agent has done with it when it asks for the next. */
static const void *page_lend(void *context, uint64_t phys)
{
	static _Alignas(64) uint8_t room[ND_PAGE_BYTES];
	struct machine *m = context;

	return memory_page(&m->crash->memory, m->number, phys, room);
}

static void ready_add(struct crash *c, struct machine *m)
{
	if (m->ready)
		return;
	m->ready = true;
	m->next = NULL;
	if (c->last)
		c->last->next = m;
	else
		c->first = m;
	c->last = m;
}

static void machine_begin(struct crash *c, struct machine *m)
{
	struct sockaddr_in from = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(c->from ? c->from + m->number : 0)};
	struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = m}};
	struct nd_agent_config config = c->config;
	socklen_t bytes = sizeof from;

	m->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (m->fd < 0 || bind(m->fd, (struct sockaddr *)&from, sizeof from) ||
	    connect(m->fd, (struct sockaddr *)&c->server, sizeof c->server) ||
	    getsockname(m->fd, (struct sockaddr *)&from, &bytes) ||
	    epoll_ctl(c->epoll, EPOLL_CTL_ADD, m->fd, &event) ||
	    getrandom(config.seed, sizeof config.seed, 0) != sizeof config.seed)
		fatal("a machine's socket");
	memcpy(config.client_ip, &from.sin_addr, sizeof config.client_ip);
	config.mac[0] = 2; /* locally administered */
	for (unsigned int i = 0; i < 4; i++)
		config.mac[5 - i] = (uint8_t)(m->number >> (8 * i));
	crash_host_name(c, m->number, config.host);
	if (c->hosts.host_count)
		memcpy(config.psk, c->hosts.hosts[m->number].key, sizeof config.psk);
	config.page = page_lend;
	config.page_ctx = m;
	m->begun = true;
	m->start_ms = c->now_ms;
	nd_agent_init(&m->agent, &config, c->now_ms);
	if (!c->copies)
		return;
	copy_begin(&m->copy, &m->agent, &c->memory, c->machines);
	ready_add(c, m);
}

/* It reboots. */
static void machine_end(struct crash *c, struct machine *m, uint32_t status)
{
	m->status = status;
	m->end_ms = c->now_ms;
	close(m->fd);
	m->fd = -1;
	c->left--;
}

static bool machine_has_more(const struct crash *c, const struct machine *m)
{
	return c->copies ? copy_has_more(&m->copy) : m->agent.queue_count;
}

/* Takes what has come for it. */
static void machine_input(struct crash *c, struct machine *m)
{
	uint8_t datagram[ND_WIRE_DATAGRAM_MAX + 1];
	ssize_t bytes;

	while (m->fd >= 0 && (bytes = recv(m->fd, datagram, sizeof datagram, MSG_DONTWAIT)) >= 0) {
		if (c->copies)
			copy_input(&m->copy, &m->agent, datagram, (size_t)bytes, c->now_ms);
		else
			nd_agent_input(&m->agent, &c->config.server[0], datagram, (size_t)bytes,
				       c->now_ms);
		if (!m->first_read_ms && m->agent.last_read_id)
			m->first_read_ms = c->now_ms;
		if (nd_agent_done(&m->agent))
			machine_end(c, m, m->agent.done_status);
	}
	if (m->fd >= 0 && machine_has_more(c, m))
		ready_add(c, m);
}

/* False: it has nothing to send just now. */
static bool datagram_make(struct crash *c, struct machine *m, void *buffer, size_t *bytes)
{
	struct nd_agent_peer to;

	if (c->copies)
		return copy_output(&m->copy, &m->agent, buffer, bytes);
	*bytes = nd_agent_output(&m->agent, buffer, ND_WIRE_DATAGRAM_MAX, c->now_ms, &to);
	return *bytes;
}

/* Sends a batch of what it has; true if there is more. */
static bool machine_output(struct crash *c, struct machine *m)
{
	static _Alignas(8) uint8_t datagram[BATCH][ND_WIRE_DATAGRAM_MAX];
	struct mmsghdr message[BATCH] = {0};
	struct iovec part[BATCH];
	unsigned int count = 0;

	while (count < BATCH) {
		size_t bytes;

		if (!datagram_make(c, m, datagram[count], &bytes))
			break;
		part[count] = (struct iovec){datagram[count], bytes};
		message[count].msg_hdr.msg_iov = &part[count];
		message[count].msg_hdr.msg_iovlen = 1;
		count++;
	}
	/* What the kernel does not take, be there no server at the port, is lost. */
	if (count && sendmmsg(m->fd, message, count, 0) < 0)
		return machine_has_more(c, m);
	return machine_has_more(c, m);
}

/* A turn for every machine that was ready, so that all send evenly. */
static void turns_take(struct crash *c)
{
	struct machine *m = c->first, *next;

	c->first = c->last = NULL;
	for (; m; m = next) {
		next = m->next;
		m->ready = false;
		if (m->fd >= 0 && machine_output(c, m))
			ready_add(c, m);
	}
}

/* Crashes that are due, HELLOs that are due, and machines that wait no longer. */
static void tick(struct crash *c)
{
	uint64_t since_ms = c->now_ms - c->begin_ms;

	while (c->begun < c->machines &&
	       (uint64_t)c->begun * c->within_ms / c->machines <= since_ms) {
		machine_begin(c, &c->machine[c->begun]);
		c->begun++;
	}
	for (unsigned int i = 0; i < c->begun; i++) {
		struct machine *m = &c->machine[i];

		if (m->fd < 0 || m->ready)
			continue;
		if (c->now_ms - m->agent.heard_ms >= c->deadline_s * 1000ull)
			machine_end(c, m, CRASH_UNANSWERED);
		else if (c->now_ms >= m->agent.hello_ms)
			ready_add(c, m);
	}
}

void crash_run(struct crash *c)
{
	struct epoll_event event[EVENTS];
	uint64_t ticked_ms = 0;

	c->epoll = epoll_create1(EPOLL_CLOEXEC);
	c->machine = calloc(c->machines, sizeof *c->machine);
	if (c->epoll < 0 || !c->machine)
		fatal("machines");
	for (unsigned int i = 0; i < c->machines; i++) {
		c->machine[i].crash = c;
		c->machine[i].number = i;
		c->machine[i].fd = -1;
	}
	memcpy(c->config.server[0].ip, &c->server.sin_addr, sizeof c->config.server[0].ip);
	c->config.server[0].port = ntohs(c->server.sin_port);
	c->begin_ms = now_ms();
	for (c->left = c->machines; c->left;) {
		int count;

		c->now_ms = now_ms();
		if (c->now_ms - ticked_ms >= TICK_MS) {
			ticked_ms = c->now_ms;
			tick(c);
		}
		turns_take(c);
		count = epoll_wait(c->epoll, event, EVENTS, c->first ? 0 : TICK_MS);
		for (int i = 0; i < count; i++)
			machine_input(c, event[i].data.ptr);
	}
	close(c->epoll);
}
