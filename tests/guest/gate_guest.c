// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * gate_guest.c - the gate that PXELINUX leaves behind, over firmware that plays a script.
 *
 * Loaded by QEMU as a multiboot kernel with the gate's image and fake_undi.asm as its modules.
 * Runs in 32-bit flat mode, paging off, as DINI calls the gate.  Failure ends QEMU by its exit
 * port.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <syslinux/netdump.h>

#include "bare.h"
#include "dini/alarm.h"
#include "netdump/handoff.h"
#include "ports.h"

#define GATE_PHYS  0x80000u
#define UNDI_PHYS  0x70000u
#define FRAME_PHYS 0x60000u /* where the firmware has what it received */
#define E820_PHYS  0x68000u
#define CALLS_MAX  10000 /* more of UNDI than any batch may make */

#define FLAG_CARRY 1u
#define SMAP       0x534D4150u

enum { TRANSMITTED = 2, RECEIVED = 3 }; /* FuncFlag as UNDI_ISR returns it */
enum { CALL_INT15 = 0xF0 };
enum { UNDI_OPEN = 0x06, UNDI_TRANSMIT = 0x08, UNDI_ISR = 0x14 };
enum { HANG_REAL, HANG_PROTECTED, HANG_LONG, HANG_MODES }; /* hang.asm */

/* The head of fake_undi.asm. */
struct undi {
	uint16_t entry_offset, int15_offset, step_offset;
	uint16_t tx_room, tx_freed;
	uint16_t event_count, event_at, event_forever;
	uint16_t faults, calls, starts, sent_count, last_isr, int15_ax;
	uint16_t hang_call, hang_after, hang_mode, hang_reflects;
	uint16_t nmi_call, nmi_after, nmi_steps, nmis;
	uint16_t sent_bytes[16];
	uint32_t sent_first[16];
	struct event {
		uint16_t flag, buffer_bytes, frame_bytes, offset, segment;
	} event[32];
} __attribute__((packed));

/* ES:DI goes both ways. */
struct int15_registers {
	uint32_t eax, ebx, ecx, edx, esi;
	uint16_t es, di, flags;
} __attribute__((packed));

static struct undi *undi;
static struct netdump_gate_header *gate;
static struct nd_gate_call *call;
static uint8_t *tx_slots, *rx_slots;

static uint32_t noise(uint32_t at)
{
	at *= 2654435761u;
	return at ^ at >> 13;
}

/* One call of the gate: everything of the caller's comes back, and the firmware saw no fault. */
static void gate_call(void)
{
	CHECK(guest_call(GATE_PHYS + gate->entry32, 0, 0, 0) != ~0u);
	CHECK(undi->faults == 0);
	CHECK(undi->calls < CALLS_MAX);
}

/* A new script. */
static void undi_reset(void)
{
	size_t keep = offsetof(struct undi, tx_room);

	memset((uint8_t *)undi + keep, 0, sizeof *undi - keep);
	memset(call, 0xA5, sizeof *call);
	memset(rx_slots, 0xCC, ND_GATE_RX_SLOTS * ND_GATE_SLOT_BYTES);
}

static void event_add(uint16_t flag, uint16_t buffer_bytes, uint16_t frame_bytes, uint32_t at)
{
	CHECK(undi->event_count < sizeof undi->event / sizeof undi->event[0]);
	undi->event[undi->event_count++] =
		(struct event){flag, buffer_bytes, frame_bytes, (uint16_t)at, FRAME_PHYS >> 4};
}

static void batch(uint16_t tx_count)
{
	call->op = ND_GATE_BATCH;
	call->tx_count = tx_count;
	for (uint16_t i = 0; i < ND_GATE_TX_SLOTS; i++) {
		uint32_t first = noise(i);

		call->tx_bytes[i] = (uint16_t)(60 + 97 * i);
		memcpy(tx_slots + i * ND_GATE_SLOT_BYTES, &first, sizeof first);
	}
	gate_call();
}

/* Slot i holds `bytes` of what the firmware has at FRAME_PHYS + at, and nothing behind them. */
static void slot_check(unsigned int i, uint16_t bytes, uint32_t at)
{
	const uint8_t *slot = rx_slots + i * ND_GATE_SLOT_BYTES;

	CHECK(call->rx_bytes[i] == bytes);
	CHECK(memcmp(slot, phys(FRAME_PHYS + at), bytes) == 0);
	CHECK(bytes == ND_GATE_SLOT_BYTES || slot[bytes] == 0xCC);
}

