/* SPDX-License-Identifier: GPL-2.0-or-later */
/* chip_test.c - a chip's registers are written where they are, or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <cmocka.h>

#include "dini/chip.h"
#include "pcimodel.h"
#include "tests/fuzz/shim/dini/io.h"

#define NIC_BDF  0x0018
#define E1000    0x100E8086u
#define E1000E   0x10D38086u
#define BAR_PHYS 0xFE010000u /* the model's */
#define CTRL     0x0000
#define RCTL     0x0100
#define RFCTL    0x5008
#define TARC0    0x3840

#define RTL8139  0x813910ECu
#define RTL_CPCR 0xE0
#define PORTS    0xC000
#define CPCR     0x002B /* at boot */

#define RTL8029 0x802910ECu
#define RING    0x8046 /* at boot */
#define RCR     0xC
#define TCR     0xD

uint8_t *nd_fuzz_phys;
static uint32_t written; /* port << 16 | value, the last one */
static struct {
	uint8_t page[2][16]; /* register 0, the command, chooses it */
	uint64_t stopped_ms; /* when it was told to stop */
	bool good;           /* nothing was set while it ran, or before it had stopped */
} ne;

/* A DP8390 at PORTS; other ports are not there. */
void nd_outb(uint16_t port, uint8_t value)
{
	uint8_t at = (uint8_t)(port - PORTS), command = ne.page[0][0];

	assert_in_range(port, PORTS, PORTS + 15);
	if (!at) {
		if ((command & 3) != 1)
			ne.stopped_ms = model.now_ms;
		ne.page[0][0] = value;
		return;
	}
	/* the bytes of a remote DMA that is over count before it stops */
	ne.good = ne.good && (command & 3) == 1 &&
		  (at == 0xA || at == 0xB || model.now_ms - ne.stopped_ms >= 2);
	ne.page[command >> 6 & 1][at] = value;
}

void nd_outw(uint16_t port, uint16_t value)
{
	written = (uint32_t)port << 16 | value;
}

static const uint8_t mac[6] = {2, 0, 0, 1, 2, 3};
static struct nd_pci_copy copy;
static struct model_function *nic;

static uint32_t *chip(uint32_t at)
{
	return (uint32_t *)(nd_fuzz_phys + BAR_PHYS + at);
}

