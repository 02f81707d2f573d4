// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pcimodel.c - see pcimodel.h.  Written from the specifications, not from dini/reset.c:
 * numbers stand here as they stand there.
 */
#include "pcimodel.h"

#include <string.h>

#include "dini/clock.h"
#include "dini/config.h"
#include "dini/console.h"

#define FOR_EVER UINT64_MAX

struct model model;

static void rule(bool kept, const char *what)
{
	if (!kept && !model.broken)
		model.broken = what;
}

uint64_t nd_clock_ms(void)
{
	return model.now_ms;
}

void nd_clock_wait_ms(uint32_t ms)
{
	model.now_ms += ms;
}

void nd_say(const char *format, ...)
{
	(void)format;
}

static uint32_t get(const struct model_function *f, unsigned int at)
{
	uint32_t value;

	memcpy(&value, f->config + at, sizeof value);
	return value;
}

static void put(struct model_function *f, unsigned int at, uint32_t value)
{
	memcpy(f->config + at, &value, sizeof value);
}

static bool is_bridge(const struct model_function *f)
{
	return (f->config[0x0E] & 0x7F) == 1;
}

static bool is_port(const struct model_function *f)
{
	unsigned int type = f->express ? f->config[f->express + 2] >> 4 : 0;

	return type == 4 || type == 6;
}

/* The bridge right above this bus, as far as bus numbers say so now. */
static struct model_function *bridge_to(uint8_t bus)
{
	for (unsigned int i = 0; i < model.count; i++) {
		struct model_function *f = &model.function[i];

		if (is_bridge(f) && f->config[0x19] == bus)
			return f;
	}
	return NULL;
}

static bool is_held(const struct model_function *bridge)
{
	return (bridge->config[0x3E] & 0x40) || bridge->link_active_ms > model.now_ms;
}

/* Whether every bridge on the way passes a cycle for this bus on. */
static bool reachable(uint8_t bus)
{
	uint8_t at = bus;

	for (unsigned int hops = 0; at && hops < MODEL_FUNCTIONS; hops++) {
		struct model_function *above = bridge_to(at);

		if (!above || is_held(above) || above->config[0x1A] < bus)
			return false;
		at = (uint8_t)(above->bdf >> 8);
	}
	return at == 0;
}

/* The function that a cycle gets to. */
static struct model_function *find(uint16_t bdf)
{
	uint8_t bus = (uint8_t)(bdf >> 8);

	for (unsigned int i = 0; i < model.count; i++) {
		struct model_function *f = &model.function[i];

		rule(!is_bridge(f) || f->config[0x19] != bus || !is_held(f),
		     "access below a port that is held in reset");
		if (f->bdf == bdf)
			return reachable(bus) ? f : NULL;
	}
	return NULL;
}

static bool transactions_go_on(const struct model_function *f)
{
	if (f->config[4] & 4)
		return true;
	return f->pending_ms == FOR_EVER || model.now_ms < f->master_off_ms + f->pending_ms;
}

/* The bounded wait that a driver owes transactions that never end. */
#define PENDING_BOUND_MS 400

static void function_reset(struct model_function *f, enum model_reset how, uint32_t quiet_ms)
{
	bool waited = model.now_ms >= f->master_off_ms + PENDING_BOUND_MS;

	rule(!(f->config[4] & 4), "reset with bus mastering on");
	rule(!(f->express || f->af) || !transactions_go_on(f) || waited,
	     "reset without waiting for transactions");
	rule(!(f->forbidden & 1u << how), "a reset that this function must not get");
	memcpy(f->config, f->born, sizeof f->config);
	f->resets[how]++;
	f->quiet_ms = model.now_ms + quiet_ms;
	f->answers_ms = f->dies_of & 1u << how ? FOR_EVER : f->quiet_ms + f->ready_ms;
	f->written = false;
	f->pending_ms = 0;
}

static void below_reset(struct model_function *bridge, enum model_reset how, uint32_t quiet_ms)
{
	for (unsigned int i = 0; i < model.count; i++) {
		struct model_function *f = &model.function[i];

		if (f->bdf >> 8 == bridge->config[0x19])
			function_reset(f, how, quiet_ms);
	}
}