static void frames_check(uint16_t frames, uint16_t dropped)
{
	CHECK(call->rx_count == frames && call->rx_dropped == dropped);
	CHECK(undi->event_at == undi->event_count); /* the whole script was played */
}

static void test_one_call(void)
{
	undi_reset();
	call->op = ND_GATE_UNDI;
	call->undi_opcode = 0x0C;
	gate_call();
	CHECK(undi->calls == 1 && undi->starts == 0);
	CHECK(call->undi_ax == (uint16_t)~0x0C);
	CHECK(call->undi_param[0] == 0 && call->undi_param[2] == 0x0C);
	CHECK(call->undi_param[4] == 0xA5); /* what the firmware left alone */
	CHECK(call->tx_done == 0 && call->rx_count == 0 && call->isr_calls == 0);
	CHECK(call->tx_sent == 0);
}

static void test_unknown_op_does_nothing(void)
{
	undi_reset();
	call->op = 7;
	gate_call();
	CHECK(undi->calls == 0 && call->tx_done == 0 && call->rx_count == 0);
}

static void sent_check(uint16_t frames)
{
	CHECK(call->tx_done == frames && undi->sent_count == frames);
	for (uint16_t i = 0; i < frames; i++)
		CHECK(undi->sent_bytes[i] == 60 + 97 * i && undi->sent_first[i] == noise(i));
}

static void test_transmit_in_order(void)
{
	undi_reset();
	undi->tx_room = 100;
	batch(ND_GATE_TX_SLOTS);
	sent_check(ND_GATE_TX_SLOTS);
	CHECK(call->tx_status == 0);
	CHECK(undi->starts == 1);    /* it was pumped behind them, and not in between */
	CHECK(call->isr_calls == 2); /* START, and PROCESS says done */
}

static void test_transmit_takes_no_more_than_there_are(void)
{
	undi_reset();
	undi->tx_room = 100;
	batch(ND_GATE_TX_SLOTS + 24);
	sent_check(ND_GATE_TX_SLOTS);
	undi_reset();
	undi->tx_room = 100;
	batch(0);
	sent_check(0);
	CHECK(undi->starts == 1);
}

/* Full until the ISR was pumped: one frame at a time. */
static void test_full_ring_is_pumped(void)
{
	undi_reset();
	undi->tx_room = 1;
	undi->tx_freed = 1;
	batch(ND_GATE_TX_SLOTS);
	sent_check(ND_GATE_TX_SLOTS);
	CHECK(call->tx_status == 0);
}

static void test_stuck_ring_is_given_up(void)
{
	undi_reset();
	undi->tx_room = 5;
	event_add(RECEIVED, 60, 60, 0);
	batch(ND_GATE_TX_SLOTS);
	sent_check(5);
	CHECK(call->tx_status == 2);
	frames_check(1, 0);
}

static void test_frames_in_pieces(void)
{
	undi_reset();
	event_add(RECEIVED, 60, 60, 0); /* one piece */
	event_add(TRANSMITTED, 0, 0, 0);
	event_add(RECEIVED, 1000, 1514, 100); /* two, with another event between */
	event_add(TRANSMITTED, 0, 0, 0);
	event_add(RECEIVED, 514, 1514, 1100);
	for (uint16_t at = 0; at < ND_GATE_SLOT_BYTES; at += 512) /* three, a slot full */
		event_add(RECEIVED, 512, ND_GATE_SLOT_BYTES, 3000u + at);
	event_add(RECEIVED, 80, 20, 5000); /* VMware's: the frame is said to be shorter */
	batch(0);
	frames_check(4, 0);
	CHECK(call->tx_sent == 2);
	slot_check(0, 60, 0);
	slot_check(1, 1514, 100);
	slot_check(2, ND_GATE_SLOT_BYTES, 3000);
	slot_check(3, 80, 5000);
}

