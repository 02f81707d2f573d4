// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * dini_guest.c - plays boot, the crashed system, the gate and the server for DINI.
 *
 * Loaded by QEMU as a multiboot kernel with DINI's image as its module; its command
 * line's last word says what to prove:
 *   refuse  a damaged block, a damaged seal, a wrong magic: DINI returns, registers intact
 *   flip    any one bit of what is sealed: DINI returns
 *   read    memory below and above 4 GiB, page 0, zero and absent pages arrive right
 *   ladder  a server that is heard on the last rung only: the NIC is reset on the way there
 *   fault   an exception inside DINI is reported, and the machine gets out of it
 *   early   so is one inside the seal's check, and the action is the configured one: test_dini.py
 *   sealed  with keys, and a server outside: test_sealed.py
 *   hang-WHERE-HOW  firmware that does not return, under the gate of PXELINUX: test_dini.py
 * Runs in 32-bit flat mode, paging off.  Failure ends QEMU by its exit port.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <syslinux/netdump.h>

#include "bare.h"
#include "com32/netdump/acpi.h"
#include "dini/net.h"
#include "flips.h"
#include "contents.h"
#include "netdump/handoff.h"
#include "lz4.h"
#include "nic.h"
#include "ports.h"
#include "relay.h"
#include "upset.h"
#include "wire/message.h"
#include "wire/steps.h"

#define HANDOFF_PHYS  0x70000u
#define LOW_COPY_PHYS 0x71000u
#define GATE_PHYS     0x80000u
#define CALL_PHYS     0x81000u
#define TX_PHYS       0x82000u
#define RX_PHYS       0x89000u
#define PCI_COPY_PHYS 0x72000u
#define QUEUE_PHYS    0x40000u    /* frames for the gate of PXELINUX to fetch */
#define ROM_PHYS      0x50000u    /* fake_rom.asm */
#define DINI_PHYS     0x7FC01000u /* 4 KiB aligned, no more */
#define HIDDEN_PHYS   0x7F000000u /* memory that firmware hides */
#define LOW_PHYS      0x4000000u
#define HIGH_PHYS     0x120000000ull /* in the first GiB above 4 GiB */
#define HIGHER_PHYS   0x17FFFF000ull /* the last page of the second */
#define ABSENT_PHYS   0x200000000ull
#define NO_PHYS       0x1000000000000000ull /* more than any CPU has */

extern const uint8_t guest_gate_image[], guest_gate_image_end[]; /* fake_gate.asm */
void guest_server(uint32_t was_real_mode, uint32_t base_kib, uint32_t has_ticked);
static const uint8_t dini_mac[6] = {0x52, 0x54, 0, 0x12, 0x34, 0x56};
static const uint8_t server_mac[6] = {0x52, 0x55, 10, 0, 2, 2};
static const uint8_t dini_ip[4] = {10, 0, 2, 15};
static const uint8_t server_ip[4] = {10, 0, 2, 2};
static const uint8_t netmask[4] = {255, 255, 255, 0};

/* The head of fake_rom.asm. */
struct rom {
	uint16_t entry_offset, bytes;
	uint32_t function;
};
uint32_t guest_undi(uint32_t opcode, uint8_t *block);

/* Which call does not return, and how; hang.asm has the modes. */
static struct {
	bool wanted, always;
	uint16_t call;
	unsigned int after;
	uint32_t mode;
} hang;
#define HANGS 0x10000u
enum { UNDI_OPEN = 0x06, UNDI_TRANSMIT = 0x08, UNDI_ISR = 0x14, UNDI_GET_INFORMATION = 0x0C };

/* Where the server's frames go: the gate's slots, or a queue that firmware fetches from. */
static struct nd_gate_call queue, *rx = &queue;
static uint32_t rx_phys = QUEUE_PHYS;
static unsigned int rx_fetched;

static struct nd_net net;
static struct nd_crash crash;
static bool fault_wanted, sealed_wanted, ladder_wanted, flip_wanted;
static uint64_t session, seq;
static uint32_t read_id = 5; /* of the first of two READs; two more with each HELLO */
static unsigned int undi_calls, batches;
static bool low_copy_checked;
static bool nic_cleaned;     /* the last rung was reached */
static bool nic_deaf = true; /* the firmware opens and closes: bus mastering is off meanwhile */
static struct nd_pci_copy *pci_copy; /* NIC, bridge */
static uint8_t page0[ND_PAGE_BYTES]; /* as the crash left it */

