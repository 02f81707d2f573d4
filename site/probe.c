/* SPDX-License-Identifier: GPL-2.0-or-later */
/* probe.c - one HELLO that a netdumpd refuses, and its answer. */
#include "site/probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "wire/secure.h"

#define FIRST_PAUSE_MS 250 /* as DINI's */

struct asked {
	const struct nd_probe *probe;
	int fd;
	uint64_t session, seq;
	struct nd_noise noise; /* of the HELLO that was said last */
};

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static bool draw(void *to, size_t bytes)
{
	return getrandom(to, bytes, 0) == (ssize_t)bytes;
}

/* A dry run of nothing: without a range. */
static size_t hello_make(struct asked *a, void *buffer)
{
	const struct nd_probe *p = a->probe;
	struct nd_wire_hello *hello =
		(void *)((uint8_t *)buffer + (p->key ? ND_HANDSHAKE_OFFSET : 0));
	size_t length = offsetof(struct nd_wire_hello, range);
	uint8_t ephemeral[ND_WIRE_KEY_BYTES];

	nd_header_init(&hello->header, ND_HELLO, a->session, ++a->seq, length);
	memcpy(hello->mac, p->mac, sizeof hello->mac);
	hello->kind = ND_HELLO_TEST;
	hello->read_queue = ND_READ_QUEUE;
	snprintf(hello->reason, sizeof hello->reason,
		 "site-check asks whether this server answers");
	if (!draw(hello->token, sizeof hello->token) || !draw(ephemeral, sizeof ephemeral))
		return 0;
	if (!p->key)
		return length;
	return nd_hello_seal(&a->noise, buffer, p->key,
			     p->options->has_psk ? p->options->psk : NULL, ephemeral);
}

/* Whether it is a netdumpd's answer to the HELLO that was said last. */
static bool is_answer(struct asked *a, void *datagram, size_t bytes)
{
	const struct nd_wire_header *header = datagram;
	const struct nd_wire_done *done = datagram;
	struct nd_keys keys;

	if (nd_datagram_check(datagram, bytes) || header->session != a->session)
		return false;
	if (!a->probe->key)
		return !nd_plain_open(datagram, bytes) && done->header.type == ND_DONE;
	if (nd_datagram_form(datagram) != ND_FORM_HANDSHAKE || header->seq != a->seq ||
	    nd_answer_open(&a->noise, datagram, bytes, &keys))
		return false;
	nd_noise_wipe(&keys, sizeof keys);
	done = (const void *)((const uint8_t *)datagram + ND_HANDSHAKE_OFFSET);
	return done->header.type == ND_DONE;
}

/* Hears until then; 1: an answer, 0: none, -1: errno says why there will be none. */
static int hear(struct asked *a, uint64_t until_ms, unsigned int *others)
{
	uint64_t buffer[ND_WIRE_DATAGRAM_MAX / 8 + 1];
	struct pollfd ready = {.fd = a->fd, .events = POLLIN};

	for (;;) {
		uint64_t now = now_ms();
		ssize_t bytes;

		if (now >= until_ms || poll(&ready, 1, (int)(until_ms - now)) <= 0)
			return 0;
		bytes = recv(a->fd, buffer, sizeof buffer, 0);
		if (bytes < 0)
			return -1;
		if (is_answer(a, buffer, (size_t)bytes))
			return 1;
		(*others)++;
	}
}

static bool ask(struct asked *a, char why[128])
{
	uint64_t end = now_ms() + a->probe->wait_ms;
	unsigned int pause_ms = FIRST_PAUSE_MS, others = 0;

	while (now_ms() < end) {
		uint64_t buffer[ND_WIRE_DATAGRAM_MAX / 8] = {0}, until = now_ms() + pause_ms;
		size_t bytes = hello_make(a, buffer);
		int heard = -1;

		if (bytes && send(a->fd, buffer, bytes, 0) == (ssize_t)bytes)
			heard = hear(a, until < end ? until : end, &others);
		if (heard > 0)
			return true;
		if (heard < 0) {
			snprintf(why, 128, "%s", bytes ? strerror(errno) : "its key is none");
			return false;
		}
		pause_ms *= 2;
	}
	snprintf(why, 128, "no answer in %u ms%s", a->probe->wait_ms,
		 others ? ", but something else that is none" : "");
	return false;
}

bool nd_probe_ask(const struct nd_probe *p, unsigned int *took_ms, char why[128])
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(p->options->server_port)};
	struct asked a = {.probe = p, .fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
	uint64_t began = now_ms();
	bool good = false;

	memcpy(&to.sin_addr, p->server_ip, 4);
	if (a.fd < 0 || !draw(&a.session, sizeof a.session) ||
	    connect(a.fd, (const struct sockaddr *)&to, sizeof to)) {
		snprintf(why, 128, "%s", strerror(errno));
	} else {
		a.session |= 1; /* never 0 */
		good = ask(&a, why);
	}
	if (a.fd >= 0)
		close(a.fd);
	nd_noise_wipe(&a.noise, sizeof a.noise);
	*took_ms = (unsigned int)(now_ms() - began);
	return good;
}
