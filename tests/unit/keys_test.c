/* SPDX-License-Identifier: GPL-2.0-or-later */
/* keys_test.c - files of keys: what is taken, what is refused and in which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/keys.h"
#include "wire/noise.h"
#include "wire/secure.h"

#define A64 "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"
#define B64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static char path[] = "/tmp/netdump-keys-XXXXXX";

static int path_make(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 || close(fd);
}

static int path_remove(void **state)
{
	(void)state;
	return unlink(path);
}

static void file_write(const char *text, size_t bytes)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, bytes, f), bytes);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0600), 0);
}

static void why_assert(const char *why, const char *part)
{
	if (!strstr(why, part) || !strstr(why, path))
		fail_msg("'%s' does not say '%s' and which file", why, part);
}

static void a_key_is_64_digits(void **state)
{
	(void)state;
	static const char *const bad[] = {"",      "00",     A64 "0", A64 "00",
					  " " A64, A64 "\n", "g" A64, "0x" A64};
	uint8_t key[ND_WIRE_KEY_BYTES], again[ND_WIRE_KEY_BYTES];
	char text[ND_KEY_TEXT_BYTES], spoilt[] = A64;

	assert_true(nd_key_parse(A64, key));
	assert_int_equal(key[0], 0x00);
	assert_int_equal(key[1], 0x11);
	assert_int_equal(key[31], 0xff);
	nd_key_format(text, key);
	assert_true(nd_key_parse(text, again));
	assert_memory_equal(key, again, sizeof key);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(nd_key_parse(bad[i], key));
	for (size_t i = 0; i < 64; i++) {
		spoilt[i] = 'g';
		assert_false(nd_key_parse(spoilt, key));
		spoilt[i] = A64[i];
	}
}

static const struct own_case {
	const char *text, *why; /* NULL: taken */
} own_cases[] = {
	{A64 "\n", NULL},
	{A64, NULL},
	{"", "not a private key"},
	{"\n", "not a private key"},
	{A64 "\n\n", "longer than 65 bytes"},
	{A64 " \n", "longer than 65 bytes"},
	{"00\n", "not a private key"},
	{"key=00\n", "not a private key"},
};

static void the_servers_own_key(void **state)
{
	(void)state;
	uint8_t public_key[ND_WIRE_KEY_BYTES];
	struct nd_keyring ring = {.has_own = false};
	char why[ND_KEYS_WHY_BYTES];

	for (size_t i = 0; i < sizeof own_cases / sizeof *own_cases; i++) {
		const struct own_case *c = &own_cases[i];

		file_write(c->text, strlen(c->text));
		assert_int_equal(nd_keyring_own_load(&ring, path, why), !c->why);
		if (c->why)
			why_assert(why, c->why);
		assert_int_equal(ring.has_own, !c->why);
		if (!c->why) {
			nd_noise_public(public_key, ring.private_key);
			assert_memory_equal(public_key, ring.public_key, sizeof public_key);
		}
		nd_keyring_clear(&ring);
	}
}

static const struct mode_case {
	mode_t mode;
	bool taken;
} mode_cases[] = {
	{0600, true},  {0400, true},  {0700, true},  {0640, false}, {0620, false},
	{0604, false}, {0602, false}, {0644, false}, {0610, false}, {0601, false},
};

static void what_others_can_read_is_refused(void **state)
{
	(void)state;
	struct nd_keyring ring = {.has_own = false};
	char why[ND_KEYS_WHY_BYTES];

	for (size_t i = 0; i < sizeof mode_cases / sizeof *mode_cases; i++) {
		bool own, hosts;

		file_write(B64 "\n", 65);
		assert_int_equal(chmod(path, mode_cases[i].mode), 0);
		own = nd_keyring_own_load(&ring, path, why);
		assert_int_equal(own, mode_cases[i].taken);
		if (!own)
			why_assert(why, "chmod 600");
		file_write("web1 " B64 "\n", 70);
		assert_int_equal(chmod(path, mode_cases[i].mode), 0);
		hosts = nd_keyring_hosts_load(&ring, path, why);
		assert_int_equal(hosts, mode_cases[i].taken);
		if (!hosts)
			why_assert(why, "chmod 600");
		nd_keyring_clear(&ring);
	}
}