/* What the READ asks for, and how much of each was seen right. */
static struct {
	uint64_t phys;
	uint32_t pages;
	enum { TEXT, NOISE, ZEROS, PAGE0, ABSENT } content;
	uint32_t right_bytes;
} asked[] = {
	{0, 1, PAGE0, 0},
	{LOW_PHYS, 3, TEXT, 0},
	{LOW_PHYS + 0x10000, 9, ZEROS, 0},
	{DINI_PHYS, 1, ABSENT, 0},
	{HIGH_PHYS, 4, NOISE, 0},
	{HIGHER_PHYS, 1, NOISE, 0},
	{ABSENT_PHYS, 2, ABSENT, 0},
	/* the second READ: the window has to go back */
	{HIGH_PHYS, 4, NOISE, 0},
	{HIGHER_PHYS, 1, NOISE, 0},
};
#define ASKED       (sizeof asked / sizeof asked[0])
#define ASKED_FIRST 7 /* of them in the first READ */

static void memory_fill(void)
{
	uint8_t *low = phys(LOW_PHYS);

	for (uint32_t i = 0; i < 3 * ND_PAGE_BYTES; i++)
		low[i] = contents_text(LOW_PHYS + i);
	memset(phys(LOW_PHYS + 0x10000), 0, 9 * ND_PAGE_BYTES);
	contents_high_fill(HIGH_PHYS, 4);
	contents_high_fill(HIGHER_PHYS, 1);
}

static const struct multiboot_module *module;
static uint32_t modules;

static uint32_t dini_load(const struct multiboot_info *info)
{
	const struct nd_dini_header *h;

	modules = info->module_count;
	module = phys(info->modules);
	h = phys(module->start);

	CHECK(info->module_count >= 1);
	CHECK(h->magic == ND_DINI_FILE_MAGIC && h->version == ND_HANDOFF_VERSION);
	CHECK(h->bytes == sizeof *h && h->image_bytes == module->end - module->start);
	CHECK(h->memory_bytes % 4096 == 0 && h->memory_bytes <= 0x200000);
	memcpy(phys(DINI_PHYS), h, h->image_bytes);
	/* not zeros: DINI must not rely on them */
	memset(phys(DINI_PHYS + h->image_bytes), 0xCC, h->memory_bytes - h->image_bytes);
	return h->entry_offset;
}

static const uint8_t *memory_at(uint64_t at, uint32_t bytes)
{
	return at <= 0xFFFFFFFFu - bytes ? phys((uint32_t)at) : NULL;
}

static void devices_find(struct nd_handoff *h)
{
	static struct nd_devices devices;

	nd_acpi_devices(memory_at, &devices);
	CHECK(devices.count && !devices.damaged && !devices.overflow);
	memcpy(h->device, devices.device, sizeof h->device);
	h->device_count = devices.count;
	CHECK(h->device_count < ND_DEVICES_MAX); /* one more, that a wrong table has: */
	h->device[h->device_count++] = (struct nd_device){NO_PHYS, ND_DEVICE_VTD, 0};
	h->elcr = (uint16_t)(inb(ELCR) | inb(ELCR + 1) << 8);
}

/* The gate and the firmware of the second and third module, as netdump.c32 hands them on. */
static void rom_and_gate_make(struct nd_handoff *h)
{
	struct rom *rom = phys(ROM_PHYS);
	struct netdump_gate_header *gate = phys(GATE_PHYS + NETDUMP_GATE_HEADER);

	CHECK(modules == 3);
	memcpy(rom, phys(module[2].start), module[2].end - module[2].start);
	rom->function = (uint32_t)guest_undi;
	memcpy(gate, phys(module[1].start), module[1].end - module[1].start);
	gate->undi_entry_far = ROM_PHYS >> 4 << 16 | rom->entry_offset;
	h->gate_entry_phys = GATE_PHYS + gate->entry32;
	h->gate_call_phys = GATE_PHYS + gate->call_area;
	h->tx_slots_phys = GATE_PHYS + gate->tx_slots;
	h->rx_slots_phys = GATE_PHYS + gate->rx_slots;
	h->map[h->map_count++] = (struct nd_range){ROM_PHYS, rom->bytes, ND_RANGE_UNDI, 0};
	h->seal[h->seal_count++] = (struct nd_seal_range){ROM_PHYS, rom->bytes};
	h->seal[h->seal_count++] = (struct nd_seal_range){GATE_PHYS + NETDUMP_GATE_HEADER,
							  gate->sealed_end - NETDUMP_GATE_HEADER};
	h->action = hang.always ? ND_ACTION_HALT : ND_ACTION_REBOOT;
}

