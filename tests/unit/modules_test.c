/* SPDX-License-Identifier: GPL-2.0-or-later */
/* modules_test.c - which modules a device needs, and in which order, by depmod's texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <time.h>

#include "server/modules.h"

#define NIC "pci:v00008086d000010D3sv00008086sd0000A01Fbc02sc00i00"

static const struct order_case {
	const char *what, *alias, *dep, *softdep, *device, *order; /* order: names of files */
} cases[] = {
	{"one alone", "alias pci:v00008086d000010D3sv*sd*bc*sc*i* e1000e\n", "kernel/e1000e.ko:\n",
	 "", NIC, "e1000e.ko"},
	{"without a newline at the end", "alias pci:* nic", "kernel/nic.ko:", NULL, NIC, "nic.ko"},
	{"nothing for it", "alias pci:v000014E4* tg3\n", "tg3.ko:\n", "", NIC, ""},
	{"a pattern is for all of it", "alias pci:v00008086d000010D3 e1000e\n", "e1000e.ko:\n", "",
	 NIC, ""},
	{"brackets", "alias pci:v00008086d000010D[0-3]sv* a\nalias pci:*d000010D[4-9]sv* b\n",
	 "a.ko:\nb.ko:\n", "", NIC, "a.ko"},
	{"a dash in brackets is a range, out of them an underscore",
	 "alias x-[0-9]_y nic\nalias x_[a_c]-y other\n", "nic.ko:\nother.ko:\n", "", "x_5-y",
	 "nic.ko"},
	{"comments and other lines",
	 "# alias pci:* a\n\nnonsense\nalias\nalias pci:*\nalias pci:* b\n",
	 "#\n\na.ko:\nno line\nb.ko:\n", "", NIC, "b.ko"},
	{"the last is to be loaded first", "alias pci:* top\n",
	 "k/top.ko: k/middle.ko k/base.ko\nk/middle.ko: k/base.ko\nk/base.ko:\n", "", NIC,
	 "base.ko middle.ko top.ko"},
	{"a line that does not name all", "alias pci:* top\n",
	 "top.ko: middle.ko\nmiddle.ko: base.ko\nbase.ko:\n", "", NIC, "base.ko middle.ko top.ko"},
	{"two for one device share what they need", "alias pci:* a\nalias pci:v00008086* b\n",
	 "a.ko: base.ko\nb.ko: base.ko\nbase.ko:\n", "", NIC, "base.ko a.ko b.ko"},
	{"one that two lines name is there once", "alias pci:* a\nalias pci:v00008086* a\n",
	 "a.ko:\n", "", NIC, "a.ko"},
	{"built in", "alias pci:* builtin\n", "a.ko:\n", "", NIC, ""},
	{"dashes and underscores", "alias pci:* snd-nic_x\n",
	 "k/snd_nic-x.ko.xz: k/a-b.ko.zst\nk/a-b.ko.zst:\n",
	 "softdep snd_nic_x pre: c_d\n"
	 "softdep a_b pre: c-d\n",
	 NIC, "a-b.ko.zst snd_nic-x.ko.xz"},
	{"the names' order is not that of their lines", "alias pci:* m\n",
	 "z.ko:\nm.ko: z.ko b_1.ko\nb_1.ko: a.ko\nb-0.ko:\na.ko:\n", "", NIC,
	 "a.ko b_1.ko z.ko m.ko"},
	{"softdep", "alias pci:* r8169\n", "r8169.ko: mii.ko\nmii.ko:\nrealtek.ko:\nled.ko:\n",
	 "# softdep r8169 pre: led\nsoftdep r8169 pre: realtek post: led\n", NIC,
	 "mii.ko realtek.ko r8169.ko"},
	{"softdeps of what is needed, by an alias, with what they need",
	 "alias pci:* nic\nalias crc32c crc32c_generic\nalias crc32c crc32c-intel\n",
	 "nic.ko: libcrc32c.ko\nlibcrc32c.ko:\ncrc32c_generic.ko: hash.ko\nhash.ko:\n"
	 "crc32c_intel.ko:\n",
	 "softdep libcrc32c pre: crc32c\n", NIC,
	 "hash.ko crc32c_generic.ko crc32c_intel.ko libcrc32c.ko nic.ko"},
	{"a softdep that is not there", "alias pci:* a\n", "a.ko:\n",
	 "softdep a pre: gone\nsoftdep b\nsoftdep\n", NIC, "a.ko"},
	{"a softdep on several lines", "alias pci:* a\n", "a.ko:\nb.ko:\nc.ko:\nd.ko:\n",
	 "softdep a pre: b\nsoftdep a post: d pre: c\n", NIC, "b.ko c.ko a.ko"},
	{"circles end", "alias pci:* a\n", "a.ko: b.ko a.ko\nb.ko: a.ko\nc.ko:\n",
	 "softdep a pre: c\nsoftdep c pre: a c\n", NIC, "b.ko c.ko a.ko"},
	{"no text at all", NULL, NULL, NULL, NIC, ""},
};