/* Each costs itself, and the good frame behind it arrives whole. */
static void test_bad_frames_are_dropped_whole(void)
{
	undi_reset();
	event_add(RECEIVED, ND_GATE_SLOT_BYTES + 1, ND_GATE_SLOT_BYTES + 1, 0);
	event_add(RECEIVED, 4000, 20, 0); /* and says that it is short */
	event_add(RECEIVED, 61, 61, 1);
	for (int i = 0; i < 6; i++) /* a jumbo frame in six pieces */
		event_add(RECEIVED, 1500, 9000, 0);
	event_add(RECEIVED, 62, 62, 2);
	event_add(RECEIVED, 1500, 2000, 0); /* too long, but only by its second piece */
	event_add(RECEIVED, 500, 2000, 0);
	event_add(RECEIVED, 63, 63, 3);
	event_add(RECEIVED, 0, 0, 0); /* empty */
	event_add(RECEIVED, 64, 64, 4);
	event_add(RECEIVED, 50, 1000, 0); /* its end never comes, another frame does */
	event_add(RECEIVED, 65, 65, 5);
	event_add(RECEIVED, 400, 600, 0); /* nor does this one's, and the other is as long */
	event_add(RECEIVED, 400, 600, 1000);
	event_add(RECEIVED, 200, 600, 1400);
	event_add(RECEIVED, 4000, 9000, 0); /* a jumbo that never ends */
	event_add(RECEIVED, 66, 66, 6);
	batch(0);
	frames_check(7, 8);
	for (uint16_t i = 0; i < 5; i++)
		slot_check(i, (uint16_t)(61 + i), 1u + i);
	slot_check(5, 600, 1000);
	slot_check(6, 66, 6);
}

/* What has no slot stays with the firmware until the next call. */
static void test_full_slots_wait(void)
{
	undi_reset();
	for (uint16_t i = 0; i < 20; i++)
		event_add(RECEIVED, (uint16_t)(60 + i), (uint16_t)(60 + i), i * 100u);
	batch(0);
	CHECK(call->rx_count == ND_GATE_RX_SLOTS && undi->event_at == ND_GATE_RX_SLOTS);
	for (uint16_t i = 0; i < ND_GATE_RX_SLOTS; i++)
		slot_check(i, (uint16_t)(60 + i), i * 100u);
	memset(rx_slots, 0xCC, ND_GATE_RX_SLOTS * ND_GATE_SLOT_BYTES);
	batch(0);
	frames_check(20 - ND_GATE_RX_SLOTS, 0);
	for (uint16_t i = ND_GATE_RX_SLOTS; i < 20; i++)
		slot_check(i - ND_GATE_RX_SLOTS, (uint16_t)(60 + i), i * 100u);
}

static void test_events_without_end_are_bounded(void)
{
	undi_reset();
	event_add(TRANSMITTED, 0, 0, 0);
	undi->event_forever = 1;
	batch(ND_GATE_TX_SLOTS); /* and the ring is full: pumped for every try */
	CHECK(call->tx_done == 0);
}

/* The firmware's next call of that function but `after` ones does not return. */
static void hang_script(uint16_t function, uint16_t after, uint16_t mode)
{
	undi_reset();
	undi->tx_room = 100;
	undi->hang_call = function;
	undi->hang_after = after;
	undi->hang_mode = mode;
	nd_alarm_set(2);
}

/* It was interrupted there, by way of the firmware's own vectors if it has such. */
static void hang_check(uint16_t function, uint16_t mode)
{
	CHECK(call->undi_hung == function);
	CHECK(undi->hang_reflects == (mode == HANG_REAL ? 0 : 1));
}

/* The next calls return, and nothing is left of it. */
static void sound_check(void)
{
	uint32_t vector = *(uint32_t *)phys(4 * 2);

	test_one_call();
	CHECK(call->undi_hung == 0);
	CHECK(*(uint32_t *)phys(4 * 2) == vector);
	test_transmit_in_order();
	test_frames_in_pieces();
}

static void test_a_call_that_hangs_is_given_up(void)
{
	uint32_t vector = *(uint32_t *)phys(4 * 2);

	for (uint16_t mode = HANG_REAL; mode < HANG_MODES; mode++) {
		hang_script(UNDI_OPEN, 0, mode);
		call->op = ND_GATE_UNDI;
		call->undi_opcode = UNDI_OPEN;
		gate_call();
		hang_check(UNDI_OPEN, mode);
		CHECK(*(uint32_t *)phys(4 * 2) == vector);
		sound_check();
	}
}

/* What was done before counts: the pump for a full ring, too. */
static void test_a_transmit_that_hangs_is_given_up(void)
{
	for (uint16_t mode = HANG_REAL; mode < HANG_MODES; mode++) {
		hang_script(UNDI_TRANSMIT, 7, mode);
		undi->tx_room = 3;
		undi->tx_freed = 100;
		event_add(RECEIVED, 60, 60, 0);
		batch(ND_GATE_TX_SLOTS);
		hang_check(UNDI_TRANSMIT, mode);
		sent_check(6);
		frames_check(1, 0);
		slot_check(0, 60, 0);
		sound_check();
	}
}