static uint32_t fake_gate_bytes(void)
{
	return (uint32_t)(guest_gate_image_end - guest_gate_image);
}

/* What boot seals besides, whether it is used here or not. */
static void seal_more(struct nd_handoff *h)
{
	memset(phys(ROM_PHYS), 0xA5, 0x4000);
	memset(phys(HIDDEN_PHYS), 0x3C, 0x10000);
	h->seal[h->seal_count++] = (struct nd_seal_range){ROM_PHYS, 0x4000};
	h->seal[h->seal_count++] = (struct nd_seal_range){HIDDEN_PHYS, 0x10000};
}

static void handoff_make(struct nd_handoff *h)
{
	const struct nd_dini_header *dini = phys(DINI_PHYS);

	memset(h, 0, sizeof *h);
	memcpy(h->signature, ND_HANDOFF_SIGNATURE, sizeof h->signature);
	h->version = ND_HANDOFF_VERSION;
	h->bytes = sizeof *h;
	h->seal[0] = (struct nd_seal_range){DINI_PHYS, dini->image_bytes};
	h->seal[1] = (struct nd_seal_range){LOW_COPY_PHYS, ND_LOW_COPY_BYTES};
	h->seal_count = 2;
	h->gate_phys = h->gate_entry_phys = GATE_PHYS;
	h->gate_bytes = 0x10000;
	h->gate_call_phys = CALL_PHYS;
	h->tx_slots_phys = TX_PHYS;
	h->rx_slots_phys = RX_PHYS;
	h->tx_slots = ND_GATE_TX_SLOTS;
	h->rx_slots = ND_GATE_RX_SLOTS;
	h->slot_bytes = ND_GATE_SLOT_BYTES;
	h->dini_phys = DINI_PHYS;
	h->dini_bytes = dini->memory_bytes;
	h->dini_image_bytes = dini->image_bytes;
	h->dini_entry_phys = DINI_PHYS + dini->entry_offset;
	h->low_copy_phys = LOW_COPY_PHYS;
	h->pci_copy_phys = PCI_COPY_PHYS;
	h->pci_copy_count = 2;
	h->seal[h->seal_count++] =
		(struct nd_seal_range){PCI_COPY_PHYS, 2 * sizeof(struct nd_pci_copy)};
	h->server_port = ND_WIRE_PORT;
	memcpy(h->client_ip, dini_ip, 4);
	memcpy(h->netmask, netmask, 4);
	h->server_count = 1;
	memcpy(h->server_ip[0], server_ip, 4);
	h->security = ND_SECURITY_PLAIN;
	if (sealed_wanted) {
		h->security = ND_SECURITY_NKPSK0;
		h->action = ND_ACTION_HOLD;
		relay_read(h->server_key[0], ND_KEY_BYTES);
		relay_read(h->psk, ND_KEY_BYTES);
		relay_read(h->seed, ND_KEY_BYTES);
	}
	devices_find(h);
	if (hang.wanted)
		rom_and_gate_make(h);
	else
		h->seal[h->seal_count++] = (struct nd_seal_range){GATE_PHYS, fake_gate_bytes()};
	if (flip_wanted)
		seal_more(h);
	h->deadline_s = ladder_wanted ? 120 : 20;
	memcpy(h->host, "guest", 6);
	h->map[h->map_count++] = (struct nd_range){0, 0x9F000, ND_RANGE_RAM, 0};
	h->map[h->map_count++] = (struct nd_range){0x100000, 0x7FD00000, ND_RANGE_RAM, 0};
	h->map[h->map_count++] = (struct nd_range){DINI_PHYS, dini->memory_bytes, ND_RANGE_DINI, 0};
	h->map[h->map_count++] = (struct nd_range){0x100000000ull, 0x80000000ull, ND_RANGE_RAM, 0};
	for (uint32_t i = 0; i < h->seal_count; i++)
		h->seal_crc = nd_crc32(h->seal_crc, phys(h->seal[i].phys), h->seal[i].bytes);
	h->crc = nd_handoff_crc(h);
}

/* The server: ARP, then HELLO -> READ, DATA checked, DONE. */

