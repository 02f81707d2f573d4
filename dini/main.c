// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * main.c - the crash side from the seal's check to the last action.  Long mode.
 *
 *   check seal -> quiesce -> open UNDI -> { fill slots, gate batch, read frames } -> action
 */
#include <stdbool.h>
#include <string.h>

#include "dini/action.h"
#include "dini/agent.h"
#include "dini/boot.h"
#include "dini/clock.h"
#include "dini/console.h"
#include "dini/entropy.h"
#include "dini/exception.h"
#include "dini/io.h"
#include "dini/memory.h"
#include "dini/net.h"
#include "dini/quiesce.h"
#include "dini/seal.h"
#include "dini/undi.h"

#define SILENCE_MS    30000 /* of a server that was heard, before UNDI is opened anew */
#define REFRESH_MS    3000  /* of silence before addresses are asked for again */
#define TX_STALLS_MAX 8     /* batches that took no frame, before those are given up */
#define MAP_LINES_MAX 16

_Static_assert(ND_AGENT_SERVERS_MAX == ND_SERVERS_MAX, "servers");
_Static_assert(ND_HELLO_RANGES_MAX == ND_MAP_RANGES_MAX, "map ranges");
_Static_assert(ND_REASON_BYTES == ND_HELLO_REASON_BYTES, "reason");
_Static_assert(ND_HOST_BYTES == ND_HOST_NAME_BYTES, "host");
_Static_assert(ND_KEY_BYTES == ND_WIRE_KEY_BYTES, "keys");
_Static_assert((int)ND_AGENT_NONE == (int)ND_SECURITY_NONE &&
		       (int)ND_AGENT_PLAIN == (int)ND_SECURITY_PLAIN &&
		       (int)ND_AGENT_NK == (int)ND_SECURITY_NK &&
		       (int)ND_AGENT_NKPSK0 == (int)ND_SECURITY_NKPSK0,
	       "security");

static struct nd_handoff handoff;
static struct nd_net net;
static struct nd_agent agent;
static struct nd_agent_config config;

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

/* What could open a dump of this machine.  The host's own key stays where boot put it. */
static void secrets_wipe(void)
{
	nd_agent_wipe(&agent);
	nd_noise_wipe(datagram, sizeof datagram);
	nd_noise_wipe(&config, sizeof config);
	nd_noise_wipe(handoff.psk, sizeof handoff.psk);
	nd_noise_wipe(handoff.seed, sizeof handoff.seed);
	nd_seal_seed_wipe(nd_boot.handoff_phys);
}

static void ip_say(const char *before, const uint8_t ip[4], const char *after)
{
	nd_say("%s%u.%u.%u.%u%s", before, ip[0], ip[1], ip[2], ip[3], after);
}

static void map_say(void)
{
	uint64_t ram = 0;

	for (uint32_t i = 0; i < handoff.map_count; i++) {
		const struct nd_range *r = &handoff.map[i];

		if (r->kind == ND_RANGE_RAM)
			ram += r->bytes;
		if (i < MAP_LINES_MAX)
			nd_say("map %lx + %lx kind %u", r->phys, r->bytes, r->kind);
	}
	nd_say("memory %lu MiB in %u ranges", ram >> 20, handoff.map_count);
}

static void crash_take(uint32_t phys)
{
	struct nd_crash crash;

	if (!phys || phys > UINT32_MAX - sizeof crash)
		return;
	memcpy(&crash, nd_low(phys), sizeof crash);
	if (crash.magic != ND_CRASH_MAGIC || crash.version != ND_CRASH_VERSION ||
	    crash.bytes != sizeof crash) {
		nd_say("crash block ignored: not one of this version");
		return;
	}
	config.elfcorehdr_phys = crash.elfcorehdr_phys;
	config.elfcorehdr_bytes = crash.elfcorehdr_bytes;
	config.cr3 = crash.cr3;
	config.idt_base = crash.idt_base;
	memcpy(config.reason, crash.reason, sizeof config.reason);
}

