/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * handoff.c - writes the handoff block, and seals at the last moment: when
 * PXELINUX has made its last call to the firmware and UNDI is closed.
 * 32-bit, PXELINUX running.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <syslinux/pxe.h>
#include <x86/cpu.h>

#include "acpi.h"
#include "netdump.h"
#include "seed.h"

_Static_assert(sizeof(struct nd_handoff) <= NETDUMP_GATE_HEADER,
	       "the gate begins behind the block");

#define ELCR 0x4d0 /* and 4D1h: which of the PICs' lines are level-triggered */

static struct nd_region *armed;
static struct s_PXENV_UNDI_CLOSE *close_block; /* in base memory, taken while there is time */
static bool has_nic;
static uint16_t nic_bdf;

static struct nd_handoff *block(const struct nd_region *r)
{
	return (struct nd_handoff *)r->gate_phys;
}

static void seal_add(struct nd_handoff *h, uint32_t phys, uint32_t bytes)
{
	if (h->seal_count < ND_SEAL_RANGES_MAX) {
		h->seal[h->seal_count].phys = phys;
		h->seal[h->seal_count++].bytes = bytes;
	}
}

/*
 * The firmware's memory.  Behind its segments in base memory lies the BIOS's own
 * extended data area, which the BIOS goes on writing to: fenced, but not sealed.
 */
static void seal_add_undi(struct nd_handoff *h, const struct nd_region *r,
			  const struct nd_range *range)
{
	uint64_t end = range->phys + range->bytes;

	if (range->kind != ND_RANGE_UNDI)
		return;
	if (range->phys < 0x100000 && end > r->undi.low_end_phys)
		end = r->undi.low_end_phys;
	if (end > range->phys)
		seal_add(h, (uint32_t)range->phys, (uint32_t)(end - range->phys));
}

#define INT16_VECTOR ((volatile uint32_t *)nd_low(4 * 0x16))
#define INT16_BIOS   0xf000e82eu /* its fixed address in every PC BIOS since the first */

/*
 * iPXE listens to INT 16h and runs its own code, data and stack in every keyboard
 * call: a kernel's real-mode set-up that only asks for the shift keys would break
 * the seal.  Nobody needs that hook once PXELINUX is done; give the vector back.
 */
static void unhook_keyboard(const struct nd_region *r)
{
	uint32_t far = *INT16_VECTOR;
	uint32_t handler = (far >> 16 << 4) + (far & 0xffff);
	uint8_t opcode = *(volatile uint8_t *)nd_low(0xfe82e);

	if (handler < r->gate_phys + NETDUMP_GATE_BYTES || handler >= 0xa0000)
		return;
	if (opcode != 0x00 && opcode != 0xff)
		*INT16_VECTOR = INT16_BIOS;
}

/* Called by the core when it is about to start the system. */
static void seal(void)
{
	struct nd_region *r = armed;
	struct nd_handoff *h = block(r);
	struct nd_pci_copy *pci = (struct nd_pci_copy *)(r->gate_phys + r->gate->pci_copy);

	memset(close_block, 0, sizeof *close_block);
	pxe_call(PXENV_UNDI_CLOSE, close_block);
	unhook_keyboard(r);

	for (uint32_t i = 0; i < ND_LOW_COPY_BYTES; i++)
		((uint8_t *)r->gate_phys)[r->gate->low_copy + i] =
			((volatile uint8_t *)nd_low(0))[i];
	h->pci_copy_count = has_nic ? nd_pci_copy(nic_bdf, pci, ND_PCI_MAX) : 0;

	seal_add(h, r->gate_phys + NETDUMP_GATE_HEADER, r->gate->sealed_end - NETDUMP_GATE_HEADER);
	for (uint32_t i = 0; i < r->fence.count; i++)
		if (!(r->fence.unsealed & 1u << i))
			seal_add_undi(h, r, &r->fence.range[i]);
	seal_add(h, r->dini_phys, r->dini.image_bytes);
	for (uint32_t i = 0; i < h->seal_count; i++)
		h->seal_crc = nd_crc32(h->seal_crc, (void *)h->seal[i].phys, h->seal[i].bytes);
	h->crc = nd_handoff_crc(h);
}

static void fill_machine(struct nd_handoff *h, const struct nd_region *r)
{
	memcpy(h->signature, ND_HANDOFF_SIGNATURE, sizeof h->signature);
	h->version = ND_HANDOFF_VERSION;
	h->bytes = sizeof *h;
	h->gate_phys = r->gate_phys;
	h->gate_bytes = NETDUMP_GATE_BYTES;
	h->gate_entry_phys = r->gate_phys + r->gate->entry32;
	h->gate_call_phys = r->gate_phys + r->gate->call_area;
	h->tx_slots_phys = r->gate_phys + r->gate->tx_slots;
	h->rx_slots_phys = r->gate_phys + r->gate->rx_slots;
	h->tx_slots = ND_GATE_TX_SLOTS;
	h->rx_slots = ND_GATE_RX_SLOTS;
	h->slot_bytes = ND_GATE_SLOT_BYTES;
	h->dini_phys = r->dini_phys;
	h->dini_bytes = r->dini.memory_bytes;
	h->dini_image_bytes = r->dini.image_bytes;
	h->dini_entry_phys = r->dini_phys + r->dini.entry_offset;
	h->undi_entry_far = r->undi.entry_far;
	h->undi_struct_far = r->undi.struct_far;
	h->low_copy_phys = r->gate_phys + r->gate->low_copy;
	h->pci_copy_phys = r->gate_phys + r->gate->pci_copy;
}

