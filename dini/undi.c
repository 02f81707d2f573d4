// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * undi.c - the NIC through its firmware.  Long mode; each call goes down to real mode
 * and back through the gate.
 *
 * Parameter blocks and opcodes: PXE 2.1 section 4.  Opcode 15h means GET_STATE in one
 * table and STOP_UNDI in another, so it is never called.
 */
#include "dini/undi.h"

#include <string.h>

#include "dini/alarm.h"
#include "dini/boot.h"
#include "dini/chip.h"
#include "dini/chipset.h"
#include "dini/clock.h"
#include "dini/console.h"
#include "dini/exception.h"
#include "dini/firmware.h"
#include "dini/flight.h"
#include "dini/io.h"
#include "dini/pci.h"
#include "dini/reset.h"
#include "dini/seal.h"

#define UNDI_STARTUP             0x01
#define UNDI_CLEANUP             0x02
#define UNDI_INITIALIZE          0x03
#define UNDI_SHUTDOWN            0x05
#define UNDI_OPEN                0x06
#define UNDI_CLOSE               0x07
#define UNDI_SET_STATION_ADDRESS 0x0A
#define UNDI_GET_INFORMATION     0x0C

#define FILTER_DIRECTED    1
#define FILTER_BROADCAST   2
#define INITIALIZE_TRIES   10
#define INITIALIZE_WAIT_MS 200
#define PATIENCE_MS        8000 /* links take seconds */
#define PATIENCE_DOUBLINGS 2    /* switches that learn first take half a minute */
#define CALL_LIMIT_S       15   /* for one call: a link may be waited for in it */
#define BATCH_LIMIT_S      6    /* for a batch, which takes milliseconds */
#define ALARM_KEPT_MS      250  /* before it is put off again: a clock read badly may be far off */

#define HUNG_WORDS  "firmware call .. did not return"
#define HUNG_DIGITS (sizeof "firmware call " - 1) /* where they begin */

struct undi_status {
	uint16_t status;
};

struct undi_initialize {
	uint16_t status;
	uint32_t protocol_ini;
	uint8_t reserved[8];
} __attribute__((packed));

struct undi_open {
	uint16_t status;
	uint16_t flag;
	uint16_t filter;
	uint8_t multicast[130];
} __attribute__((packed));

struct undi_station_address {
	uint16_t status;
	uint8_t mac[16];
} __attribute__((packed));

struct undi_information {
	uint16_t status, base_io, irq, mtu, type, address_bytes;
	uint8_t mac[16], permanent_mac[16];
	uint16_t rom, rx_buffers, tx_buffers;
} __attribute__((packed));

_Static_assert(sizeof(struct undi_initialize) == 14, "PXE 2.1, UNDI_INITIALIZE");
_Static_assert(sizeof(struct undi_open) == 136, "PXE 2.1, UNDI_OPEN");
_Static_assert(sizeof(struct undi_station_address) == 18, "PXE 2.1, UNDI_SET_STATION_ADDRESS");
_Static_assert(sizeof(struct undi_information) == 50, "PXE 2.1, UNDI_GET_INFORMATION");
_Static_assert(sizeof(struct undi_open) <= ND_GATE_PARAM_BYTES, "the gate's parameter block");

static const struct nd_handoff *hand;
static struct nd_gate_call *call;
static struct nd_flight flight;
static const struct nd_pci_copy *pci;
static unsigned int pci_count;
static unsigned int rung;     /* the next one */
static unsigned int patience; /* how often it was doubled */

static bool has_alarm, is_kept;
static bool hung; /* a call did not return: nothing more is called until firmware begins anew */
static char hung_words[sizeof HUNG_WORDS];
static uint64_t alarm_set_ms;
static unsigned int alarm_s; /* that it was set to, 0: it was not */

/* Whether the configuration leaves it in. */
static bool does(enum nd_step step)
{
	return !(hand->skip & step);
}