/* Only root can give files away; others see that root's are taken in test_keys.py. */
static void anothers_file_is_refused(void **state)
{
	(void)state;
	struct nd_keyring ring = {.has_own = false};
	char why[ND_KEYS_WHY_BYTES];

	if (geteuid())
		skip();
	file_write(B64 "\n", 65);
	assert_int_equal(chown(path, 1000, 0), 0);
	assert_false(nd_keyring_own_load(&ring, path, why));
	why_assert(why, "belongs to user 1000");
	assert_int_equal(chown(path, 0, 0), 0);
	assert_true(nd_keyring_own_load(&ring, path, why));
}

static void only_a_regular_file_is_taken(void **state)
{
	(void)state;
	static const char *const others[] = {"/dev/null", "/tmp"};
	struct nd_keyring ring = {.has_own = false};
	char why[ND_KEYS_WHY_BYTES], fifo[sizeof path + 8];

	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		assert_false(nd_keyring_own_load(&ring, others[i], why));
		assert_non_null(strstr(why, "not a regular file"));
	}
	snprintf(fifo, sizeof fifo, "%s.fifo", path);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_false(nd_keyring_own_load(&ring, fifo, why)); /* and nothing waits for a writer */
	assert_int_equal(unlink(fifo), 0);
	why_assert(why, "not a regular file");
	assert_false(nd_keyring_own_load(&ring, fifo, why));
	why_assert(why, "No such file");
}

static const struct hosts_case {
	const char *text;
	size_t hosts;
	const char *why; /* NULL: taken */
} hosts_cases[] = {
	{"", 0, NULL},
	{"# nothing\n\n   \t\n", 0, NULL},
	{"web1 " A64 "\n", 1, NULL},
	{"web1 " A64, 1, NULL},
	{"\tweb1\t" A64 " # of 2026\r\nWEB1  " B64 "\n", 2, NULL},
	{"52-54-00-12-34-56 " A64 "\n", 1, NULL},
	{"web1\n", 0, "line 1: no key"},
	{"\n\nweb1 0011\n", 0, "line 3: no key"},
	{"web1 " A64 "0\n", 0, "line 1: no key"},
	{"web1 # " A64 "\n", 0, "line 1: no key"},
	{A64 " web1\n", 0, "line 1: not a host's name"},
	{".web1 " A64 "\n", 0, "line 1: not a host's name"},
	{"../web1 " A64 "\n", 0, "line 1: not a host's name"},
	{"web1 " A64 " web2\n", 0, "line 1: something behind the key"},
	{"web1 " A64 " level=0\nweb2 " B64 " level=31 # all\n", 2, NULL},
	{"web1 " A64 " level=32\n", 0, "line 1: something behind the key"},
	{"web1 " A64 " level=\n", 0, "line 1: something behind the key"},
	{"web1 " A64 " level=-1\n", 0, "line 1: something behind the key"},
	{"web1 " A64 " level=4294967297\n", 0, "line 1: something behind the key"},
	{"web1 " A64 " level=1x\n", 0, "line 1: something behind the key"},
	{"web1 " A64 " level=1 level=2\n", 0, "line 1: something behind the key"},
	{"web1 " A64 "\nweb1 " B64 "\n", 0, "line 2: web1's name stands on line 1 already"},
	{"z " A64 "\na " B64 "\n\na " A64 "\n", 0, "stands on line"},
	{"web1 " A64 "\n#\nweb2 " A64 "\n", 0, "line 3: web2's key stands on line 1 already"},
};

static void a_line_may_name_a_level(void **state)
{
	(void)state;
	static const char text[] = "web1 " A64 " level=0\nweb2 " B64 "\n";
	struct nd_keyring ring = {.has_own = false};
	char why[ND_KEYS_WHY_BYTES];

	file_write(text, sizeof text - 1);
	assert_true(nd_keyring_hosts_load(&ring, path, why));
	assert_int_equal(nd_keyring_level(&ring, "web1", 31), 0);
	assert_int_equal(nd_keyring_level(&ring, "web2", 31), 31);
	assert_int_equal(nd_keyring_level(&ring, "web3", 7), 7);
	nd_keyring_clear(&ring);
}