static void test_an_isr_that_hangs_is_given_up(void)
{
	hang_script(UNDI_ISR, 1, HANG_PROTECTED);
	batch(2);
	hang_check(UNDI_ISR, HANG_PROTECTED);
	sent_check(2);
	sound_check();
}

/*
 * At whatever instruction behind the third frame an NMI comes, there is no fourth: it would be
 * the last that comes in this batch, and a call that hung after it would never be ended.
 */
static void test_an_nmi_between_calls_ends_the_batch(void)
{
	uint32_t *vector = phys(4 * 1), before = *vector;
	unsigned int orderly = 0, given_up = 0;

	*vector = UNDI_PHYS >> 4 << 16 | undi->step_offset;
	for (uint16_t steps = 0;; steps++) {
		undi_reset();
		undi->tx_room = 100;
		undi->nmi_call = UNDI_TRANSMIT;
		undi->nmi_after = 2;
		undi->nmi_steps = steps;
		batch(ND_GATE_TX_SLOTS);
		if (!undi->nmis)
			break;
		CHECK(undi->sent_count == 3);
		if (call->undi_hung) {
			CHECK(call->undi_hung == UNDI_TRANSMIT && call->tx_done >= 2);
			given_up++;
		} else {
			CHECK(call->tx_done == 3 && call->rx_count == 0);
			orderly++;
		}
	}
	CHECK(orderly > 20 && given_up > 0 && given_up < orderly);
	*vector = before;
	sound_check();
}

/* INT 15h, by way of the firmware, which is in real mode as a kernel's set-up code. */
static struct int15_registers int15(uint32_t eax, uint32_t ebx, uint32_t ecx, uint32_t edx)
{
	struct int15_registers r = {eax, ebx, ecx, edx, 0x51515151, E820_PHYS >> 4, 8, 0};
	struct int15_registers before = r;

	memset(phys(E820_PHYS), 0xCC, 64);
	undi_reset();
	call->op = ND_GATE_UNDI;
	call->undi_opcode = CALL_INT15;
	memcpy(call->undi_param, &r, sizeof r);
	gate_call();
	memcpy(&r, call->undi_param, sizeof r);
	CHECK(r.esi == before.esi && r.es == before.es && r.di == before.di);
	return r;
}

static const struct netdump_e820 map[] = {
	{0, 0x80000, 1},
	{0x80000, 0x20000, 2},
	{0x100000, 0xFEDCBA98700000ull, 1},
};
#define MAP_COUNT (sizeof map / sizeof map[0])

static void hook_set(void)
{
	memcpy(phys(GATE_PHYS + gate->e820_table), map, sizeof map);
	gate->e820_count = MAP_COUNT;
	gate->e801_low_kib = 0x3C00;
	gate->e801_high_64k = 0x1234;
	gate->ext88_kib = 0xFC00;
	gate->int15_old_far = UNDI_PHYS >> 4 << 16 | undi->int15_offset;
	*(uint32_t *)phys(4 * 0x15) = GATE_PHYS >> 4 << 16 | gate->int15_hook;
}

static void test_e820_is_walked(void)
{
	uint32_t next = 0;

	for (unsigned int i = 0; i < MAP_COUNT; i++) {
		/* a caller with room for ACPI 3's longer entries, and one without */
		struct int15_registers r = int15(0xE820, next, i % 2 ? 20 : 24, SMAP);
		const uint8_t *entry = phys(E820_PHYS + 8);

		CHECK(!(r.flags & FLAG_CARRY) && r.eax == SMAP && r.ecx == 20 && r.edx == SMAP);
		CHECK(memcmp(entry, &map[i], 20) == 0);
		CHECK(entry[-1] == 0xCC && entry[20] == 0xCC);
		next = r.ebx;
		CHECK(!next == (i == MAP_COUNT - 1));
	}
}