void nd_undi_init(const struct nd_handoff *handoff)
{
	hand = handoff;
	if (does(ND_STEP_ALARM))
		nd_alarm_init(nd_chipset_ioapic_phys(handoff));
	has_alarm = does(ND_STEP_ALARM) && nd_alarm_works();
	if (!has_alarm)
		nd_say("no NMI from the clock: a firmware call that hangs is not interrupted");
	is_kept = does(ND_STEP_FIRMWARE) && nd_firmware_keep(handoff);
	if (!is_kept)
		nd_say("the firmware's memory is not kept: a call that hangs may spoil it");
	call = nd_low(handoff->gate_call_phys);
	pci = nd_low(handoff->pci_copy_phys);
	pci_count = handoff->pci_copy_count;
	rung = 0;
	patience = 0;
}

void nd_undi_alarm_again(void)
{
	if (does(ND_STEP_ALARM))
		nd_alarm_init(nd_chipset_ioapic_phys(hand));
	alarm_s = 0;
}

/* A clock that is set each time would cost more than many a batch. */
static void alarm_put_off(unsigned int limit_s)
{
	uint64_t now_ms = nd_clock_ms();

	if (!does(ND_STEP_ALARM))
		return;
	if (alarm_s == limit_s && now_ms - alarm_set_ms < ALARM_KEPT_MS)
		return;
	nd_alarm_set(limit_s);
	alarm_set_ms = now_ms;
	alarm_s = limit_s;
}

static void hung_words_make(uint16_t opcode)
{
	static const char digit[] = "0123456789ABCDEF";

	memcpy(hung_words, HUNG_WORDS, sizeof HUNG_WORDS);
	hung_words[HUNG_DIGITS] = digit[opcode >> 4 & 15];
	hung_words[HUNG_DIGITS + 1] = digit[opcode & 15];
}

static void gate_enter(unsigned int limit_s)
{
	bool crashed = nd_boot.magic != ND_DINI_VISIT;

	alarm_put_off(limit_s);
	/* for what no alarm gets out of: a reset, by the firmware or by its fault */
	if (crashed)
		nd_seal_last_words_away(nd_boot.handoff_phys, true);
	nd_gate_enter64(hand->gate_entry_phys);
	nd_exception_load();
	if (crashed)
		nd_seal_last_words_away(nd_boot.handoff_phys, false);
	if (!call->undi_hung)
		return;
	alarm_s = 0;
	hung = true;
	hung_words_make(call->undi_hung);
	nd_say("%s in %u s", hung_words, limit_s);
}

/*
 * The one place where UNDI is called, but for batches.  True on success; param comes back
 * changed.
 */
static bool undi_call(uint16_t opcode, void *param, size_t bytes)
{
	struct undi_status answer;

	if (hung)
		return false;
	memset(call, 0, sizeof *call);
	memcpy(call->undi_param, param, bytes);
	call->op = ND_GATE_UNDI;
	call->undi_opcode = opcode;
	gate_enter(CALL_LIMIT_S);
	if (hung)
		return false;
	memcpy(param, call->undi_param, bytes);
	memcpy(&answer, param, sizeof answer);
	if (call->undi_ax == 0 && answer.status == 0)
		return true;
	nd_say("undi call %x: ax %x status %x", opcode, call->undi_ax, answer.status);
	return false;
}

static void undi_simple(uint16_t opcode)
{
	struct undi_status param = {0};

	undi_call(opcode, &param, sizeof param);
}

static void undi_open(void)
{
	struct undi_open param = {.filter = FILTER_DIRECTED | FILTER_BROADCAST};

	nd_flight_begin(&flight);
	if (undi_call(UNDI_OPEN, &param, sizeof param))
		nd_say("undi open");
}

/* Firmware that has just been shut down may need some tries. */
static void undi_initialize(void)
{
	for (unsigned int i = 0; i < INITIALIZE_TRIES; i++) {
		struct undi_initialize param = {0};

		if (undi_call(UNDI_INITIALIZE, &param, sizeof param) || hung)
			return;
		nd_clock_wait_ms(INITIALIZE_WAIT_MS);
	}
}