static void below_wait(const struct model_function *bridge, uint64_t quiet_ms)
{
	for (unsigned int i = 0; i < model.count; i++) {
		struct model_function *f = &model.function[i];

		if (f->bdf >> 8 != bridge->config[0x19])
			continue;
		f->quiet_ms = quiet_ms;
		if (f->answers_ms != FOR_EVER)
			f->answers_ms = quiet_ms + f->ready_ms;
	}
}

static void pm_write(struct model_function *f, uint32_t value)
{
	uint32_t was = get(f, f->pm + 4);
	unsigned int from = was & 3, to = value & 3;

	rule(!(value & 0x8000), "PME status cleared");
	put(f, f->pm + 4, (was & 0x8008) | (value & 0x0103));
	if (from == to)
		return;
	f->quiet_ms = model.now_ms + 10;
	if (to == 3) {
		rule(!(f->config[4] & 4), "D3hot with bus mastering on");
		return;
	}
	if (from == 3 && !(was & 8)) {
		function_reset(f, MODEL_POWER, 10);
		put(f, f->pm + 4, value & 0x0103);
	}
}

static void express_device_write(struct model_function *f, uint32_t value)
{
	rule(!(value & 0x000F0000), "device status cleared");
	put(f, f->express + 8, value & 0x7FFF);
	if ((value & 0x8000) && !is_bridge(f)) {
		rule(get(f, f->express + 4) & 0x10000000, "FLR where there is none");
		function_reset(f, MODEL_FLR, 100);
	}
}

static uint32_t express_type(const struct model_function *f)
{
	return f->config[f->express + 2] >> 4;
}

/* L1 is on below only where it is on above (PCI Express 4.0 section 5.4.1.3). */
static void aspm_check(void)
{
	for (unsigned int i = 0; i < model.count; i++) {
		struct model_function *below = &model.function[i];
		struct model_function *above = bridge_to((uint8_t)(below->bdf >> 8));

		if (!below->express || !above || !is_port(above) || is_held(above))
			continue;
		rule(!(get(below, below->express + 16) & 2) ||
			     (get(above, above->express + 16) & 2),
		     "L1 on below a port where it is off");
	}
}

static void link_write(struct model_function *f, uint32_t value)
{
	uint32_t was = get(f, f->express + 16);

	rule(!(value & 0xFFFF0000), "link status written");
	rule(express_type(f) != 9 && express_type(f) != 10, "link control where there is no link");
	rule(is_port(f) || !(value & 0x30), "link off or trained by what is no port");
	put(f, f->express + 16, value & 0xFFDF); /* retrain reads as 0 */
	aspm_check();
	if (!is_port(f))
		return;
	if ((value & 0x10) && !(was & 0x10)) {
		below_reset(f, MODEL_LINK, 0);
		f->began_ms = model.now_ms;
		f->link_active_ms = FOR_EVER;
	}
	if (!(value & 0x10) && (was & 0x10)) {
		rule(model.now_ms >= f->began_ms + 1, "link off for less than 1 ms");
		f->began_ms = 0;
	}
	if ((value & 0x20) && !(value & 0x10) && f->link_active_ms == FOR_EVER) {
		f->link_active_ms = model.now_ms + f->link_up_ms;
		below_wait(f, f->link_active_ms + 100);
	}
}

static void express_2_write(struct model_function *f, uint32_t value)
{
	rule((f->config[f->express + 2] & 15) >= 2, "device control 2 where there is none");
	rule(!(value & 0xFFFF0000), "device status 2 written");
	put(f, f->express + 40, value);
}

static void bridge_control_write(struct model_function *f, uint32_t value)
{
	bool was = f->config[0x3E] & 0x40, on = value & 0x400000;

	rule(!(value & 0x04000000), "discard timer status cleared");
	put(f, 0x3C, value);
	if (on && !was) {
		below_reset(f, MODEL_BUS, 0);
		f->began_ms = model.now_ms;
	}
	if (was && !on) {
		rule(model.now_ms >= f->began_ms + 1, "bus reset for less than 1 ms");
		f->link_active_ms = model.now_ms + f->link_up_ms;
		below_wait(f, f->link_active_ms + (is_port(f) ? 100 : 1000));
	}
}

/* Registers that hold what is written, and are what a restoration has to bring back. */
static bool is_kept(const struct model_function *f, unsigned int at)
{
	if (is_bridge(f))
		return at == 0x0C || (at >= 0x10 && at <= 0x30);
	return at == 0x0C || (at >= 0x10 && at <= 0x24) || at == 0x30 || at == 0x3C;
}