static void test_e820_refuses(void)
{
	static const struct {
		uint32_t ebx, ecx, edx;
	} bad[] = {
		{0, 19, SMAP}, /* no room */
		{0, 0, SMAP},          {0, 20, SMAP + 1},
		{MAP_COUNT, 20, SMAP}, /* a continuation that was never given out */
		{0xFFFF, 20, SMAP},
	};

	for (unsigned int i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct int15_registers r = int15(0xE820, bad[i].ebx, bad[i].ecx, bad[i].edx);

		CHECK(r.flags & FLAG_CARRY && (r.eax >> 8 & 0xFF) == 0x86);
		CHECK(*(uint8_t *)phys(E820_PHYS + 8) == 0xCC);
	}
}

static void test_older_calls_and_all_others(void)
{
	struct int15_registers r = int15(0xE801, 0, 0, 0);

	CHECK(!(r.flags & FLAG_CARRY));
	CHECK((uint16_t)r.eax == 0x3C00 && (uint16_t)r.ebx == 0x1234);
	CHECK((uint16_t)r.ecx == 0x3C00 && (uint16_t)r.edx == 0x1234);
	r = int15(0x8800, 0, 0, 0);
	CHECK(!(r.flags & FLAG_CARRY) && (uint16_t)r.eax == 0xFC00);
	CHECK(undi->int15_ax == 0);
	r = int15(0xC012, 1, 2, 3);
	CHECK(undi->int15_ax == 0xC012);
	CHECK((uint16_t)r.eax == 0xBE5A && r.ebx == 1 && r.ecx == 2 && r.edx == 3);
}

/* As netdump.c32 puts it in its place. */
static void gate_place(const struct multiboot_module *image)
{
	memset(phys(GATE_PHYS), 0, NETDUMP_GATE_BYTES);
	memcpy(phys(GATE_PHYS + NETDUMP_GATE_HEADER), phys(image->start),
	       image->end - image->start);
	gate = phys(GATE_PHYS + NETDUMP_GATE_HEADER);
	CHECK(memcmp(gate->signature, NETDUMP_GATE_SIGNATURE, sizeof gate->signature) == 0);
	CHECK(gate->sealed_end == NETDUMP_GATE_HEADER + image->end - image->start);
	CHECK(gate->call_bytes == sizeof *call && gate->slot_bytes == ND_GATE_SLOT_BYTES);
	CHECK(gate->tx_slot_count == ND_GATE_TX_SLOTS && gate->rx_slot_count == ND_GATE_RX_SLOTS);
	gate->undi_entry_far = UNDI_PHYS >> 4 << 16 | undi->entry_offset;
	call = phys(GATE_PHYS + gate->call_area);
	tx_slots = phys(GATE_PHYS + gate->tx_slots);
	rx_slots = phys(GATE_PHYS + gate->rx_slots);
}

void guest_main(const struct multiboot_info *info)
{
	static void (*const test[])(void) = {
		test_one_call,
		test_unknown_op_does_nothing,
		test_transmit_in_order,
		test_transmit_takes_no_more_than_there_are,
		test_full_ring_is_pumped,
		test_stuck_ring_is_given_up,
		test_frames_in_pieces,
		test_bad_frames_are_dropped_whole,
		test_full_slots_wait,
		test_events_without_end_are_bounded,
		test_a_call_that_hangs_is_given_up,
		test_a_transmit_that_hangs_is_given_up,
		test_an_isr_that_hangs_is_given_up,
		test_an_nmi_between_calls_ends_the_batch,
		test_e820_is_walked,
		test_e820_refuses,
		test_older_calls_and_all_others,
	};
	const struct multiboot_module *module = phys(info->modules);
	uint32_t sealed_bytes, crc;

	CHECK(info->module_count == 2);
	outb(0x21, 0xFF); /* the PICs: nothing may come when the firmware opens interrupts */
	outb(0xA1, 0xFF);
	undi = phys(UNDI_PHYS);
	memcpy(undi, phys(module[1].start), module[1].end - module[1].start);
	gate_place(&module[0]);
	hook_set();
	for (uint32_t i = 0; i < 0x4000; i++)
		*(uint8_t *)phys(FRAME_PHYS + i) = (uint8_t)noise(i);

	nd_alarm_init(ND_IOAPIC_PHYS);
	sealed_bytes = gate->sealed_end - NETDUMP_GATE_HEADER;
	crc = nd_crc32(0, gate, sealed_bytes);
	for (unsigned int i = 0; i < sizeof test / sizeof test[0]; i++)
		test[i]();
	CHECK(nd_crc32(0, gate, sealed_bytes) == crc); /* it writes to nothing that is sealed */
	print("guest: PASS\n");
	leave(EXIT_PASS);
}
