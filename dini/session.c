// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * session.c - see session.h.  Long mode.
 *
 *   { fill slots, gate batch, read frames }
 */
#include "dini/session.h"

#include <string.h>

#include "dini/clock.h"
#include "dini/console.h"
#include "dini/net.h"
#include "dini/undi.h"
#include "wire/noise.h"

#define SILENCE_MS    30000 /* of a server that was heard, before UNDI is opened anew */
#define REFRESH_MS    3000  /* of silence before addresses are asked for again */
#define TX_STALLS_MAX 8     /* batches that took no frame, before those are given up */

_Static_assert(ND_AGENT_SERVERS_MAX == ND_SERVERS_MAX, "servers");
_Static_assert(ND_REASON_BYTES == ND_HELLO_REASON_BYTES, "reason");
_Static_assert(ND_HOST_BYTES == ND_HOST_NAME_BYTES, "host");
_Static_assert(ND_KEY_BYTES == ND_WIRE_KEY_BYTES, "keys");
_Static_assert((int)ND_AGENT_NONE == (int)ND_SECURITY_NONE &&
		       (int)ND_AGENT_PLAIN == (int)ND_SECURITY_PLAIN &&
		       (int)ND_AGENT_NK == (int)ND_SECURITY_NK &&
		       (int)ND_AGENT_NKPSK0 == (int)ND_SECURITY_NKPSK0,
	       "security");

static struct nd_net net;
static struct nd_agent agent;
static struct nd_agent_config config;
static uint32_t deadline_s;
static bool ends_when_hung;

/* Frames in the gate's slots that UNDI has not taken yet. */
static struct {
	unsigned int count, stalls;
	uint16_t bytes[ND_GATE_TX_SLOTS];
} queue;

/* Where a datagram is made: behind a frame's headers it would not be aligned, and what the gate
 * has lies in memory that stays when DINI wipes its own. */
static uint64_t datagram[ND_WIRE_DATAGRAM_MAX / 8];

static uint64_t rung_ms;    /* when UNDI was opened last */
static uint64_t refresh_ms; /* when addresses were asked for last */
static uint64_t hung_ms;    /* when a call of UNDI was given up last, 0: never */
static bool answered;       /* said so */

struct nd_agent_config *nd_session_config(void)
{
	return &config;
}

const struct nd_agent *nd_session_agent(void)
{
	return &agent;
}

void nd_session_wipe(void)
{
	nd_agent_wipe(&agent);
	nd_noise_wipe(datagram, sizeof datagram);
	nd_noise_wipe(&config, sizeof config);
}

static void ip_say(const char *before, const uint8_t ip[4], const char *after)
{
	nd_say("%s%u.%u.%u.%u%s", before, ip[0], ip[1], ip[2], ip[3], after);
}

static void config_make(const struct nd_handoff *h)
{
	uint16_t port = h->server_port ? h->server_port : ND_WIRE_PORT;

	config.security = h->security;
	config.has_psk = h->security == ND_SECURITY_NKPSK0;
	memcpy(config.psk, h->psk, sizeof config.psk);
	memcpy(config.server_key, h->server_key, sizeof config.server_key);
	memcpy(config.mac, h->mac, sizeof config.mac);
	memcpy(config.client_ip, h->client_ip, sizeof config.client_ip);
	config.server_count = h->server_count;
	for (uint32_t i = 0; i < h->server_count; i++) {
		memcpy(config.server[i].ip, h->server_ip[i], 4);
		config.server[i].port = port;
	}
	memcpy(config.host, h->host, sizeof config.host);
}

/* Boot may have left it to the firmware, which must be open to say. */
static void mac_learn(void)
{
	uint8_t mac[6];

	if (memcmp(net.mac, (const uint8_t[6]){0}, sizeof mac) != 0 || !nd_undi_mac(mac))
		return;
	memcpy(net.mac, mac, sizeof mac);
	memcpy(config.mac, mac, sizeof mac);
	memcpy(agent.config.mac, mac, sizeof mac); /* its own, once it was begun */
}

static void undi_open(void)
{
	nd_undi_open_next();
	mac_learn();
	rung_ms = nd_clock_ms();
	refresh_ms = rung_ms;
	queue.count = 0;
	nd_net_refresh(&net);
}

/* ARP for every server's way; true when one can be reached: HELLOs are few, none is wasted. */
static bool servers_resolve(void)
{
	bool any = false;

	for (unsigned int i = 0; i < config.server_count; i++)
		any |= nd_net_resolve(&net, config.server[i].ip);
	return any;
}