static int memory_open(void **state)
{
	(void)state;
	nd_fuzz_phys = mmap(NULL, 1ull << 32, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return nd_fuzz_phys == MAP_FAILED;
}

static int memory_close(void **state)
{
	(void)state;
	return munmap(nd_fuzz_phys, 1ull << 32);
}

static void nic_make(uint32_t id)
{
	model_clear();
	nic = model_nic(NIC_BDF, id);
	model_copy(nic, &copy);
}

/* 32 bits of configuration space, at the crash. */
static void change(unsigned int at, uint32_t value)
{
	memcpy(nic->config + at, &value, sizeof value);
}

static void mended_is(bool mended)
{
	*chip(RFCTL) = 0x8000;
	*chip(TARC0) = 0x3;
	nd_chip_mend(&copy, mac);
	assert_int_equal(*chip(RFCTL), mended ? 0 : 0x8000);
	assert_int_equal(*chip(TARC0), mended ? 0x403 : 0x3);
}

/* Nothing else of either register changes. */
static void vlans_are_mended(uint32_t id, bool mended)
{
	nic_make(id);
	*chip(CTRL) = 0x401C0241;
	*chip(RCTL) = 0x0004801E;
	nd_chip_mend(&copy, mac);
	assert_int_equal(*chip(CTRL), mended ? 0x001C0241 : 0x401C0241);
	assert_int_equal(*chip(RCTL), mended ? 0x0000801E : 0x0004801E);
}

static void vlan_tags_are_left_to_firmware(void **state)
{
	(void)state;
	vlans_are_mended(E1000, true);
	vlans_are_mended(E1000E, true);
	vlans_are_mended(E1000E + 1, false);
}

static void its_registers_are_mended(void **state)
{
	(void)state;
	nic_make(E1000E);
	mended_is(true);
	nic_make(E1000E + 1);
	mended_is(false);
}

static void what_is_not_its_own_is_left_alone(void **state)
{
	static const struct {
		unsigned int at;
		uint32_t value;
	} changes[] = {
		{0x00, E1000E ^ 0x10000}, /* another device */
		{0x04, 0x0005},           /* its registers are not in memory */
		{0x10, BAR_PHYS + 0x100000},
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof changes / sizeof changes[0]; i++) {
		nic_make(E1000E);
		change(changes[i].at, changes[i].value);
		mended_is(false);
	}
}

static void both_halves_of_a_wide_address_count(void **state)
{
	(void)state;
	nic_make(E1000E);
	change(0x10, BAR_PHYS | 4);
	change(0x14, 0);
	model_copy(nic, &copy);
	mended_is(true);
	change(0x14, 1);
	mended_is(false);
	model_copy(nic, &copy);
	mended_is(false);
}

static void the_kind_of_rings_is_the_firmwares(void **state)
{
	(void)state;
	nic_make(RTL8139);
	change(0x10, PORTS | 1);
	model_copy(nic, &copy);
	written = 0;
	nd_chip_mend(&copy, mac);
	assert_int_equal(written, 0); /* boot found none */
	copy.chip = CPCR;
	nd_chip_mend(&copy, mac);
	assert_int_equal(written, (uint32_t)(PORTS + RTL_CPCR) << 16 | CPCR);
	written = 0;
	change(0x10, (PORTS + 0x100) | 1);
	nd_chip_mend(&copy, mac);
	assert_int_equal(written, 0);
}

/* What the driver left: a ring of its own, deaf, in loopback, and running. */
static void ne_leave(void)
{
	memset(&ne, 0, sizeof ne);
	ne.good = true;
	ne.page[0][0] = 0x22;
	ne.page[0][1] = 0x4C;
	ne.page[0][2] = 0x80;
	ne.page[0][3] = 0x7F;
	ne.page[0][RCR] = 0x20;
	ne.page[0][TCR] = 0x02;
	ne.page[1][7] = 0x68;
}

static void an_ne2000_has_the_firmwares_ring_and_listens(void **state)
{
	(void)state;
	nic_make(RTL8029);
	change(0x10, PORTS | 1);
	model_copy(nic, &copy);
	copy.chip = RING;
	ne_leave();
	nd_chip_mend(&copy, mac);
	assert_true(ne.good);
	assert_int_equal(ne.page[0][0], 0x22);
	assert_int_equal(ne.page[0][2] << 8 | ne.page[0][1], RING);
	assert_int_equal(ne.page[0][3] + 1, ne.page[1][7]);
	assert_in_range(ne.page[1][7], 0x46, 0x7F);
	assert_int_equal(ne.page[0][RCR], 4);
	assert_int_equal(ne.page[0][TCR], 0);
	assert_memory_equal(&ne.page[1][1], mac, sizeof mac);
}

static void an_ne2000_that_is_not_known_is_left_alone(void **state)
{
	(void)state;
	nic_make(RTL8029);
	change(0x10, PORTS | 1);
	model_copy(nic, &copy);
	ne_leave();
	nd_chip_mend(&copy, mac); /* boot found no ring */
	copy.chip = RING;
	change(0x10, (PORTS + 0x100) | 1);
	nd_chip_mend(&copy, mac);
	assert_int_equal(ne.page[0][1], 0x4C);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_registers_are_mended),
		cmocka_unit_test(vlan_tags_are_left_to_firmware),
		cmocka_unit_test(what_is_not_its_own_is_left_alone),
		cmocka_unit_test(both_halves_of_a_wide_address_count),
		cmocka_unit_test(the_kind_of_rings_is_the_firmwares),
		cmocka_unit_test(an_ne2000_has_the_firmwares_ring_and_listens),
		cmocka_unit_test(an_ne2000_that_is_not_known_is_left_alone),
	};

	return cmocka_run_group_tests(tests, memory_open, memory_close);
}
