// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * reset_test.c - dini/reset.c and dini/pci.c on a model of configuration space, which
 * knows what the specifications forbid.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dini/pci.h"
#include "dini/reset.h"
#include "pcimodel.h"

#define NIC_ID   0x12348086u
#define NIC_BDF  0x0300
#define PORT_BDF 0x0010
#define FOR_EVER UINT64_MAX
#define RUN_MS   5000 /* what nd_reset_run() promises */

static struct nd_pci_copy copy[3];
static struct model_function *nic, *port;

/* What is healthy is copied, then upset; broken hardware is broken after that. */
static void boot(unsigned int count)
{
	struct model_function *f[] = {nic, port};

	for (unsigned int i = 0; i < count; i++)
		model_copy(f[i], &copy[i]);
}

static void crash(unsigned int count)
{
	boot(count);
	model_upset(nic);
	if (count > 1)
		model_upset(port);
}

/* A NIC of PCI Express below a root port. */
static void express_make(bool flr)
{
	model_clear();
	port = model_bridge(PORT_BDF, NIC_BDF >> 8, NIC_BDF >> 8);
	model_cap_express(port, 4, false);
	nic = model_nic(NIC_BDF, NIC_ID);
	model_cap_msi(nic);
	model_cap_pm(nic, true);
	model_cap_express(nic, 0, flr);
}

/* A NIC of conventional PCI below a bridge of the same kind. */
static void conventional_make(void)
{
	model_clear();
	port = model_bridge(PORT_BDF, NIC_BDF >> 8, NIC_BDF >> 8);
	nic = model_nic(NIC_BDF, NIC_ID);
	model_cap_pm(nic, true);
}

/* The system left it awake: else a NIC that power resets would be reset before it is asked to. */
static void crash_awake(unsigned int count)
{
	crash(count);
	if (nic->pm)
		nic->config[nic->pm + 4] &= 0xFC;
}

static uint32_t can(unsigned int count)
{
	uint32_t bits = 0;

	nd_pci_reach(copy, count);
	for (unsigned int how = 0; how < ND_RESETS; how++)
		bits |= (uint32_t)nd_reset_can(copy, count, how) << how;
	return bits;
}

static void kept(void)
{
	if (model.broken)
		fail_msg("%s, at %lu ms", model.broken, (unsigned long)model.now_ms);
}

static bool run(unsigned int count, enum nd_reset how)
{
	uint64_t begin_ms;
	bool answers;

	nd_pci_reach(copy, count);
	assert_true(nd_reset_can(copy, count, how));
	memset(nic->resets, 0, sizeof nic->resets); /* waking up was one, with some */
	begin_ms = model.now_ms;
	answers = nd_reset_run(copy, how);
	assert_true(model.now_ms - begin_ms <= RUN_MS);
	kept();
	for (unsigned int other = 0; other < MODEL_RESETS; other++)
		assert_int_equal(nic->resets[other], other == (unsigned int)how);
	return answers;
}

static void restore_check(unsigned int count)
{
	nd_pci_restore(copy, count);
	kept();
	assert_true(model_is_as_at_boot(nic, false));
	nd_pci_master_on(copy, count);
	kept();
	assert_true(model_is_as_at_boot(nic, true));
	if (count > 1)
		assert_true(model_is_as_at_boot(port, true));
}

/* A NIC that has this reset and no other that is gentler. */
static unsigned int make_for(enum nd_reset how)
{
	if (how == ND_RESET_AF || how == ND_RESET_POWER)
		conventional_make();
	else
		express_make(how == ND_RESET_FLR);
	if (how == ND_RESET_AF)
		model_cap_af(nic);
	if (how == ND_RESET_POWER) {
		conventional_make();
		nic->config[nic->pm + 4] = nic->born[nic->pm + 4] = 0;
	}
	return 2;
}

static void each_reset_works(void **state)
{
	(void)state;
	for (unsigned int how = 0; how < ND_RESETS; how++) {
		unsigned int count = make_for(how);

		crash(count);
		assert_true(run(count, how));
		restore_check(count);
	}
}

static void bus_mastering_goes_off_before(void **state)
{
	(void)state;
	for (unsigned int how = 0; how < ND_RESETS; how++) {
		unsigned int count = make_for(how);

		crash(count);
		nd_pci_reach(copy, count);
		nic->config[4] |= 4; /* as a firmware call in between may do */
		assert_true(nd_reset_run(copy, how));
		kept();
	}
}

static void without_a_reset_all_is_put_back_too(void **state)
{
	(void)state;
	express_make(true);
	crash(2);
	restore_check(2);
	assert_int_equal(nic->resets[MODEL_FLR], 0);
}

