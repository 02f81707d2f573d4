// SPDX-License-Identifier: GPL-2.0-or-later
/* breaks.c - see breaks.h: the words, and what any PCI NIC has. */
#include "tests/faults/breaker/breaks.h"

#include "stub/common/serial.h"
#include "stub/common/words.h"
#include "tests/faults/breaker/chips.h"
#include "tests/faults/breaker/flip.h"
#include "tests/faults/breaker/machine.h"
#include "tests/faults/breaker/nic.h"

#define WORD_BYTES 64
#define CAP_PM     1
#define PM_CONTROL 4
#define PM_D3HOT   3u

#define BAR_IS_IO 1u
#define BAR_IS_64 4u
#define BAR_TYPE  6u
/* Where nothing else is in QEMU's machines, whatever is plugged in. */
#define FAR_MEMORY      0xD0000000u
#define FAR_MEMORY_STEP 0x02000000u
#define FAR_PORTS       0xA000u
#define FAR_PORTS_STEP  0x400u

/* QEMU's chips go on in D3hot; true ones answer to configuration cycles only. */
static enum nd_broken nic_d3(const struct nd_nic *nic, const struct nd_handoff *unused,
			     const char **why)
{
	unsigned int at = nd_nic_capability(nic, CAP_PM, 0);

	(void)unused;
	*why = "the NIC has no power management";
	if (!at)
		return ND_BROKEN_NEVER;
	nd_nic_command(nic, 0);
	nd_nic_config_set(nic, at + PM_CONTROL, nd_nic_config(nic, at + PM_CONTROL) | PM_D3HOT);
	*why = "the NIC stays awake when told to sleep";
	return (nd_nic_config(nic, at + PM_CONTROL) & PM_D3HOT) == PM_D3HOT ? ND_BROKEN
									    : ND_BROKEN_NEVER;
}

static enum nd_broken bars_moved(const struct nd_nic *nic, const struct nd_handoff *unused,
				 const char **why)
{
	unsigned int moved = 0;

	(void)unused;
	*why = "a BAR stays where it was";
	for (unsigned int i = 0; i < PCI_BARS; i++) {
		unsigned int at = PCI_BAR0 + 4 * i;
		uint32_t was = nd_nic_config(nic, at);
		bool is_io = was & BAR_IS_IO;

		if (!was)
			continue;
		nd_nic_config_set(nic, at,
				  is_io ? FAR_PORTS + i * FAR_PORTS_STEP
					: FAR_MEMORY + i * FAR_MEMORY_STEP);
		if (nd_nic_config(nic, at) == was)
			return ND_BROKEN_NOT;
		nd_serial_print("breaker: bar %u was %x, is %x\n", i, was, nd_nic_config(nic, at));
		moved++;
		if (!is_io && (was & BAR_TYPE) == BAR_IS_64)
			nd_nic_config_set(nic, PCI_BAR0 + 4 * ++i, 0);
	}
	*why = "the NIC has no BAR";
	return moved ? ND_BROKEN : ND_BROKEN_NEVER;
}

static enum nd_broken bus_master_off(const struct nd_nic *nic, const struct nd_handoff *unused,
				     const char **why)
{
	(void)unused;
	nd_nic_command(nic, 0);
	*why = "the command register does not change";
	return nd_nic_config(nic, PCI_COMMAND) & COMMAND_OPENS ? ND_BROKEN_NOT : ND_BROKEN;
}

static enum nd_broken driver_unbound(const struct nd_nic *nic, const struct nd_handoff *unused,
				     const char **why)
{
	(void)unused;
	return nd_breaker_unbind(nic->bdf, why);
}

static const struct {
	const char *word;
	enum nd_broken (*run)(const struct nd_nic *nic, const struct nd_handoff *h,
			      const char **why);
} breaks[] = {
	{"nic-d3", nic_d3},
	{"bars-moved", bars_moved},
	{"bus-master-off", bus_master_off},
	{"rings-corrupt", nd_chip_rings_corrupt},
	{"tx-wedged", nd_chip_tx_wedged},
	{"driver-unbound", driver_unbound},
	{"seal-flip", nd_flip_dini},
	{"handoff-flip", nd_flip_handoff},
	{"firmware-flip", nd_flip_firmware},
	{"hidden-flip", nd_flip_hidden},
	{"hpet-legacy", nd_machine_hpet_legacy},
	{"pics-open", nd_machine_pics_open},
	{"irq-storm", nd_machine_irq_storm},
	{"lines-off", nd_machine_lines_off},
	{"watchdog-armed", nd_machine_watchdog_armed},
	{"vectors-lost", nd_machine_vectors_lost},
	{"x2apic", nd_breaker_x2apic},
	{"pcid", nd_breaker_pcid},
};

static enum nd_broken word_break(struct nd_word word, const struct nd_handoff *h, const char **why)
{
	const struct nd_pci_copy *copy = NULL;
	struct nd_nic nic;

	*why = "the handoff block names no NIC";
	if (h->pci_copy_count)
		copy = (const struct nd_pci_copy *)nd_breaker_map(h->pci_copy_phys, sizeof *copy);
	if (!copy)
		return ND_BROKEN_NOT;
	nic.bdf = copy->bdf;
	nic.id = nd_nic_config(&nic, 0);
	nd_serial_print("breaker: the nic is %x on bus %u\n", nic.id, nic.bdf >> 8);
	for (size_t i = 0; i < sizeof breaks / sizeof breaks[0]; i++)
		if (nd_word_is(word, breaks[i].word))
			return breaks[i].run(&nic, h, why);
	*why = "the breaker does not know how";
	return ND_BROKEN_NOT;
}

static void result_say(struct nd_word word, enum nd_broken result, const char *why)
{
	char name[WORD_BYTES];
	size_t i;

	for (i = 0; i < word.bytes && i < sizeof name - 1; i++)
		name[i] = word.text[i];
	name[i] = 0;
	if (result == ND_BROKEN)
		nd_serial_print("breaker: %s: done\n", name);
	else
		nd_serial_print("breaker: %s: %s: %s\n", name,
				result == ND_BROKEN_NEVER ? "not applicable" : "did not take", why);
}

void nd_break(const char *words, size_t bytes, const struct nd_handoff *h)
{
	struct nd_word word = {words, 0};

	for (size_t at = 0; at <= bytes; at++) {
		enum nd_broken result;
		const char *why;

		if (at < bytes && words[at] != ',') {
			word.bytes++;
			continue;
		}
		result = word_break(word, h, &why);
		result_say(word, result, why);
		word = (struct nd_word){words + at + 1, 0};
	}
}
