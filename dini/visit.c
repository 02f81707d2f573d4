// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * visit.c - see visit.h.  Long mode.
 *
 * The system lives, so what it says of itself is believed as far as its own harm goes; where it
 * lends memory, that has to be its own.
 */
#include "dini/visit.h"

#include <stddef.h>
#include <string.h>

#include "dini/boot.h"
#include "dini/clock.h"
#include "dini/console.h"
#include "dini/entropy.h"
#include "dini/io.h"
#include "dini/living.h"
#include "dini/memory.h"
#include "dini/seal.h"
#include "dini/session.h"
#include "dini/undi.h"
#include "wire/noise.h"

#define SLICE_US_MAX  1000000u
#define DEADLINE_S    20 /* a living system is held all the while */
#define TABLE_ENTRIES (ND_PAGE_BYTES / sizeof(uint64_t))

static struct nd_handoff handoff;
static struct nd_visit *visit; /* the system's: what is used later of it is copied */
static uint64_t send_table_phys, send_bytes, take_table_phys;
static bool failed; /* nothing but END is done */
static bool asked;  /* firmware, to close: once, as that may be what failed */
static uint64_t begin_tsc;

static uint64_t now_us(void)
{
	return (nd_rdtsc() - begin_tsc) * 1000 / nd_clock_khz();
}

static void step_note(enum nd_visit_step step)
{
	visit->step_us[step] = now_us();
}

static void text_put(const char *text)
{
	size_t i = 0;

	for (; text[i] && i + 1 < sizeof visit->text; i++)
		visit->text[i] = text[i];
	visit->text[i] = 0;
}

/* The system's own memory, or NULL. */
static struct nd_visit *visit_at(uint32_t phys)
{
	struct nd_visit *v = nd_low(phys);

	if (phys % ND_PAGE_BYTES > ND_PAGE_BYTES - sizeof *v ||
	    !nd_memory_page(NULL, phys - phys % ND_PAGE_BYTES))
		return NULL;
	return v->magic == ND_VISIT_MAGIC && v->version == ND_VISIT_VERSION && v->bytes == sizeof *v
		       ? v
		       : NULL;
}

/* Entry `index` of a table of pages; a page that there is none of is no page. */
static uint64_t page_phys(uint64_t table_phys, uint64_t index)
{
	const uint64_t *entry =
		nd_memory_page(NULL, table_phys + index / TABLE_ENTRIES * ND_PAGE_BYTES);

	return entry ? entry[index % TABLE_ENTRIES] : 1;
}

static const void *sent_page(void *unused, uint64_t at)
{
	uint64_t phys = at < send_bytes ? page_phys(send_table_phys, at / ND_PAGE_BYTES) : 1;

	(void)unused;
	return phys % ND_PAGE_BYTES ? NULL : nd_memory_page(NULL, phys);
}

/* Pages below 4 GiB: what shows those above is read-only. */
static void taken_put(void *unused, uint64_t at, const void *piece, size_t bytes)
{
	(void)unused;
	while (bytes) {
		uint64_t phys = page_phys(take_table_phys, at / ND_PAGE_BYTES);
		size_t offset = at % ND_PAGE_BYTES;
		size_t room = ND_PAGE_BYTES - offset < bytes ? ND_PAGE_BYTES - offset : bytes;

		if (phys % ND_PAGE_BYTES == 0 && phys <= UINT32_MAX && nd_memory_page(NULL, phys))
			memcpy((uint8_t *)nd_low((uint32_t)phys) + offset, piece, room);
		piece = (const uint8_t *)piece + room;
		at += room;
		bytes -= room;
	}
}

/* Of a machine that goes on nothing is stopped, and no bridge reset: others are behind it. */
static void handoff_tame(void)
{
	handoff.skip |= ND_STEP_POWER | ND_STEP_LINK | ND_STEP_BUS;
	if (visit->kind != ND_HELLO_TEST)
		handoff.skip |= ND_STEP_FLR; /* it takes a tenth of a second */
	handoff.pci_copy_count = handoff.pci_copy_count ? 1 : 0;
	if (!handoff.deadline_s || handoff.deadline_s > DEADLINE_S)
		handoff.deadline_s = DEADLINE_S;
}

static void config_make(void)
{
	struct nd_agent_config *config = nd_session_config();

	config->kind = (uint16_t)visit->kind;
	memcpy(config->reason, visit->name, sizeof visit->name - 1);
	config->range_count = visit->send_bytes ? 1 : 0;
	config->range[0] = (struct nd_wire_range){.bytes = visit->send_bytes, .kind = ND_RANGE_RAM};
	config->page = sent_page;
	send_table_phys = visit->send_table_phys;
	send_bytes = visit->send_bytes;
	take_table_phys = visit->take_table_phys;
	config->take = visit->take_room_bytes ? taken_put : NULL;
	config->take_room_bytes = visit->take_room_bytes;
	nd_entropy_mix(config->seed, visit->random, config, sizeof *config);
	nd_noise_wipe(visit->random, sizeof visit->random);
}