/* All of it below 4 GiB can be reached: PXELINUX's segments are flat. */
static const uint8_t *memory_at(uint64_t phys, uint32_t bytes)
{
	return phys <= 0xffffffffu - bytes ? (const uint8_t *)nd_low((uint32_t)phys) : NULL;
}

/* PXELINUX runs on that CPU. */
static uint16_t first_apic(void)
{
	uint32_t eax, ebx, ecx, edx;

	cpuid(1, &eax, &ebx, &ecx, &edx);
	return (uint16_t)(ebx >> 24);
}

/* A machine with more than there is room for loses its last I/O APICs: UNDI needs none. */
static void fill_devices(struct nd_handoff *h)
{
	static struct nd_devices devices;

	nd_acpi_devices(memory_at, &devices);
	if (devices.overflow)
		printf("netdump: note: more than %d IOMMUs and I/O APICs; the last ones stay as "
		       "they are at a crash\n",
		       ND_DEVICES_MAX);
	if (devices.damaged)
		printf("netdump: note: an ACPI table's checksum is wrong; IOMMUs and I/O APICs "
		       "that only it names stay as they are at a crash\n");
	memcpy(h->device, devices.device, sizeof h->device);
	h->device_count = devices.count;
	h->first_apic = first_apic();
	h->elcr = (uint16_t)(inb(ELCR) | inb(ELCR + 1) << 8);
}

static bool fill_map(struct nd_handoff *h, const struct nd_region *r)
{
	for (uint32_t i = 0; i < r->map.count + r->fence.count; i++) {
		struct nd_range *to = &h->map[h->map_count];

		if (i < r->map.count && r->map.entry[i].type != ND_E820_RAM)
			continue;
		if (h->map_count == ND_MAP_RANGES_MAX) {
			nd_error("the memory map has more than %d ranges, the fence's with "
				 "them; " ND_TRY_WITHOUT,
				 ND_MAP_RANGES_MAX);
			return false;
		}
		if (i < r->map.count) {
			to->phys = r->map.entry[i].phys;
			to->bytes = r->map.entry[i].bytes;
			to->kind = ND_RANGE_RAM;
		} else {
			*to = r->fence.range[i - r->map.count];
		}
		h->map_count++;
	}
	return true;
}

static void fill_network(struct nd_handoff *h, const struct nd_options *o,
			 const struct nd_lease *lease)
{
	memcpy(h->mac, lease->mac, sizeof h->mac);
	memcpy(h->client_ip, lease->client_ip, 4);
	memcpy(h->netmask, lease->netmask, 4);
	memcpy(h->gateway, lease->gateway, 4);
	memcpy(h->server_ip, lease->server_ip, sizeof h->server_ip);
	h->server_count = lease->server_count;
	h->server_port = o->server_port;
	memcpy(h->host, lease->host, sizeof h->host);
}

static void fill_keys(struct nd_handoff *h, const struct nd_options *o)
{
	h->security = nd_options_security(o);
	for (uint32_t i = 0; i < h->server_count && o->key_count; i++)
		memcpy(h->server_key[i], o->key[o->key_count > 1 ? i : 0], ND_KEY_BYTES);
	memcpy(h->psk, o->psk, sizeof h->psk);
	nd_seed_make(h->seed, h, sizeof *h);
}

bool nd_handoff_arm(struct nd_region *r, const struct nd_options *o, const struct nd_lease *lease,
		    const char last_words[ND_REASON_BYTES])
{
	struct nd_handoff *h = block(r);

	if (!close_block)
		close_block = lmalloc(sizeof *close_block);
	if (!close_block) {
		nd_error("no base memory left for a PXE call; load fewer modules");
		return false;
	}
	memset(h, 0, sizeof *h);
	fill_machine(h, r);
	if (!fill_map(h, r))
		return false;
	fill_devices(h);
	fill_network(h, o, lease);
	fill_keys(h, o);
	has_nic = nd_pci_find(&nic_bdf);
	if (!has_nic)
		printf("netdump: note: PXE does not say where the NIC is on PCI; it is not "
		       "restored at a crash\n");
	h->action = (uint32_t)o->action;
	h->deadline_s = o->deadline_s;
	h->skip = o->skip;
	memcpy(h->last_words, last_words, sizeof h->last_words);
	armed = r;
	netdump_arm(seal);
	return true;
}