static void reply(size_t bytes, const void *message)
{
	uint8_t *frame = phys(rx_phys + rx->rx_count * ND_GATE_SLOT_BYTES);

	CHECK(rx->rx_count < ND_GATE_RX_SLOTS);
	memcpy(frame + ND_FRAME_UDP_PAYLOAD, message, bytes);
	bytes = nd_net_udp(&net, frame, dini_ip, ND_WIRE_CLIENT_PORT, bytes);
	if (bytes)
		rx->rx_bytes[rx->rx_count++] = (uint16_t)bytes;
}

static void read_send(uint32_t id, unsigned int from, unsigned int to)
{
	static struct nd_wire_read read;

	nd_read_init(&read, session, ++seq, id, 0, 1u << 20);
	for (unsigned int i = from; i < to; i++)
		CHECK(nd_read_extent_add(&read, asked[i].phys, asked[i].pages, 0));
	reply(read.header.length, &read);
}

/* Whatever was lost on the way. */
static void ask_anew(void)
{
	for (unsigned int i = 0; i < ASKED; i++)
		asked[i].right_bytes = 0;
	read_id += 2;
	read_send(read_id, 0, ASKED_FIRST);
}

static bool all_came(unsigned int from, unsigned int to)
{
	for (unsigned int i = from; i < to; i++)
		if (asked[i].right_bytes != asked[i].pages * ND_PAGE_BYTES)
			return false;
	return true;
}

static void hello_take(const struct nd_wire_hello *hello)
{
	CHECK(hello->range_count == (hang.wanted ? 5 : 4) && memcmp(hello->host, "guest", 6) == 0);
	CHECK(hello->cr3 == crash.cr3 && memcmp(hello->reason, crash.reason, 9) == 0);
	CHECK(memcmp(hello->mac, dini_mac, 6) == 0);
	session = hello->header.session;
	print("guest: hello\n");
	ask_anew();
}

static bool content_is_right(unsigned int i, uint64_t at, const uint8_t *p, uint32_t bytes)
{
	for (uint32_t k = 0; k < bytes; k++) {
		uint8_t want = asked[i].content == PAGE0  ? page0[at + k]
			       : asked[i].content == TEXT ? contents_text(at + k)
							  : contents_noise(at + k);

		if (p[k] != want)
			return false;
	}
	return true;
}

static void record_take(const struct nd_record *r)
{
	static uint8_t page[ND_PAGE_BYTES];
	static bool noise_came;
	unsigned int i = 0;

	/* some pages are asked for twice: the first of them that still lacks it */
	while (i < ASKED && !(r->phys >= asked[i].phys &&
			      r->phys < asked[i].phys + asked[i].pages * ND_PAGE_BYTES &&
			      asked[i].right_bytes < asked[i].pages * ND_PAGE_BYTES))
		i++;
	CHECK(i < ASKED);
	asked[i].right_bytes += r->raw_bytes;
	if (asked[i].content == ABSENT) {
		CHECK(r->kind == ND_RECORD_ABSENT);
		return;
	}
	if (asked[i].content == ZEROS) {
		CHECK(r->kind == ND_RECORD_ZERO && r->raw_bytes == 9 * ND_PAGE_BYTES);
		return;
	}
	CHECK(r->raw_bytes <= sizeof page);
	if (r->kind == ND_RECORD_LZ4 || r->kind == ND_RECORD_STEPS) {
		CHECK(lz4_expand(r->stored, r->stored_bytes, page, sizeof page) == r->raw_bytes);
		if (r->kind == ND_RECORD_STEPS)
			nd_steps_undo(page, r->raw_bytes);
	} else {
		CHECK(r->kind == ND_RECORD_RAW);
		memcpy(page, r->stored, r->raw_bytes);
	}
	/* what is asked for again, behind memory that does not compress, may not be tried */
	noise_came |= asked[i].content == NOISE;
	CHECK(asked[i].content != TEXT || r->kind != ND_RECORD_RAW || noise_came);
	CHECK(content_is_right(i, r->phys, page, r->raw_bytes));
}