/* What COMMAND switches on needs its addresses, payload size and power first. */
static bool is_restored(const struct model_function *f)
{
	if (f->pm && (get(f, f->pm + 4) & 3))
		return false;
	if (f->express && memcmp(f->config + f->express + 8, f->boot + f->express + 8, 2) != 0)
		return false;
	for (unsigned int at = 0; at < sizeof f->config; at += 4)
		if (is_kept(f, at) && memcmp(f->config + at, f->boot + at, 4) != 0)
			return false;
	return true;
}

static void command_write(struct model_function *f, uint32_t value)
{
	rule(!(value & 0xFFFF0000), "status cleared");
	rule(!(value & 7) || is_restored(f), "decoding or bus mastering before all is restored");
	if ((f->config[4] & 4) && !(value & 4))
		f->master_off_ms = model.now_ms;
	put(f, 4, (get(f, 4) & 0xFFFF0000) | (value & 0x0547));
}

uint32_t nd_config_read(uint16_t bdf, unsigned int at)
{
	struct model_function *f = find(bdf);
	uint32_t value;

	model.accesses++;
	if (!f)
		return 0xFFFFFFFF;
	rule(model.now_ms >= f->quiet_ms, "read too early");
	rule(f->written, "the first access after a reset is a read");
	if (model.now_ms < f->answers_ms)
		return f->retries && at == 0 ? 0xFFFF0001 : 0xFFFFFFFF;
	value = get(f, at);
	if (f->express && at == f->express + 8 && transactions_go_on(f))
		value |= 0x00200000;
	if (f->af && at == f->af + 4 && transactions_go_on(f))
		value |= 0x100;
	if (f->express && at == f->express + 16 && is_port(f) && model.now_ms >= f->link_active_ms)
		value |= 0x20000000;
	return value;
}

void nd_config_write(uint16_t bdf, unsigned int at, uint32_t value)
{
	struct model_function *f = find(bdf);

	model.accesses++;
	if (!f)
		return;
	rule(model.now_ms >= f->quiet_ms, "write too early");
	f->written = true;
	if (model.now_ms < f->answers_ms)
		return;
	if (at == 4)
		command_write(f, value);
	else if (f->pm && at == f->pm + 4)
		pm_write(f, value);
	else if (f->express && at == f->express + 8)
		express_device_write(f, value);
	else if (f->express && at == f->express + 16)
		link_write(f, value);
	else if (f->express && at == f->express + 40)
		express_2_write(f, value);
	else if (f->af && at == f->af + 4 && (value & 1))
		function_reset(f, MODEL_AF, 100);
	else if (f->msi && at == f->msi)
		put(f, at, value);
	else if (is_bridge(f) && at == 0x3C)
		bridge_control_write(f, value);
	else if (is_kept(f, at)) {
		rule(is_bridge(f) || at < 0x10 || at > 0x24 || !(f->config[4] & 3),
		     "a BAR changed while it decodes");
		put(f, at, at == 0x0C ? (get(f, at) & 0xFFFF0000) | (value & 0xFFFF) : value);
	}
}

void model_clear(void)
{
	memset(&model, 0, sizeof model);
}

static struct model_function *function_add(uint16_t bdf, uint32_t id, uint8_t header)
{
	struct model_function *f = &model.function[model.count++];

	f->bdf = bdf;
	f->written = true;
	put(f, 0x00, id);
	f->config[0x0E] = header;
	memcpy(f->born, f->config, sizeof f->born);
	return f;
}

struct model_function *model_nic(uint16_t bdf, uint32_t id)
{
	struct model_function *f = function_add(bdf, id, 0);

	put(f, 0x04, 0x0007);
	for (unsigned int at = 0x10; at <= 0x24; at += 4)
		put(f, at, 0xFE000000 + at * 0x1000);
	put(f, 0x0C, 0x10);
	put(f, 0x3C, 0x010B);
	return f;
}

struct model_function *model_bridge(uint16_t bdf, uint8_t bus_from, uint8_t bus_to)
{
	struct model_function *f = function_add(bdf, 0x000C1B36, 1);

	put(f, 0x04, 0x0007);
	put(f, 0x18, (uint32_t)bus_to << 16 | (uint32_t)bus_from << 8 | bdf >> 8);
	put(f, 0x20, 0xFEFFFE00);
	return f;
}

