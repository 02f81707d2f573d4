/* SPDX-License-Identifier: GPL-2.0-or-later */
/* options_test.c - netdump.c32's own words, good and bad. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "com32/netdump/options.h"

/* Where the image is, or -1. */
static int parse(struct nd_options *o, const char *words, char why[200])
{
	static char line[1024];
	char *argv[32];
	int argc = 0;

	strncpy(line, words, sizeof line - 1);
	for (char *word = strtok(line, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	return nd_options_parse(o, argc, argv, why, 200) ? o->image : -1;
}

static void defaults_stand(void **state)
{
	(void)state;
	struct nd_options o;
	char why[200];

	assert_int_equal(parse(&o, "-- vmlinuz quiet", why), 1);
	assert_int_equal(o.server_count, 0);
	assert_int_equal(o.server_port, 6668);
	assert_int_equal(o.action, ND_ACTION_REBOOT);
	assert_string_equal(o.dini, "dini.bin");
	assert_false(o.fallback_boot || o.unnamed);
}

static void every_option_is_read(void **state)
{
	(void)state;
	struct nd_options o;
	char why[200];
	static const uint8_t second[4] = {10, 0, 0, 255};
	static const uint8_t mac[6] = {0x52, 0x54, 0, 0x12, 0xab, 0xCD};

	assert_int_equal(
		parse(&o,
		      "server=10.0.0.1,10.0.0.255:7000 ip=192.168.1.2 gateway=192.168.1.1 "
		      "mac=52-54-00:12:ab:CD action=hold deadline=0 fallback=boot dini=x.bin "
		      "skip=watchdogs,flr,firmware unnamed "
		      "-- xen.gz --- vmlinuz",
		      why),
		11);
	assert_int_equal(o.server_count, 2);
	assert_memory_equal(o.server_ip[1], second, 4);
	assert_int_equal(o.server_port, 7000);
	assert_true(o.has_client_ip && o.has_gateway && o.has_mac && o.fallback_boot && o.unnamed);
	assert_memory_equal(o.mac, mac, 6);
	assert_int_equal(o.action, ND_ACTION_HOLD);
	assert_int_equal(o.deadline_s, 0);
	assert_string_equal(o.dini, "x.bin");
	assert_int_equal(o.skip, ND_STEP_WATCHDOGS | ND_STEP_FLR | ND_STEP_FIRMWARE);
}

/* Each names the word at fault. */
static const char *const bad[] = {
	"server=",
	"server=1.2.3",
	"server=1.2.3.256",
	"server=1.2.3.4:0",
	"server=1.2.3.4:70000",
	"server=1.2.3.4,",
	"server=1.2.3.4,1.2.3.5,1.2.3.4",
	"server=1.1.1.1,1.1.1.2,1.1.1.3,1.1.1.4,1.1.1.5",
	"ip=1.2.3.4x",
	"gateway=a",
	"mac=52:54:00:12:34",
	"mac=52:54:00:12:34:5g",
	"action=sleep",
	"deadline=86401",
	"deadline=1s",
	"fallback=panic",
	"skip",
	"skip=flr,",
	"skip=fl",
	"skip=flr,,bus",
	"dini=",
	"serve=",
	"quiet",
};

static void bad_words_are_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct nd_options o;
		char why[200], line[200];

		strcpy(line, bad[i]);
		strcat(line, " -- vmlinuz");
		assert_int_equal(parse(&o, line, why), -1);
		assert_non_null(strstr(why, bad[i]));
	}
}

#define HEX_A "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"
#define HEX_B "f00112233445566778899aabbccddeeff00112233445566778899aabbccddee1"

static void keys_are_read(void **state)
{
	(void)state;
	static const uint8_t first[] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77};
	struct nd_options o;
	char why[200];

	assert_int_equal(parse(&o, "key=" HEX_A " -- vmlinuz", why), 2);
	assert_int_equal(o.key_count, 1);
	assert_memory_equal(o.key[0], first, sizeof first);
	assert_int_equal(o.key[0][31], 0xFF);
	assert_null(nd_options_key_fault(&o));
	assert_int_equal(nd_options_security(&o), ND_SECURITY_NK);

	assert_int_equal(parse(&o,
			       "key=" HEX_A "," HEX_B " psk=" HEX_B
			       " server=10.0.0.1,10.0.0.2 -- vmlinuz",
			       why),
			 4);
	assert_int_equal(o.key_count, 2);
	assert_int_equal(o.key[1][0], 0xF0);
	assert_int_equal(o.psk[31], 0xE1);
	assert_null(nd_options_key_fault(&o));
	assert_int_equal(nd_options_security(&o), ND_SECURITY_NKPSK0);

	assert_int_equal(parse(&o, "insecure -- vmlinuz", why), 2);
	assert_null(nd_options_key_fault(&o));
	assert_int_equal(nd_options_security(&o), ND_SECURITY_PLAIN);
}

/* Each name is where enum nd_step has its bit. */
static void every_step_is_known(void **state)
{
	(void)state;
	static const struct {
		const char *word;
		uint32_t step;
	} steps[] = {
		{"skip=watchdogs -- x", ND_STEP_WATCHDOGS},
		{"skip=masters -- x", ND_STEP_MASTERS},
		{"skip=iommu -- x", ND_STEP_IOMMU},
		{"skip=cpu -- x", ND_STEP_CPU},
		{"skip=chipset -- x", ND_STEP_CHIPSET},
		{"skip=vectors -- x", ND_STEP_VECTORS},
		{"skip=restore -- x", ND_STEP_RESTORE},
		{"skip=close -- x", ND_STEP_CLOSE},
		{"skip=chip -- x", ND_STEP_CHIP},
		{"skip=flr -- x", ND_STEP_FLR},
		{"skip=power -- x", ND_STEP_POWER},
		{"skip=link -- x", ND_STEP_LINK},
		{"skip=bus -- x", ND_STEP_BUS},
		{"skip=alarm -- x", ND_STEP_ALARM},
		{"skip=firmware -- x", ND_STEP_FIRMWARE},
		{"skip=others -- x", ND_STEP_OTHERS},
	};

	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		struct nd_options o;
		char why[200];

		assert_int_equal(parse(&o, steps[i].word, why), 2);
		assert_int_equal(o.skip, steps[i].step);
	}
}