static void data_take(const struct nd_wire_data *data)
{
	static struct nd_wire_done done;
	struct nd_record_reader reader;
	struct nd_record record;

	CHECK(data->header.session == session);
	if (data->read_id < read_id) /* asked for before it said HELLO again */
		return;
	CHECK(data->read_id <= read_id + 1);
	nd_record_first(&reader, data);
	while (nd_record_next(&reader, &record))
		record_take(&record);
	if (!(data->flags & ND_DATA_LAST))
		return;
	/* Frames that firmware took before it hung may be lost. */
	if (hang.wanted && !all_came(0, data->read_id == read_id ? ASKED_FIRST : ASKED)) {
		ask_anew();
		return;
	}
	if (data->read_id == read_id) {
		read_send(read_id + 1, ASKED_FIRST, ASKED);
		return;
	}
	CHECK(all_came(0, ASKED));
	print("guest: every page is right\n");
	if (fault_wanted)
		memset(phys(DINI_PHYS + FAULT_OFFSET), 0x06, 16); /* invalid in long mode: #UD */
	nd_done_init(&done, session, ++seq, ND_DONE_COMPLETE, "all on disk");
	reply(sizeof done, &done);
}

/* The keys are the server's outside: nothing is looked at here. */
static void relay(const void *datagram, size_t bytes)
{
	static uint64_t answer[ND_WIRE_DATAGRAM_MAX / 8];

	relay_ask(datagram, bytes);
	while ((bytes = relay_answer(answer, sizeof answer)))
		reply(bytes, answer);
}

static void frame_take(const uint8_t *frame, size_t bytes)
{
	static uint64_t message[ND_WIRE_DATAGRAM_MAX / 8];
	struct nd_datagram d;
	const struct nd_wire_header *header = (const void *)message;

	CHECK(bytes >= ND_FRAME_MIN);
	if (!nd_net_input(&net, frame, bytes, &d)) {
		CHECK(net.dropped == 0);
		return;
	}
	CHECK(memcmp(d.from_ip, dini_ip, 4) == 0 && d.from_port == ND_WIRE_CLIENT_PORT);
	CHECK(d.bytes <= sizeof message);
	if (sealed_wanted) {
		relay(d.payload, d.bytes);
		return;
	}
	memcpy(message, d.payload, d.bytes);
	CHECK(nd_message_check(message, d.bytes) == ND_MESSAGE_OK);
	if (header->type == ND_HELLO)
		hello_take((const void *)message);
	else
		data_take((const void *)message);
}

static void arp_answer(void)
{
	while (rx->rx_count < ND_GATE_RX_SLOTS) {
		uint8_t *frame = phys(rx_phys + rx->rx_count * ND_GATE_SLOT_BYTES);
		size_t bytes = nd_net_output(&net, frame, batches);

		if (!bytes)
			break;
		rx->rx_bytes[rx->rx_count++] = (uint16_t)bytes;
	}
}

static uint8_t *far_at(const uint8_t *p)
{
	return phys((p[0] | (uint32_t)p[1] << 8) + ((p[2] | (uint32_t)p[3] << 8) << 4));
}

static void isr_serve(uint8_t *block)
{
	bool start = block[2] == 1;
	uint32_t at = rx_phys + rx_fetched * ND_GATE_SLOT_BYTES;
	uint16_t reply[7] = {0};

	if (start) {
		CHECK(++batches < 100000);
		arp_answer();
	} else if (rx_fetched < rx->rx_count) {
		reply[1] = 3; /* received */
		reply[2] = reply[3] = rx->rx_bytes[rx_fetched++];
		reply[4] = 14;
		reply[5] = (uint16_t)(at & 15);
		reply[6] = (uint16_t)(at >> 4);
	} else {
		rx_fetched = rx->rx_count = 0;
	}
	memcpy(block, reply, sizeof reply);
}

static bool hangs_now(uint32_t opcode)
{
	if (hang.always)
		return true;
	return opcode == hang.call && hang.after-- == 0;
}

/* Called by fake_rom.asm in 32-bit flat mode: AX of the call, or that it hangs. */
uint32_t guest_undi(uint32_t opcode, uint8_t *block)
{
	const uint8_t *tbd;

	CHECK(opcode != 0x15);
	if (hangs_now(opcode))
		return HANGS | hang.mode;
	memset(block, 0, 2);
	if (opcode == UNDI_OPEN) {
		/* each opening is of two: one that resets the chip, and the real one */
		nic_deaf = !(config_read(pci_copy->bdf, 4) & 4);
		nic_check(pci_copy, nic_deaf);
	}
	if (opcode == UNDI_GET_INFORMATION)
		memcpy(block + 12, dini_mac, sizeof dini_mac);
	if (opcode == UNDI_ISR)
		isr_serve(block);
	if (opcode == UNDI_TRANSMIT) {
		tbd = far_at(block + 8);
		frame_take(far_at(tbd + 2), tbd[0] | (size_t)tbd[1] << 8);
	}
	return 0;
}