/* In front of the list, with room for any of them. */
static unsigned int cap_add(struct model_function *f, uint8_t id)
{
	unsigned int at = f->config[0x34] ? f->config[0x34] + 0x40u : 0x40;

	f->config[at] = f->born[at] = id;
	f->config[at + 1] = f->born[at + 1] = f->config[0x34];
	f->config[0x34] = f->born[0x34] = (uint8_t)at;
	f->config[6] |= 0x10;
	f->born[6] |= 0x10;
	return at;
}

/* The same now and after any reset. */
static void put_born(struct model_function *f, unsigned int at, uint32_t value)
{
	put(f, at, value);
	memcpy(f->born + at, &value, sizeof value);
}

void model_cap_pm(struct model_function *f, bool no_soft_reset)
{
	f->pm = cap_add(f, 0x01);
	put_born(f, f->pm + 4, no_soft_reset ? 8 : 0);
}

void model_cap_af(struct model_function *f)
{
	f->af = cap_add(f, 0x13);
	f->config[f->af + 2] = f->born[f->af + 2] = 6;
	f->config[f->af + 3] = f->born[f->af + 3] = 3;
}

void model_cap_express(struct model_function *f, unsigned int type, bool flr)
{
	f->express = cap_add(f, 0x10);
	f->config[f->express + 2] = f->born[f->express + 2] = (uint8_t)(type << 4 | 2);
	put_born(f, f->express + 4, flr ? 0x10008001 : 0x00008001);
	put_born(f, f->express + 12, is_port(f) ? 0x00100013 : 0x13);
	put(f, f->express + 8, 0x000F2830); /* what boot set, and errors that it met */
	memcpy(f->born + f->express + 8, &(uint32_t){0x2810}, 4);
	put(f, f->express + 16, 0xC0110040); /* events that were never cleared */
	put(f, f->express + 40, 0x0406);
}

void model_express_old(struct model_function *f)
{
	f->config[f->express + 2] = f->born[f->express + 2] = (uint8_t)(express_type(f) << 4 | 1);
	put(f, f->express + 40, 0);
}

void model_aspm(struct model_function *f, uint32_t aspm)
{
	put(f, f->express + 16, (get(f, f->express + 16) & 0xFFFC) | aspm);
}

void model_link_off(struct model_function *port)
{
	put(port, port->express + 16, get(port, port->express + 16) | 0x10);
	below_reset(port, MODEL_LINK, 0);
	port->link_active_ms = FOR_EVER;
}

void model_cap_msi(struct model_function *f)
{
	f->msi = cap_add(f, 0x05);
}

void model_copy(struct model_function *f, struct nd_pci_copy *copy)
{
	memset(copy, 0, sizeof *copy);
	copy->bdf = f->bdf;
	memcpy(copy->config, f->config, sizeof copy->config);
	memcpy(f->boot, f->config, sizeof f->boot);
}

void model_upset(struct model_function *f)
{
	if (f->express) {
		put(f, f->express + 16, get(f, f->express + 16) ^ 0x00C0);
		put(f, f->express + 40, f->config[f->express + 2] & 2 ? 0x1009 : 0);
	}
	if (is_bridge(f)) {
		put(f, 0x04, 0);
		put(f, 0x18, 0x00FFFF00);
		put(f, 0x20, 0x0000FFF0);
		return;
	}
	for (unsigned int at = 0x10; at <= 0x24; at += 4)
		put(f, at, 0xEE000000 + at);
	put(f, 0x04, (get(f, 0x04) & 0xFFFF0000) | 0x0407);
	if (f->express)
		put(f, f->express + 8, 0x5000);
	if (f->msi)
		put(f, f->msi, get(f, f->msi) | 0x10000);
	if (f->pm)
		put(f, f->pm + 4, get(f, f->pm + 4) | 0x8103);
}

bool model_is_as_at_boot(const struct model_function *f, bool master)
{
	uint32_t command = master ? 7 : 3;

	if (f->express && (memcmp(f->config + f->express + 16, f->boot + f->express + 16, 2) != 0 ||
			   memcmp(f->config + f->express + 40, f->boot + f->express + 40, 2) != 0))
		return false;
	return is_restored(f) && (get(f, 4) & 0xFFFF) == command &&
	       !(f->msi && (get(f, f->msi) & 0x10000));
}