static void fail(const char *why)
{
	visit->state = ND_VISIT_FAILED;
	text_put(why);
	failed = true;
}

static void begin(void)
{
	const char *unsafe;

	step_note(ND_VISIT_SEAL);
	handoff_tame();
	nd_session_make(&handoff, true);
	unsafe = nd_undi_unsafe();
	if (unsafe) {
		fail(unsafe);
		return;
	}
	nd_visit_live = ND_VISIT_LIVE; /* from here on there is something to put right */
	nd_session_open();
	nd_undi_line_off();
	step_note(ND_VISIT_OPEN);
	config_make();
	nd_session_begin();
	visit->state = ND_VISIT_BUSY;
}

/* Steps are noted once, but for the last answer to the server. */
static void steps_note(void)
{
	const struct nd_agent *agent = nd_session_agent();

	if (agent->hellos && !visit->step_us[ND_VISIT_HELLO])
		step_note(ND_VISIT_HELLO);
	if (agent->heard && !visit->step_us[ND_VISIT_HEARD])
		step_note(ND_VISIT_HEARD);
	if (agent->last_read_id && !agent->queue_count && !agent->done &&
	    visit->sent_bytes != agent->bytes_sent)
		step_note(ND_VISIT_ASKED);
	visit->sent_bytes = agent->bytes_sent;
	visit->refused = agent->refused;
	visit->taken_bytes = nd_agent_taken_bytes(agent);
}

static enum nd_visit_state state_of(enum nd_session_state state)
{
	const struct nd_agent *agent = nd_session_agent();

	if (nd_undi_hung()) {
		fail(nd_undi_hung_words());
		return ND_VISIT_FAILED;
	}
	switch (state) {
	case ND_SESSION_DONE:
		step_note(ND_VISIT_SAID);
		visit->done_status = agent->done_status;
		text_put(agent->done_text);
		return ND_VISIT_DONE;
	case ND_SESSION_SILENT:
		fail(nd_session_silence());
		return ND_VISIT_FAILED;
	case ND_SESSION_RESTS:
		return ND_VISIT_IDLE;
	default:
		return ND_VISIT_BUSY;
	}
}

static void go_on(void)
{
	uint64_t from_us = now_us();
	uint32_t slice_us = visit->slice_us < SLICE_US_MAX ? visit->slice_us : SLICE_US_MAX;
	enum nd_session_state state;

	if (failed)
		return;
	nd_undi_alarm_again();
	do {
		state = nd_session_turn();
		steps_note();
	} while (state == ND_SESSION_GOES_ON && !nd_undi_hung() && now_us() - from_us < slice_us);
	visit->state = state_of(state);
	nd_undi_line_off(); /* a rung of the ladder may have brought it back */
}

static void end(bool asks)
{
	bool closed;

	asks = asks && !asked;
	asked = true;
	nd_undi_alarm_again();
	closed = nd_undi_close(asks);
	nd_session_wipe();
	nd_noise_wipe(&handoff, sizeof handoff);
	nd_visit_live = 0;
	visit->state = closed ? ND_VISIT_DONE : ND_VISIT_CUT;
}

/* The block and its seal, looked at when a visit begins. */
static uint32_t block_take(void)
{
	const char *why;
	uint32_t refusal = nd_seal_block_take(nd_boot.handoff_phys, &handoff, &why);

	return refusal ? refusal : nd_seal_check(&handoff, &why);
}

void nd_visit_fail(const char *why)
{
	if (visit) {
		fail(why);
		nd_undi_line_off();
		nd_living_back();
	}
	nd_return64(0);
}

uint32_t nd_visit_run(uint32_t visit_phys)
{
	bool begins = nd_visit_live != ND_VISIT_LIVE;
	uint32_t refusal = 0;

	nd_console_mute();
	if (begins) {
		begin_tsc = nd_rdtsc();
		refusal = block_take();
	}
	if (refusal)
		return refusal;
	nd_memory_init(handoff.map, handoff.map_count);
	visit = visit_at(visit_phys);
	if (!visit || (visit->op == ND_VISIT_BEGIN) != begins || visit->op > ND_VISIT_ABANDON ||
	    visit->kind == ND_HELLO_CRASH || visit->kind >= ND_HELLO_KINDS)
		return ND_REFUSED_VISIT;
	if (begins)
		nd_clock_set(visit->tsc_khz);
	nd_living_aside(&handoff);
	if (begins)
		begin();
	else if (visit->op == ND_VISIT_GO_ON)
		go_on();
	else
		end(visit->op == ND_VISIT_END);
	nd_living_back();
	return 0;
}