static bool mac_is_set(const uint8_t mac[6])
{
	static const uint8_t none[6];

	return memcmp(mac, none, sizeof none) != 0;
}

static void configuration_restore(void)
{
	if (does(ND_STEP_RESTORE))
		nd_pci_restore(pci, pci_count);
}

static void master_on(void)
{
	if (does(ND_STEP_RESTORE))
		nd_pci_master_on(pci, pci_count);
}

/*
 * Firmware resets its chip when it closes what it had opened, and at no other time: so it
 * opens and closes once, while nothing that the system's driver left in the chip gets to memory.
 */
static void chip_close(void)
{
	configuration_restore();
	if (does(ND_STEP_CLOSE)) {
		undi_open();
		undi_simple(UNDI_CLOSE);
	}
	if (pci_count && does(ND_STEP_CHIP))
		nd_chip_mend(&pci[0], hand->mac);
	master_on();
}

static void undi_bring_up(void)
{
	struct undi_station_address param = {0};

	undi_initialize();
	if (mac_is_set(hand->mac)) {
		memcpy(param.mac, hand->mac, 6);
		undi_call(UNDI_SET_STATION_ADDRESS, &param, sizeof param);
	}
	undi_open();
}

static void undi_restart(void)
{
	chip_close();
	undi_simple(UNDI_SHUTDOWN);
	undi_bring_up();
}

/* The firmware's memory as it was sealed; the NIC reaches none of it, and cannot yet. */
static void firmware_restore(void)
{
	if (does(ND_STEP_RESTORE))
		nd_pci_silence(pci, pci_count);
	nd_firmware_restore();
	configuration_restore();
}

/*
 * The first reset from `first` to `last` that the NIC comes back from.  One that leaves it
 * silent is followed by harsher ones, whatever was asked for: a silent NIC needs them.
 */
static bool nic_reset(enum nd_reset first, enum nd_reset last)
{
	static const enum nd_step reset_step[ND_RESETS] = {
		[ND_RESET_FLR] = ND_STEP_FLR,     [ND_RESET_AF] = ND_STEP_FLR,
		[ND_RESET_POWER] = ND_STEP_POWER, [ND_RESET_LINK] = ND_STEP_LINK,
		[ND_RESET_BUS] = ND_STEP_BUS,
	};

	if (does(ND_STEP_RESTORE))
		nd_pci_reach(pci, pci_count);
	for (unsigned int how = first; how <= last; how++) {
		if (!does(reset_step[how]) || !nd_reset_can(pci, pci_count, how)) {
			nd_say("undi: no %s to be had", nd_reset_name(how));
			continue;
		}
		nd_say("undi: %s", nd_reset_name(how));
		if (nd_reset_run(pci, how))
			return true;
		nd_say("undi: the NIC does not come back from it");
		last = ND_RESETS - 1;
	}
	return false;
}

/* Each rung returns false if it did not get to UNDI: the next one is to be tried at once. */

/* A reset of the function alone, where there is one, also ends what the system's driver began. */
static bool rung_restored(enum nd_reset unused)
{
	(void)unused;
	nic_reset(ND_RESET_FLR, ND_RESET_AF);
	undi_restart();
	return true;
}

static bool rung_reopened(enum nd_reset unused)
{
	(void)unused;
	undi_simple(UNDI_CLOSE);
	undi_open();
	return true;
}

static bool rung_reset(enum nd_reset how)
{
	if (!nic_reset(how, how))
		return false;
	undi_restart();
	return true;
}

/* Back to the very start of what PXE has a loaded driver do. */
static bool rung_restarted(enum nd_reset unused)
{
	(void)unused;
	chip_close();
	undi_simple(UNDI_SHUTDOWN);
	undi_simple(UNDI_CLEANUP);
	firmware_restore();
	master_on();
	undi_simple(UNDI_STARTUP);
	undi_bring_up();
	return true;
}

/* A call that was given up has left its mark: the firmware begins where it was sealed. */
static void firmware_recover(void)
{
	if (!hung)
		return;
	hung = false;
	firmware_restore();
	chip_close();
}