static void the_link_is_waited_for(void **state)
{
	static const uint32_t up_ms[] = {0, 1, 3, 99, 100, 101, 700};

	(void)state;
	for (unsigned int how = ND_RESET_LINK; how <= ND_RESET_BUS; how++)
		for (unsigned int i = 0; i < sizeof up_ms / sizeof up_ms[0]; i++) {
			express_make(false);
			port->link_up_ms = up_ms[i];
			crash(2);
			assert_true(run(2, how));
			restore_check(2);
		}
}

/* Ports of 2.5 GT/s need not tell when a link is up; the fixed time covers those. */
static void a_port_that_tells_nothing_is_given_its_time(void **state)
{
	(void)state;
	for (unsigned int how = ND_RESET_LINK; how <= ND_RESET_BUS; how++) {
		express_make(false);
		port->config[port->express + 14] = port->born[port->express + 14] = 0;
		crash(2);
		assert_true(run(2, how));
	}
}

static void slow_ones_are_waited_for(void **state)
{
	static const struct {
		uint32_t ready_ms;
		bool answers;
	} cases[] = {{0, true}, {1, true}, {50, true}, {900, true}, {1100, false}, {60000, false}};

	(void)state;
	for (unsigned int how = 0; how < ND_RESETS; how++)
		for (unsigned int i = 0; i < 2 * sizeof cases / sizeof cases[0]; i++) {
			unsigned int count = make_for(how);

			nic->ready_ms = cases[i / 2].ready_ms;
			nic->retries = i & 1;
			crash_awake(count);
			assert_int_equal(run(count, how), cases[i / 2].answers);
		}
}

static void one_that_died_comes_back_by_a_harsher_one(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 2 * ND_RESET_BUS; i++) {
		enum nd_reset how = i / 2;
		unsigned int count = make_for(how);

		nic->dies_of = 1u << how;
		nic->retries = i & 1;
		crash_awake(count);
		assert_false(run(count, how));
		nd_pci_reach(copy, count);
		assert_true(nd_reset_can(copy, count, ND_RESET_BUS));
		assert_true(nd_reset_run(copy, ND_RESET_BUS));
		assert_int_equal(nic->resets[MODEL_BUS], 1);
		kept();
		restore_check(count);
	}
}

static void one_that_wakes_up_slowly_is_restored(void **state)
{
	(void)state;
	make_for(ND_RESET_POWER);
	nic->ready_ms = 500;
	crash(2);
	restore_check(2);
}

static void transactions_are_waited_for(void **state)
{
	static const uint64_t pending_ms[] = {1, 50, 400, 5000, FOR_EVER};

	(void)state;
	for (unsigned int how = 0; how < ND_RESETS; how++)
		for (unsigned int i = 0; i < sizeof pending_ms / sizeof pending_ms[0]; i++) {
			unsigned int count = make_for(how);

			nic->pending_ms = pending_ms[i];
			crash(count);
			assert_true(run(count, how));
			restore_check(count);
		}
}

static void only_what_is_there_is_tried(void **state)
{
	(void)state;
	express_make(false);
	crash(2);
	assert_int_equal(can(2), 1u << ND_RESET_LINK | 1u << ND_RESET_BUS);
	assert_int_equal(can(1), 0);
	assert_int_equal(can(0), 0);
	kept();

	express_make(true);
	crash(2);
	assert_int_equal(can(2), 1u << ND_RESET_FLR | 1u << ND_RESET_LINK | 1u << ND_RESET_BUS);

	conventional_make();
	crash(2);
	assert_int_equal(can(2), 1u << ND_RESET_BUS);
	conventional_make();
	model_cap_af(nic);
	nic->config[nic->af + 3] = 1; /* it can tell of transactions, not reset */
	crash(2);
	assert_int_equal(can(2), 1u << ND_RESET_BUS);
}

static void what_the_system_wrote_decides_nothing(void **state)
{
	(void)state;
	express_make(false);
	crash(2);
	/* a capability that a chip shows by a register which the system can write */
	nic->config[nic->express + 7] |= 0x10;
	nic->config[nic->pm + 4] &= 0xF7;
	assert_int_equal(can(2), 1u << ND_RESET_LINK | 1u << ND_RESET_BUS);
}

static void neighbours_are_spared(void **state)
{
	static const struct {
		uint16_t bdf;
		bool conventional, spared;
	} cases[] = {
		{NIC_BDF + 1, false, true},  {NIC_BDF + 7, false, true},
		{NIC_BDF + 1, true, true},   {NIC_BDF + 8, true, true},
		{NIC_BDF + 255, true, true}, {NIC_BDF + 256, true, false},
		{NIC_BDF + 8, false, false}, /* below a port: the same device once more */
	};

	(void)state;
	for (unsigned int i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct model_function *other;

		if (cases[i].conventional)
			conventional_make();
		else
			express_make(false);
		other = model_nic(cases[i].bdf, 0x56781AF4);
		other->forbidden = cases[i].spared ? ~0u : 0;
		crash(2);
		assert_int_equal(!(can(2) & (1u << ND_RESET_LINK | 1u << ND_RESET_BUS)),
				 cases[i].spared);
		kept();
	}
}