static void config_make(const uint8_t mac[6])
{
	uint16_t port = handoff.server_port ? handoff.server_port : ND_WIRE_PORT;

	config.security = handoff.security;
	config.has_psk = handoff.security == ND_SECURITY_NKPSK0;
	memcpy(config.psk, handoff.psk, sizeof config.psk);
	memcpy(config.server_key, handoff.server_key, sizeof config.server_key);
	memcpy(config.mac, mac, sizeof config.mac);
	memcpy(config.client_ip, handoff.client_ip, sizeof config.client_ip);
	config.server_count = handoff.server_count;
	for (uint32_t i = 0; i < handoff.server_count; i++) {
		memcpy(config.server[i].ip, handoff.server_ip[i], 4);
		config.server[i].port = port;
	}
	memcpy(config.host, handoff.host, sizeof config.host);
	config.range_count = handoff.map_count;
	for (uint32_t i = 0; i < handoff.map_count; i++)
		config.range[i] = (struct nd_wire_range){
			.phys = handoff.map[i].phys,
			.bytes = handoff.map[i].bytes,
			.kind = handoff.map[i].kind,
		};
	config.page = nd_memory_page;
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
	if (handoff.deadline_s && silent_ms >= handoff.deadline_s * 1000ull)
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

/* Why there is an end without a server's word. */
static const char *silence_words(void)
{
	if (hung_ms > agent.heard_ms)
		return nd_undi_hung_words();
	return answered ? "the server fell silent" : "no server answered";
}

/* Until a server says that it is over, or the deadline; says which. */
static void dump_run(void)
{
	while (!nd_agent_done(&agent)) {
		unsigned int taken, received;

		slots_fill(nd_clock_ms());
		taken = nd_undi_batch(queue.bytes, queue.count, &received);
		frames_take(received, nd_clock_ms());
		slots_drop(taken);
		if (!silence_check(nd_clock_ms())) {
			nd_say("no word from a server for %lu s: giving up",
			       (nd_clock_ms() - agent.heard_ms) / 1000);
			nd_seal_last_words(nd_boot.handoff_phys, silence_words());
			return;
		}
	}
	nd_say("done: %s", agent.done_text);
	if (agent.done_status != ND_DONE_COMPLETE)
		nd_seal_last_words(nd_boot.handoff_phys, agent.done_text);
	nd_say("sent %lu pages, %lu zero, %lu absent in %lu bytes, %lu ms", agent.pages_sent,
	       agent.zero_pages, agent.absent_pages, agent.bytes_sent, nd_clock_ms());
}

static uint32_t refuse(uint32_t refusal, const char *why)
{
	nd_say("refused: %s", why);
	if (memcmp(handoff.signature, ND_HANDOFF_SIGNATURE, sizeof handoff.signature) == 0)
		nd_seal_last_words(nd_boot.handoff_phys, why);
	return refusal;
}

uint32_t nd_main64(void)
{
	uint8_t mac[6];
	const char *why;
	uint32_t refusal;

	nd_exception_init();
	nd_say("entered");
	refusal = nd_seal_block_take(nd_boot.handoff_phys, &handoff, &why);
	if (!refusal) {
		nd_action_set(handoff.action, secrets_wipe); /* from here on whatever happens */
		refusal = nd_seal_check(&handoff, &why);
	}
	if (refusal)
		return refuse(refusal, why);

	nd_console_init();
	nd_memory_init(handoff.map, handoff.map_count);
	crash_take(nd_boot.crash_phys);
	if (handoff.skip)
		nd_say("left out, as skip= says: %x", handoff.skip);
	nd_quiesce(&handoff);
	nd_clock_init();
	nd_say("clock %u kHz", nd_clock_khz());
	map_say();

	nd_undi_init(&handoff);
	memcpy(mac, handoff.mac, sizeof mac);
	config_make(mac);
	nd_net_init(&net, mac, handoff.client_ip, handoff.netmask, handoff.gateway,
		    ND_WIRE_CLIENT_PORT);
	undi_open();
	nd_entropy_mix(config.seed, handoff.seed, &config, sizeof config);
	nd_agent_init(&agent, &config, nd_clock_ms());
	dump_run();
	nd_action_run();
}