static void slots_fill(uint64_t now_ms)
{
	bool may_speak = servers_resolve();

	for (unsigned int tries = 0; tries < ND_GATE_TX_SLOTS; tries++) {
		struct nd_agent_peer to;
		uint8_t *frame;
		size_t bytes;

		if (queue.count >= nd_undi_tx_room())
			return;
		frame = nd_undi_tx_slot(queue.count);
		bytes = nd_net_output(&net, frame, now_ms);
		if (!bytes && may_speak) {
			size_t payload =
				nd_agent_output(&agent, datagram, sizeof datagram, now_ms, &to);

			if (!payload)
				return;
			memcpy(frame + ND_FRAME_UDP_PAYLOAD, datagram, payload);
			bytes = nd_net_udp(&net, frame, to.ip, to.port, payload);
		} else if (!bytes) {
			return;
		}
		if (bytes)
			queue.bytes[queue.count++] = (uint16_t)bytes;
	}
}

/* Frames that were not taken move to the front; what UNDI never takes is given up. */
static void slots_drop(unsigned int taken)
{
	queue.stalls = taken || !queue.count ? 0 : queue.stalls + 1;
	if (queue.stalls >= TX_STALLS_MAX) {
		queue.stalls = 0;
		queue.count = 0;
		return;
	}
	for (unsigned int i = taken; i < queue.count && taken; i++) {
		memcpy(nd_undi_tx_slot(i - taken), nd_undi_tx_slot(i), queue.bytes[i]);
		queue.bytes[i - taken] = queue.bytes[i];
	}
	queue.count -= taken;
}

static void frames_take(unsigned int received, uint64_t now_ms)
{
	for (unsigned int i = 0; i < received; i++) {
		struct nd_datagram d;
		struct nd_agent_peer from;

		if (!nd_net_input(&net, nd_undi_rx_slot(i), nd_undi_rx_bytes(i), &d))
			continue;
		memcpy(from.ip, d.from_ip, sizeof from.ip);
		from.port = d.from_port;
		nd_agent_input(&agent, &from, d.payload, d.bytes, now_ms);
		if (agent.heard && !answered) {
			answered = true;
			ip_say("server ", from.ip, " answers");
		}
	}
}

/* False when it is time to give up. */
static bool silence_check(uint64_t now_ms)
{
	uint64_t silent_ms = now_ms - agent.heard_ms;
	uint64_t rung_age_ms = now_ms - rung_ms;

	if (nd_undi_hung())
		hung_ms = now_ms;
	if (nd_undi_hung() && ends_when_hung)
		return false;
	if (deadline_s && silent_ms >= deadline_s * 1000ull)
		return false;
	if (silent_ms >= REFRESH_MS && now_ms - refresh_ms >= REFRESH_MS) {
		refresh_ms = now_ms;
		nd_net_refresh(&net);
	}
	if (nd_undi_hung() || (agent.heard ? silent_ms >= SILENCE_MS && rung_age_ms >= SILENCE_MS
					   : rung_age_ms >= nd_undi_patience_ms()))
		undi_open();
	return true;
}

const char *nd_session_silence(void)
{
	if (hung_ms > agent.heard_ms)
		return nd_undi_hung_words();
	return answered ? "the server fell silent" : "no server answered";
}

void nd_session_make(const struct nd_handoff *h, bool ends)
{
	deadline_s = h->deadline_s;
	ends_when_hung = ends;
	nd_undi_init(h);
	config_make(h);
	nd_net_init(&net, h->mac, h->client_ip, h->netmask, h->gateway, ND_WIRE_CLIENT_PORT);
}

void nd_session_open(void)
{
	undi_open();
}

void nd_session_begin(void)
{
	nd_agent_init(&agent, &config, nd_clock_ms());
}

enum nd_session_state nd_session_turn(void)
{
	unsigned int filled, taken, received;

	slots_fill(nd_clock_ms());
	filled = queue.count;
	taken = nd_undi_batch(queue.bytes, queue.count, &received);
	frames_take(received, nd_clock_ms());
	slots_drop(taken);
	if (nd_agent_done(&agent))
		return ND_SESSION_DONE;
	if (!silence_check(nd_clock_ms())) {
		nd_say("no word from a server for %lu s: giving up",
		       (nd_clock_ms() - agent.heard_ms) / 1000);
		return ND_SESSION_SILENT;
	}
	return filled || received ? ND_SESSION_GOES_ON : ND_SESSION_RESTS;
}