static void the_bridge_must_be_the_nics(void **state)
{
	(void)state;
	express_make(false);
	crash(2);
	copy[1].config[0x19]++;
	assert_false(nd_reset_can(copy, 2, ND_RESET_BUS));
	copy[1].config[0x19]--;
	copy[1].config[0x0E] = 2; /* CardBus */
	assert_false(nd_reset_can(copy, 2, ND_RESET_BUS));
	copy[1].config[0x0E] = 1;
	copy[1].config[port->express + 2] = 0x70 | 2; /* its secondary side is no link */
	nd_pci_reach(copy, 2);
	assert_false(nd_reset_can(copy, 2, ND_RESET_LINK));
	assert_true(nd_reset_can(copy, 2, ND_RESET_BUS));
}

static void quirks_are_heeded(void **state)
{
	static const uint32_t ids[] = {0x15028086, 0x15038086};

	(void)state;
	for (unsigned int i = 0; i < sizeof ids / sizeof ids[0]; i++) {
		express_make(true);
		memcpy(nic->config, &ids[i], 4);
		memcpy(nic->born, &ids[i], 4);
		crash(2);
		assert_false(can(2) & 1u << ND_RESET_FLR);
		assert_true(can(2) & 1u << ND_RESET_BUS);

		conventional_make();
		model_cap_af(nic);
		memcpy(nic->config, &ids[i], 4);
		crash(2);
		assert_false(can(2) & 1u << ND_RESET_AF);
	}
}

static void broken_lists_end(void **state)
{
	(void)state;
	express_make(true);
	boot(2);
	copy[0].config[nic->msi + 1] = copy[0].config[0x34]; /* no end */
	assert_int_equal(nd_pci_cap(&copy[0], 0x13, 8), 0);
	assert_int_equal(nd_pci_cap(&copy[0], 0x10, 12), nic->express);
	copy[0].config[0x34] = 0x20; /* into the header */
	copy[0].config[0x20] = 0x10;
	assert_int_equal(nd_pci_cap(&copy[0], 0x10, 12), 0);
	copy[0].config[0x34] = 0xF8; /* over the end */
	copy[0].config[0xF8] = 0x10;
	assert_int_equal(nd_pci_cap(&copy[0], 0x10, 8), 0xF8);
	assert_int_equal(nd_pci_cap(&copy[0], 0x10, 12), 0);
	copy[0].config[0x34] = 0xFF;
	copy[0].config[0xFD] = 0xFF;
	assert_int_equal(nd_pci_cap(&copy[0], 0x10, 8), 0);
	boot(2);
	copy[0].config[6] &= 0xEF; /* there is no list */
	assert_int_equal(nd_pci_cap(&copy[0], 0x10, 12), 0);
}

/* Copies of noise: whatever they say, it ends, and the sanitizers see where it reads. */
static void noise_ends(void **state)
{
	(void)state;
	srandom(1);
	for (unsigned int round = 0; round < 20000; round++) {
		unsigned int count = round % 4;

		express_make(true);
		crash(2);
		for (unsigned int i = 0; i < 3; i++)
			for (unsigned int k = 0; k < 256; k++)
				copy[i].config[k] = (uint8_t)random();
		for (unsigned int i = 0; i < 2; i++) {
			copy[i].config[0x34] |= 0x40;
			memcpy(copy[i].config, i ? port->config : nic->config, 4);
		}
		model.accesses = 0;
		for (unsigned int how = 0; how < ND_RESETS; how++)
			if (nd_reset_can(copy, count, how))
				nd_reset_run(copy, how);
		nd_pci_restore(copy, count);
		assert_true(model.accesses < 10000);
		assert_true(model.now_ms < 5 * RUN_MS);
	}
}

/* Whatever boot and the system have on; the model knows the order in which it may change. */
static void power_management_of_links_is_put_back(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 4 * 4 * (ND_RESETS + 1); i++) {
		enum nd_reset how = i / 16;
		bool resets = how == ND_RESET_FLR || how >= ND_RESET_LINK;

		express_make(how == ND_RESET_FLR);
		model_aspm(nic, i % 4);
		model_aspm(port, i % 4);
		crash(2);
		model_aspm(nic, i / 4 % 4);
		model_aspm(port, i / 4 % 4);
		if (resets && how < ND_RESETS)
			assert_true(run(2, how));
		restore_check(2);
	}
}