void nd_undi_open_next(void)
{
	static const struct {
		const char *name;
		bool (*open)(enum nd_reset how);
		enum nd_reset how;
	} ladder[] = {
		{"restored configuration", rung_restored, 0},
		{"close and open", rung_reopened, 0},
		{"power off and on", rung_reset, ND_RESET_POWER},
		{"link off and on", rung_reset, ND_RESET_LINK},
		{"secondary bus reset", rung_reset, ND_RESET_BUS},
		{"cleanup and startup", rung_restarted, 0},
	};
	const unsigned int rungs = sizeof ladder / sizeof ladder[0];
	bool opened = false;

	firmware_recover();
	for (unsigned int tries = 0; tries < rungs && !opened; tries++) {
		if (rung == rungs) {
			rung = 0;
			if (patience < PATIENCE_DOUBLINGS)
				patience++;
		}
		nd_say("undi rung %u: %s", rung, ladder[rung].name);
		opened = ladder[rung].open(ladder[rung].how);
		rung++;
	}
}

void nd_undi_line_off(void)
{
	if (pci_count)
		nd_pci_line_off(&pci[0]);
}

const char *nd_undi_unsafe(void)
{
	if (!has_alarm)
		return "no NMI from the clock would end firmware that hangs";
	if (!does(ND_STEP_RESTORE) || !does(ND_STEP_CLOSE))
		return "skip= leaves out what takes the NIC into use and closes it";
	return is_kept ? NULL : "the firmware's memory cannot be kept, to put it right again";
}

bool nd_undi_close(bool asks)
{
	if (asks) {
		firmware_recover();
		undi_simple(UNDI_CLOSE);
		undi_simple(UNDI_SHUTDOWN);
	}
	nd_pci_silence(pci, pci_count);
	nd_firmware_restore();
	return asks && !hung;
}

uint32_t nd_undi_patience_ms(void)
{
	return PATIENCE_MS << patience;
}

bool nd_undi_hung(void)
{
	return hung;
}

const char *nd_undi_hung_words(void)
{
	return hung_words;
}

bool nd_undi_mac(uint8_t mac[6])
{
	struct undi_information param = {0};

	if (!undi_call(UNDI_GET_INFORMATION, &param, sizeof param) || !mac_is_set(param.mac))
		return false;
	memcpy(mac, param.mac, 6);
	return true;
}

unsigned int nd_undi_tx_room(void)
{
	unsigned int slots = hand->tx_slots < ND_GATE_TX_SLOTS ? hand->tx_slots : ND_GATE_TX_SLOTS;
	unsigned int room = nd_flight_room(&flight);

	return room < slots ? room : slots;
}

void *nd_undi_tx_slot(unsigned int slot)
{
	return nd_low(hand->tx_slots_phys + slot * hand->slot_bytes);
}

const void *nd_undi_rx_slot(unsigned int slot)
{
	return nd_low(hand->rx_slots_phys + slot * hand->slot_bytes);
}

unsigned int nd_undi_batch(const uint16_t *tx_bytes, unsigned int count, unsigned int *received)
{
	unsigned int rx_max = hand->rx_slots < ND_GATE_RX_SLOTS ? hand->rx_slots : ND_GATE_RX_SLOTS;
	unsigned int taken;

	*received = 0;
	if (hung)
		return 0;
	memset(call, 0, sizeof *call);
	call->op = ND_GATE_BATCH;
	call->tx_count = (uint16_t)count;
	memcpy(call->tx_bytes, tx_bytes, count * sizeof *tx_bytes);
	gate_enter(BATCH_LIMIT_S);
	*received = call->rx_count < rx_max ? call->rx_count : rx_max;
	taken = call->tx_done < count ? call->tx_done : count;
	nd_flight_note(&flight, taken, call->tx_sent, nd_clock_ms());
	return taken;
}

uint16_t nd_undi_rx_bytes(unsigned int slot)
{
	uint16_t bytes = call->rx_bytes[slot];

	return bytes <= hand->slot_bytes ? bytes : 0;
}