static void undi_serve(struct nd_gate_call *call)
{
	bool reaches_memory = config_read(pci_copy->bdf, 4) & 4;

	undi_calls++;
	nic_deaf |= call->undi_opcode == 6 && !reaches_memory;
	nic_check(pci_copy, nic_deaf);
	upset_check(phys(HANDOFF_PHYS));
	nic_deaf &= call->undi_opcode != 7;
	if (call->undi_opcode == 2) {
		CHECK(nic_was_reset(pci_copy));
		nic_cleaned = true;
	}
	CHECK(call->undi_opcode != 0x15);
	call->undi_ax = 0;
	memset(call->undi_param, 0, 2);
	if (call->undi_opcode == 0x0C)
		memcpy(call->undi_param + 12, dini_mac, 6);
}

/* Called by the gate, in 32-bit flat mode again. */
void guest_server(uint32_t was_real_mode, uint32_t base_kib, uint32_t has_ticked)
{
	struct nd_gate_call *call = phys(CALL_PHYS);

	rx = call;
	rx_phys = RX_PHYS;
	CHECK(was_real_mode == 1);
	CHECK(has_ticked);
	CHECK(base_kib == *(uint16_t *)phys(LOW_COPY_PHYS + 0x413));
	if (!low_copy_checked) {
		low_copy_checked = true;
		CHECK(memcmp(phys(0), phys(LOW_COPY_PHYS), 0x400) == 0);
	}
	if (call->op == ND_GATE_UNDI) {
		undi_serve(call);
		return;
	}
	CHECK(call->op == ND_GATE_BATCH && call->tx_count <= ND_GATE_TX_SLOTS);
	CHECK(++batches < 100000 || ladder_wanted);
	CHECK(config_read(pci_copy->bdf, 4) & 4);
	call->rx_count = 0;
	call->tx_done = call->tx_count;
	if (ladder_wanted && !nic_cleaned)
		return;
	for (unsigned int i = 0; i < call->tx_count; i++)
		frame_take(phys(TX_PHYS + i * ND_GATE_SLOT_BYTES), call->tx_bytes[i]);
	arp_answer();
}

/* Checksums that fit do not make a copy of what is outside the seal one to go by. */
static void copies_check(uint32_t entry, struct nd_handoff *h)
{
	static const uint32_t unsealed[][2] = {
		{0x60000, PCI_COPY_PHYS},
		{LOW_COPY_PHYS + 1, PCI_COPY_PHYS},
		{LOW_COPY_PHYS - 1, PCI_COPY_PHYS},
		{0xFFFFFFFF, PCI_COPY_PHYS},
		{LOW_COPY_PHYS, 0x60000},
		{LOW_COPY_PHYS, PCI_COPY_PHYS + 4},
		{LOW_COPY_PHYS, LOW_COPY_PHYS + ND_LOW_COPY_BYTES - 4},
	};

	for (unsigned int i = 0; i < sizeof unsealed / sizeof unsealed[0]; i++) {
		h->low_copy_phys = unsealed[i][0];
		h->pci_copy_phys = unsealed[i][1];
		h->crc = nd_handoff_crc(h);
		memset(h->last_words, 0, sizeof h->last_words);
		CHECK(guest_call(entry, ND_DINI_ENTER, 0, HANDOFF_PHYS) == ND_REFUSED_HANDOFF);
		CHECK(memcmp(h->last_words, "what boot copied", 16) == 0);
	}
	h->low_copy_phys = LOW_COPY_PHYS;
	h->pci_copy_phys = PCI_COPY_PHYS;
	h->crc = nd_handoff_crc(h);
}