static void a_link_that_is_off_is_switched_on(void **state)
{
	(void)state;
	for (unsigned int reach = 0; reach < 2; reach++) {
		express_make(true);
		port->link_up_ms = 300;
		nic->ready_ms = 200;
		model_aspm(nic, 3);
		model_aspm(port, 3);
		boot(2);
		nic->config[4] = 0;
		model.now_ms = 1000;
		model_link_off(port);
		model_upset(port);
		model.now_ms = 2000;
		if (reach)
			nd_pci_reach(copy, 2);
		restore_check(2);
		assert_int_equal(nic->resets[MODEL_LINK], 1);
	}
}

static void older_and_linkless_functions_have_less(void **state)
{
	(void)state;
	express_make(true);
	model_express_old(nic);
	model_express_old(port);
	crash(2);
	restore_check(2);

	model_clear();
	nic = model_nic(0x0008, NIC_ID);
	model_cap_express(nic, 9, false); /* in the root complex */
	boot(1);
	nd_pci_reach(copy, 1);
	nd_pci_restore(copy, 1);
	kept();
}

/* Something else is there now, in the place of the NIC or of the bridge above it. */
static void another_device_is_left_alone(void **state)
{
	uint8_t was[256];

	(void)state;
	for (unsigned int how = 0; how < ND_RESETS; how++)
		for (unsigned int changed = 0; changed < 2; changed++) {
			unsigned int count = make_for(how);
			struct model_function *f = changed ? port : nic;

			boot(count);
			f->config[2] ^= 1;
			memcpy(was, f->config, sizeof was);
			nd_pci_restore(copy, count);
			nd_pci_master_on(copy, count);
			nd_pci_reach(copy, count);
			if (nd_reset_can(copy, count, how))
				nd_reset_run(copy, how);
			nd_pci_silence(copy, count);
			assert_memory_equal(f->config, was, sizeof was);
			if (how >= ND_RESET_LINK)
				assert_int_equal(nic->resets[how], 0);
		}
}

/* Nor is anything asked of a NIC that is not there, when its bus is to be reset. */
static void an_absent_nic_is_not_waited_for(void **state)
{
	(void)state;
	express_make(false);
	crash(2);
	nd_pci_reach(copy, 2);
	nic->bdf ^= 0x8000;
	assert_true(nd_reset_can(copy, 2, ND_RESET_BUS));
	assert_false(nd_reset_can(copy, 2, ND_RESET_FLR));
	assert_false(nd_reset_run(copy, ND_RESET_BUS));
	assert_true(model.now_ms < 1500);
}

/* The far bridge's bus numbers first, or nothing behind it is reached. */
static void bridges_come_back_from_far_to_near(void **state)
{
	struct model_function *far;

	(void)state;
	model_clear();
	far = model_bridge(0x0018, 2, 3);
	port = model_bridge(0x0200, 3, 3);
	nic = model_nic(NIC_BDF, NIC_ID);
	model_cap_pm(nic, true);
	boot(2);
	model_copy(far, &copy[2]);
	model_upset(nic);
	model_upset(port);
	model_upset(far);
	nd_pci_restore(copy, 3);
	nd_pci_master_on(copy, 3);
	kept();
	assert_true(model_is_as_at_boot(nic, true));
	assert_true(model_is_as_at_boot(port, true));
	assert_true(model_is_as_at_boot(far, true));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_reset_works),
		cmocka_unit_test(bus_mastering_goes_off_before),
		cmocka_unit_test(without_a_reset_all_is_put_back_too),
		cmocka_unit_test(the_link_is_waited_for),
		cmocka_unit_test(a_port_that_tells_nothing_is_given_its_time),
		cmocka_unit_test(slow_ones_are_waited_for),
		cmocka_unit_test(one_that_died_comes_back_by_a_harsher_one),
		cmocka_unit_test(one_that_wakes_up_slowly_is_restored),
		cmocka_unit_test(transactions_are_waited_for),
		cmocka_unit_test(only_what_is_there_is_tried),
		cmocka_unit_test(what_the_system_wrote_decides_nothing),
		cmocka_unit_test(neighbours_are_spared),
		cmocka_unit_test(the_bridge_must_be_the_nics),
		cmocka_unit_test(quirks_are_heeded),
		cmocka_unit_test(broken_lists_end),
		cmocka_unit_test(noise_ends),
		cmocka_unit_test(power_management_of_links_is_put_back),
		cmocka_unit_test(a_link_that_is_off_is_switched_on),
		cmocka_unit_test(older_and_linkless_functions_have_less),
		cmocka_unit_test(another_device_is_left_alone),
		cmocka_unit_test(an_absent_nic_is_not_waited_for),
		cmocka_unit_test(bridges_come_back_from_far_to_near),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