/* What is named, and that no digit of a key is shown. */
static void bad_keys_are_named_and_not_shown(void **state)
{
	(void)state;
	static const struct {
		const char *words, *named;
	} cases[] = {
		{"key=", "\"key=\""},
		{"key", "\"key\""},
		{"key=" HEX_A "0", "\"key=...\""},
		{"key=" HEX_A ",", "\"key=...\""},
		{"key=0" HEX_A, "\"key=...\""},
		{"key=g" HEX_A, "\"key=...\""},
		{"key=00112233445566778899aabbccddeeff00112233445566778899aabbccddee",
		 "\"key=...\""},
		{"key=" HEX_A "," HEX_A "," HEX_A "," HEX_A "," HEX_A, "\"key=...\""},
		{"psk=", "\"psk=\""},
		{"psk=" HEX_A "," HEX_B, "\"psk=...\""},
		{"psk=0x" HEX_A, "\"psk=...\""},
		{"pks=" HEX_A, "\"pks=...\""},
		{HEX_B, "\"...\" is not an option"},
		{"psk= " HEX_B, "\"psk=\""},
		{HEX_B " psk=", "\"...\" is not an option"},
		{HEX_B "=", "\"...\" is not an option"},
		{"g001122334455667" HEX_B, "\"...\" is not an option"},
		{"f00112g", "\"f00112g\" is not an option"},
		{"f00112", "\"...\" is not an option"},
		{"insecure=yes", "\"insecure=yes\""},
		{"unnamed=yes", "\"unnamed=yes\""},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct nd_options o;
		char why[200], line[600];

		strcpy(line, cases[i].words);
		strcat(line, " -- vmlinuz");
		assert_int_equal(parse(&o, line, why), -1);
		assert_non_null(strstr(why, cases[i].named));
		assert_null(strstr(why, "8899aa"));
		assert_null(strstr(why, "112233"));
	}
}

static void keys_must_make_sense_together(void **state)
{
	(void)state;
	static const struct {
		const char *words, *said;
	} cases[] = {
		{"-- vmlinuz", "no key="},
		{"psk=" HEX_A " -- vmlinuz", "without key="},
		{"insecure key=" HEX_A " -- vmlinuz", "insecure"},
		{"psk=" HEX_A " insecure -- vmlinuz", "insecure"},
		{"key=" HEX_A "," HEX_B " -- vmlinuz", "as many keys"},
		{"server=1.1.1.1,1.1.1.2,1.1.1.3 key=" HEX_A "," HEX_B " -- vmlinuz",
		 "as many keys"},
		{"server=1.1.1.1,1.1.1.2,1.1.1.3 key=" HEX_A " -- vmlinuz", NULL},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct nd_options o;
		char why[200];
		const char *fault;

		assert_true(parse(&o, cases[i].words, why) > 0);
		fault = nd_options_key_fault(&o);
		assert_int_equal(!fault, !cases[i].said);
		assert_true(!fault || strstr(fault, cases[i].said));
	}
}

static void an_image_is_needed(void **state)
{
	(void)state;
	struct nd_options o;
	char why[200];

	assert_int_equal(parse(&o, "action=halt", why), -1);
	assert_non_null(strstr(why, "no image"));
	assert_int_equal(parse(&o, "action=halt --", why), -1);
	assert_non_null(strstr(why, "no image"));
}

/* What can still be done is known whatever is wrong, before and behind the bad word. */
static void the_way_back_is_found_behind_bad_words(void **state)
{
	(void)state;
	static const struct {
		const char *words, *named;
		int image;
		bool fallback_boot;
	} cases[] = {
		{"fallback=boot colour=red action=slep -- vmlinuz", "\"colour=...\"", 4, true},
		{"colour=red fallback=boot -- vmlinuz", "\"colour=...\"", 3, true},
		{"colour=red -- vmlinuz fallback=boot", "\"colour=...\"", 2, false},
		{"fallback=panic -- vmlinuz", "fallback=panic", 2, false},
		{"fallback=boot fallback=panic -- vmlinuz", "fallback=panic", 3, false},
		{"fallback=boot colour=red --", "\"colour=...\"", 0, true},
		{"fallback=boot", "no image", 0, true},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct nd_options o;
		char why[200];

		assert_int_equal(parse(&o, cases[i].words, why), -1);
		assert_non_null(strstr(why, cases[i].named));
		assert_int_equal(o.image, cases[i].image);
		assert_int_equal(o.fallback_boot, cases[i].fallback_boot);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_stand),
		cmocka_unit_test(every_option_is_read),
		cmocka_unit_test(every_step_is_known),
		cmocka_unit_test(bad_words_are_named),
		cmocka_unit_test(keys_are_read),
		cmocka_unit_test(bad_keys_are_named_and_not_shown),
		cmocka_unit_test(keys_must_make_sense_together),
		cmocka_unit_test(an_image_is_needed),
		cmocka_unit_test(the_way_back_is_found_behind_bad_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
