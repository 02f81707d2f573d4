// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * frames.c - how many frames the NIC's firmware sends in a second: an image of its own, frames.bin,
 * made of DINI's parts with this in main.c's place.  Long mode.
 *
 *   check seal -> quiesce -> open UNDI -> ARP -> { rounds of batches of each size } -> action
 *
 * Frames of full size go to the server's port PORT + size, where someone counts them: that
 * firmware said "sent" proves nothing.  Memory's contents are not read, and nothing is sealed.
 */
#include <stdbool.h>
#include <string.h>

#include "dini/action.h"
#include "dini/boot.h"
#include "dini/clock.h"
#include "dini/console.h"
#include "dini/exception.h"
#include "dini/io.h"
#include "dini/net.h"
#include "dini/quiesce.h"
#include "dini/seal.h"
#include "dini/undi.h"
#include "netdump/wire.h"

#define PORT         6700
#define ROUND_FRAMES 24  /* so few that some rounds go undisturbed */
#define ROUNDS       160 /* the sizes take turns, so that what else the host does hits all alike */
#define REACH_MS     120000
#define ROUND_MS     20000
#define ALL_MS       180000 /* and no further round; some firmware is slow */
#define PAYLOAD      (ND_FRAME_MAX - ND_FRAME_UDP_PAYLOAD)

static const unsigned int sizes[] = {1, 2, 4, 8, 16, 32};

#define SIZES (sizeof sizes / sizeof sizes[0])

static struct nd_handoff handoff;
static struct nd_net net;

/* A size of batches and what came of it: in all its rounds, and the quickest one's time. */
static struct result {
	unsigned int sent, calls;
	uint64_t us, best_us;
} results[SIZES];

/* Addresses, ours and the server's: whatever comes is looked at, and answered. */
static void addresses_exchange(void)
{
	uint16_t bytes[ND_GATE_TX_SLOTS] = {0};
	unsigned int count = 0, received;

	if (nd_undi_tx_room()) {
		bytes[0] = (uint16_t)nd_net_output(&net, nd_undi_tx_slot(0), nd_clock_ms());
		count = bytes[0] > 0;
	}
	nd_undi_batch(bytes, count, &received);
	for (unsigned int i = 0; i < received; i++) {
		struct nd_datagram d;

		nd_net_input(&net, nd_undi_rx_slot(i), nd_undi_rx_bytes(i), &d);
	}
}

/* Opens UNDI rung by rung until the server, or the way to it, answers. */
static bool server_reach(void)
{
	uint64_t now_ms, rung_ms = nd_clock_ms();

	nd_undi_open_next();
	for (now_ms = rung_ms; now_ms < REACH_MS; now_ms = nd_clock_ms()) {
		if (nd_net_resolve(&net, handoff.server_ip[0]))
			return true;
		if (nd_undi_hung() || now_ms - rung_ms >= nd_undi_patience_ms()) {
			nd_undi_open_next();
			rung_ms = nd_clock_ms();
		}
		addresses_exchange();
	}
	return false;
}

/* The same frame in every slot; UNDI leaves them as they are. */
static size_t slots_fill(unsigned int size)
{
	size_t bytes = 0;

	for (unsigned int i = 0; i < ND_GATE_TX_SLOTS && i < handoff.tx_slots; i++) {
		memset((uint8_t *)nd_undi_tx_slot(i) + ND_FRAME_UDP_PAYLOAD, 0xA5, PAYLOAD);
		bytes = nd_net_udp(&net, nd_undi_tx_slot(i), handoff.server_ip[0],
				   (uint16_t)(PORT + size), PAYLOAD);
	}
	return bytes;
}

/* So many at once as are wanted, are left, and the ring has room for; then what is under way. */
static void round_run(struct result *r, unsigned int size, unsigned int room)
{
	uint16_t bytes[ND_GATE_TX_SLOTS];
	uint64_t begin_ms = nd_clock_ms(), begin, us;
	unsigned int sent = 0, received;

	for (unsigned int i = 0; i < ND_GATE_TX_SLOTS; i++)
		bytes[i] = ND_FRAME_MAX;
	begin = nd_rdtsc();
	while (!nd_undi_hung() && nd_clock_ms() - begin_ms < ROUND_MS) {
		unsigned int count = ROUND_FRAMES - sent;

		if (!count && nd_undi_tx_room() >= room)
			break;
		if (count > size)
			count = size;
		if (count > nd_undi_tx_room())
			count = nd_undi_tx_room();
		sent += nd_undi_batch(bytes, count, &received);
		r->calls++;
	}
	us = (nd_rdtsc() - begin) * 1000 / nd_clock_khz();
	r->sent += sent;
	r->us += us;
	if (sent == ROUND_FRAMES && (!r->best_us || us < r->best_us))
		r->best_us = us;
}

static void rounds_run(void)
{
	unsigned int room = nd_undi_tx_room();
	uint64_t begin_ms = nd_clock_ms();

	for (unsigned int i = 0; i < ROUNDS && nd_clock_ms() - begin_ms < ALL_MS; i++) {
		for (unsigned int k = 0; k < SIZES && !nd_undi_hung(); k++) {
			if (slots_fill(sizes[k]) == ND_FRAME_MAX)
				round_run(&results[k], sizes[k], room);
		}
	}
}

/* For scripts/lablib/undi.py to read. */
static void results_say(void)
{
	for (unsigned int k = 0; k < SIZES; k++) {
		const struct result *r = &results[k];

		nd_say("frames: size %u sent %u calls %u us %lu, best %u in us %lu", sizes[k],
		       r->sent, r->calls, r->us, ROUND_FRAMES, r->best_us);
	}
}

uint32_t nd_main64(void)
{
	const char *why;
	uint32_t refusal;

	nd_exception_init();
	nd_say("entered");
	refusal = nd_seal_block_take(nd_boot.handoff_phys, &handoff, &why);
	if (!refusal) {
		nd_action_set(handoff.action, NULL);
		refusal = nd_seal_check(&handoff, &why);
	}
	if (refusal) {
		nd_say("refused: %s", why);
		return refusal;
	}
	nd_console_init();
	nd_quiesce(&handoff);
	nd_clock_init();
	nd_undi_init(&handoff);
	nd_net_init(&net, handoff.mac, handoff.client_ip, handoff.netmask, handoff.gateway,
		    ND_WIRE_CLIENT_PORT);
	if (server_reach()) {
		nd_say("frames: begin at %lu ms", nd_clock_ms());
		rounds_run();
		nd_say("frames: end at %lu ms", nd_clock_ms());
		results_say();
	} else {
		nd_say("frames: no answer to ARP");
	}
	nd_action_run();
}