static void hosts_are_taken_line_by_line(void **state)
{
	(void)state;
	struct nd_keyring ring = {.has_own = false};
	char why[ND_KEYS_WHY_BYTES];

	for (size_t i = 0; i < sizeof hosts_cases / sizeof *hosts_cases; i++) {
		const struct hosts_case *c = &hosts_cases[i];
		bool taken;

		file_write(c->text, strlen(c->text));
		taken = nd_keyring_hosts_load(&ring, path, why);
		if (taken != !c->why)
			fail_msg("case %zu: %s", i, taken ? "taken" : why);
		if (c->why)
			why_assert(why, c->why);
		assert_int_equal(ring.host_count, c->hosts);
	}
	nd_keyring_clear(&ring);
	file_write("web1 " A64 "\0\n", 71);
	assert_false(nd_keyring_hosts_load(&ring, path, why));
	why_assert(why, "zero byte");
}

/* As many as there may be, in no order; each is found both ways, and nobody else. */
static void many_hosts_are_found(void **state)
{
	(void)state;
	static char text[ND_KEYRING_HOSTS_MAX * 80];
	struct nd_keyring ring = {.has_own = false};
	uint8_t key[ND_WIRE_KEY_BYTES] = {1}, id[ND_WIRE_PSK_ID_BYTES], none[8] = {0};
	char why[ND_KEYS_WHY_BYTES], digits[ND_KEY_TEXT_BYTES], name[16];
	size_t bytes = 0;

	for (unsigned int i = 0; i < ND_KEYRING_HOSTS_MAX; i++) {
		memcpy(key + 4, &(unsigned int){i}, 4);
		nd_key_format(digits, key);
		bytes += (size_t)sprintf(text + bytes, "h%u %s\n", i * 40503 % 65536, digits);
	}
	file_write(text, bytes);
	assert_true(nd_keyring_hosts_load(&ring, path, why));
	assert_int_equal(ring.host_count, ND_KEYRING_HOSTS_MAX);
	for (unsigned int i = 0; i < ND_KEYRING_HOSTS_MAX; i++) {
		const struct nd_host_key *host;

		snprintf(name, sizeof name, "h%u", i * 40503 % 65536);
		memcpy(key + 4, &(unsigned int){i}, 4);
		nd_psk_id(id, key);
		host = nd_keyring_by_name(&ring, name);
		assert_non_null(host);
		assert_memory_equal(host->key, key, sizeof key);
		assert_int_equal(host->line, i + 1);
		assert_ptr_equal(nd_keyring_by_id(&ring, id), host);
		id[7] ^= 1;
		assert_null(nd_keyring_by_id(&ring, id));
	}
	assert_null(nd_keyring_by_name(&ring, "h"));
	assert_null(nd_keyring_by_name(&ring, ""));
	assert_null(nd_keyring_by_name(&ring, A64)); /* longer than any name */
	assert_null(nd_keyring_by_id(&ring, none));
	bytes += (size_t)sprintf(text + bytes, "one-more %s\n", B64);
	file_write(text, bytes);
	assert_false(nd_keyring_hosts_load(&ring, path, why));
	why_assert(why, "too many hosts");
	assert_int_equal(ring.host_count, 0);
	assert_null(nd_keyring_by_name(&ring, "h0"));
	nd_keyring_clear(&ring);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_is_64_digits),
		cmocka_unit_test(the_servers_own_key),
		cmocka_unit_test(what_others_can_read_is_refused),
		cmocka_unit_test(anothers_file_is_refused),
		cmocka_unit_test(only_a_regular_file_is_taken),
		cmocka_unit_test(a_line_may_name_a_level),
		cmocka_unit_test(hosts_are_taken_line_by_line),
		cmocka_unit_test(many_hosts_are_found),
	};

	return cmocka_run_group_tests(tests, path_make, path_remove);
}