static void order_say(const struct nd_modules *m, char *to, size_t room)
{
	size_t used = 0;

	to[0] = 0;
	for (unsigned int i = 0; i < m->count; i++) {
		struct nd_words name = nd_modules_file_name(m->path[i]);

		used += (size_t)snprintf(to + used, room - used, "%s%.*s", i ? " " : "",
					 (int)name.bytes, name.at);
		assert_true(used < room);
	}
}

static void each_behind_what_it_needs(void **state)
{
	char order[256];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct order_case *c = &cases[i];
		struct nd_modules m;

		assert_true(nd_modules_init(&m, c->alias, c->dep, c->softdep));
		assert_true(nd_modules_add(&m, c->device));
		order_say(&m, order, sizeof order);
		if (strcmp(order, c->order))
			fail_msg("%s: '%s', not '%s'", c->what, order, c->order);
		nd_modules_free(&m);
	}
}

static void several_devices_add_up(void **state)
{
	struct nd_modules m;
	char order[64];

	(void)state;
	assert_true(nd_modules_init(&m, "alias one:* a\nalias two:* b\n",
				    "a.ko: c.ko\nb.ko: c.ko\nc.ko:\n", NULL));
	assert_true(nd_modules_add(&m, "two:x"));
	assert_true(nd_modules_add(&m, "three:x"));
	assert_true(nd_modules_add(&m, "one:x"));
	assert_true(nd_modules_add(&m, "two:y"));
	order_say(&m, order, sizeof order);
	assert_string_equal(order, "c.ko b.ko a.ko");
	nd_modules_free(&m);
}

/* m0 needs m1 needs m2 ... */
static void chain_make(char *dep, unsigned int modules)
{
	for (unsigned int i = 0; i + 1 < modules; i++)
		dep += sprintf(dep, "k/m%u.ko: k/m%u.ko\n", i, i + 1);
	sprintf(dep, "k/m%u.ko:\n", modules - 1);
}

static void too_many_are_refused(void **state)
{
	static char dep[64 * ND_MODULES_MAX];
	struct nd_modules m;

	(void)state;
	chain_make(dep, ND_MODULES_MAX);
	assert_true(nd_modules_init(&m, "alias pci:* m0\n", dep, NULL));
	assert_true(nd_modules_add(&m, NIC));
	assert_int_equal(m.count, ND_MODULES_MAX);
	nd_modules_free(&m);
	chain_make(dep, ND_MODULES_MAX + 1);
	assert_true(nd_modules_init(&m, "alias pci:* m0\n", dep, NULL));
	assert_false(nd_modules_add(&m, NIC));
	assert_string_equal(m.why, "these devices need more than 64 modules");
	nd_modules_free(&m);
}

static void a_need_without_a_line_is_an_error(void **state)
{
	struct nd_modules m;

	(void)state;
	assert_true(nd_modules_init(&m, "alias pci:* a\n", "a.ko: k/b.ko\n", NULL));
	assert_false(nd_modules_add(&m, NIC));
	assert_string_equal(m.why, "modules.dep has no line for k/b.ko");
	nd_modules_free(&m);
}

/* What a machine may send, against the patterns with most stars that there are, takes no time. */
static void hostile_aliases_take_no_time(void **state)
{
	static char alias[64 * 1000];
	char device[ND_MODULES_ALIAS_BYTES] = "usb:v";
	clock_t start = clock();
	struct nd_modules m;
	char *to = alias;

	(void)state;
	for (unsigned int i = 0; i < 1000; i++)
		to += sprintf(to, "alias usb:v*p*d*dc*dsc*dp*ic*isc*ip*in*%03u a\n", i);
	for (size_t at = 5; at < sizeof device - 1; at++)
		device[at] = "pddcdscdpiciscipin"[at % 18];
	assert_true(nd_modules_init(&m, alias, "a.ko:\n", NULL));
	assert_true(nd_modules_add(&m, device));
	assert_int_equal(m.count, 0);
	nd_modules_free(&m);
	assert_true(clock() - start < CLOCKS_PER_SEC);
}

static void an_alias_too_long_matches_nothing(void **state)
{
	char device[2 * ND_MODULES_ALIAS_BYTES], alias[3 * ND_MODULES_ALIAS_BYTES];
	struct nd_modules m;

	(void)state;
	memset(device, 'x', sizeof device);
	device[sizeof device - 1] = 0;
	snprintf(alias, sizeof alias, "alias %s a\nalias * b\nalias x* c\n", device);
	assert_true(nd_modules_init(&m, alias, "a.ko:\nb.ko:\nc.ko:\n", NULL));
	assert_true(nd_modules_add(&m, device));
	assert_int_equal(m.count, 0);
	device[ND_MODULES_ALIAS_BYTES - 1] = 0;
	assert_true(nd_modules_add(&m, device));
	assert_int_equal(m.count, 2);
	nd_modules_free(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_behind_what_it_needs),
		cmocka_unit_test(several_devices_add_up),
		cmocka_unit_test(too_many_are_refused),
		cmocka_unit_test(a_need_without_a_line_is_an_error),
		cmocka_unit_test(hostile_aliases_take_no_time),
		cmocka_unit_test(an_alias_too_long_matches_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