static void refusals_check(uint32_t entry)
{
	struct nd_handoff *h = phys(HANDOFF_PHYS);
	uint8_t *sealed = phys(LOW_COPY_PHYS + 0x123);
	uint32_t security = h->security;

	CHECK(guest_call(entry, 0x12345678, 1, HANDOFF_PHYS) == ND_REFUSED_MAGIC);
	CHECK(guest_call(entry, ND_DINI_ENTER, 0, 0) == ND_REFUSED_HANDOFF);
	CHECK(guest_call(entry, ND_DINI_ENTER, 0, 0xFFFFF) == ND_REFUSED_HANDOFF);
	CHECK(guest_call(entry, ND_DINI_ENTER, 0, HANDOFF_PHYS + 16) == ND_REFUSED_HANDOFF);
	h->deadline_s ^= 1;
	CHECK(guest_call(entry, ND_DINI_ENTER, 0, HANDOFF_PHYS) == ND_REFUSED_HANDOFF);
	h->deadline_s ^= 1;
	h->security = ND_SECURITY_NONE;
	h->crc = nd_handoff_crc(h);
	CHECK(guest_call(entry, ND_DINI_ENTER, 0, HANDOFF_PHYS) == ND_REFUSED_HANDOFF);
	CHECK(memcmp(h->last_words, "neither a key", 13) == 0);
	h->security = security;
	copies_check(entry, h);
	*sealed ^= 4;
	CHECK(guest_call(entry, ND_DINI_ENTER, 2, HANDOFF_PHYS) == ND_REFUSED_SEAL);
	CHECK(memcmp(h->last_words, "fenced memory", 13) == 0);
	*sealed ^= 4;
	CHECK(undi_calls == 0 && batches == 0);
	print("guest: refusals return, registers intact\n");
}

/* The first thing that DINI does with a block that it has taken will fail. */
static void early_fault(struct nd_handoff *h)
{
	h->action = ND_ACTION_HALT;
	h->crc = nd_handoff_crc(h);
	memset(phys(DINI_PHYS + CHECK_OFFSET), 0x06, 16);
}

/* hang-WHERE-HOW: first letters do. */
static void hang_take(const char *word)
{
	if (memcmp(word, "hang-", 5) != 0)
		return;
	hang.wanted = true;
	word += 5;
	hang.always = *word == 'a'; /* always */
	hang.call = *word == 'o' ? UNDI_OPEN : *word == 't' ? UNDI_TRANSMIT : UNDI_ISR;
	hang.after = *word == 'o' ? 0 : 6; /* in the dump */
	while (*word && *word++ != '-')
		;
	hang.mode = *word == 'r' ? 0 : *word == 'p' ? 1 : *word == 'l' ? 2 : 4;
}

void guest_main(const struct multiboot_info *info)
{
	const char *words = phys(info->cmdline);
	const char *word = words;
	uint32_t entry = DINI_PHYS + dini_load(info);

	for (; *words; words++)
		if (*words == ' ')
			word = words + 1;
	memcpy(phys(GATE_PHYS), guest_gate_image, fake_gate_bytes());
	memcpy(phys(LOW_COPY_PHYS), phys(0), ND_LOW_COPY_BYTES);
	pci_copy = phys(PCI_COPY_PHYS);
	nic_copy(pci_copy);
	sealed_wanted = memcmp(word, "sealed", 6) == 0;
	ladder_wanted = memcmp(word, "ladder", 6) == 0;
	flip_wanted = memcmp(word, "flip", 4) == 0;
	hang_take(word);
	handoff_make(phys(HANDOFF_PHYS));
	if (!hang.wanted)
		refusals_check(entry);
	if (flip_wanted) {
		flips_check(entry, HANDOFF_PHYS);
		CHECK(undi_calls == 0 && batches == 0);
		print("guest: every flipped bit is refused\n");
	}
	if (flip_wanted || memcmp(word, "refuse", 6) == 0) {
		print("guest: PASS\n");
		leave(EXIT_PASS);
	}
	fault_wanted = memcmp(word, "fault", 5) == 0;
	if (memcmp(word, "early", 5) == 0)
		early_fault(phys(HANDOFF_PHYS));
	memory_fill();
	nic_upset(pci_copy);
	memcpy(phys(0), phys(LOW_PHYS + 1), ND_LOW_COPY_BYTES); /* as a system might */
	memcpy(page0, phys(0), sizeof page0);
	upset();
	crash = (struct nd_crash){.magic = ND_CRASH_MAGIC,
				  .version = ND_CRASH_VERSION,
				  .bytes = sizeof crash,
				  .cr3 = 0x123456789000ull,
				  .reason = "guest test"};
	nd_net_init(&net, server_mac, server_ip, netmask, server_ip, ND_WIRE_PORT);
	nd_net_resolve(&net, dini_ip);
	guest_call(entry, ND_DINI_ENTER, (uint32_t)&crash, HANDOFF_PHYS);
	fail("DINI came back from a sound hand-over");
}
