// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * main.c - the crash side from the seal's check to the last action.  Long mode.
 *
 *   check seal -> quiesce -> open UNDI -> converse -> action
 */
#include <string.h>

#include "dini/action.h"
#include "dini/boot.h"
#include "dini/clock.h"
#include "dini/console.h"
#include "dini/entropy.h"
#include "dini/exception.h"
#include "dini/io.h"
#include "dini/memory.h"
#include "dini/quiesce.h"
#include "dini/seal.h"
#include "dini/session.h"
#include "dini/visit.h"
#include "wire/noise.h"

#define MAP_LINES_MAX 16

_Static_assert(ND_HELLO_RANGES_MAX == ND_MAP_RANGES_MAX, "map ranges");

static struct nd_handoff handoff;

/* What could open a dump of this machine.  The host's own key stays where boot put it. */
static void secrets_wipe(void)
{
	nd_session_wipe();
	nd_noise_wipe(handoff.psk, sizeof handoff.psk);
	nd_noise_wipe(handoff.seed, sizeof handoff.seed);
	nd_seal_seed_wipe(nd_boot.handoff_phys);
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
	struct nd_agent_config *config = nd_session_config();
	struct nd_crash crash;

	if (!phys || phys > UINT32_MAX - sizeof crash)
		return;
	memcpy(&crash, nd_low(phys), sizeof crash);
	if (crash.magic != ND_CRASH_MAGIC || crash.version != ND_CRASH_VERSION ||
	    crash.bytes != sizeof crash) {
		nd_say("crash block ignored: not one of this version");
		return;
	}
	config->elfcorehdr_phys = crash.elfcorehdr_phys;
	config->elfcorehdr_bytes = crash.elfcorehdr_bytes;
	config->cr3 = crash.cr3;
	config->idt_base = crash.idt_base;
	memcpy(config->reason, crash.reason, sizeof config->reason);
}

static void memory_offer(void)
{
	struct nd_agent_config *config = nd_session_config();

	config->range_count = handoff.map_count;
	for (uint32_t i = 0; i < handoff.map_count; i++)
		config->range[i] = (struct nd_wire_range){
			.phys = handoff.map[i].phys,
			.bytes = handoff.map[i].bytes,
			.kind = handoff.map[i].kind,
		};
	config->page = nd_memory_page;
}

/* Until a server says that it is over, or the deadline; says which. */
static void dump_run(void)
{
	const struct nd_agent *agent = nd_session_agent();
	enum nd_session_state state;

	do
		state = nd_session_turn();
	while (state == ND_SESSION_GOES_ON || state == ND_SESSION_RESTS);
	if (state == ND_SESSION_SILENT) {
		nd_seal_last_words(nd_boot.handoff_phys, nd_session_silence());
		return;
	}
	nd_say("done: %s", agent->done_text);
	if (agent->done_status != ND_DONE_COMPLETE)
		nd_seal_last_words(nd_boot.handoff_phys, agent->done_text);
	nd_say("sent %lu pages, %lu zero, %lu absent in %lu bytes, %lu ms", agent->pages_sent,
	       agent->zero_pages, agent->absent_pages, agent->bytes_sent, nd_clock_ms());
}

static uint32_t refuse(uint32_t refusal, const char *why)
{
	nd_say("refused: %s", why);
	if (memcmp(handoff.signature, ND_HANDOFF_SIGNATURE, sizeof handoff.signature) == 0)
		nd_seal_last_words(nd_boot.handoff_phys, why);
	return refusal;
}

/* The crash side; comes back only to refuse. */
static uint32_t crash_run(void)
{
	struct nd_agent_config *config = nd_session_config();
	const char *why;
	uint32_t refusal;

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

	memory_offer();
	nd_session_make(&handoff, false);
	nd_session_open();
	nd_entropy_mix(config->seed, handoff.seed, config, sizeof *config);
	nd_session_begin();
	dump_run();
	nd_action_run();
}

uint32_t nd_main64(void)
{
	nd_exception_init();
	return nd_boot.magic == ND_DINI_VISIT ? nd_visit_run(nd_boot.crash_phys) : crash_run();
}
