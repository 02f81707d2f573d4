// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * keygen.c - netdumpd's sub-commands that make and show keys.
 *
 * What goes to standard output is a word for pxelinux.cfg and nothing else.
 */
#include "server/keygen.h"

#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/keys.h"
#include "server/log.h"
#include "wire/noise.h"

#define OWN_FILE "netdumpd.key"

struct arguments {
	const char *host, *path;
	bool path_needed;
};

static bool word_print(const char *name, const uint8_t key[ND_WIRE_KEY_BYTES])
{
	char text[ND_KEY_TEXT_BYTES];
	bool good;

	nd_key_format(text, key);
	good = printf("%s=%s\n", name, text) > 0 && !fflush(stdout);
	if (!good)
		nd_log("standard output: %s", strerror(errno));
	nd_noise_wipe(text, sizeof text);
	return good;
}

static bool key_draw(uint8_t key[ND_WIRE_KEY_BYTES])
{
	if (getrandom(key, ND_WIRE_KEY_BYTES, 0) == ND_WIRE_KEY_BYTES)
		return true;
	nd_log("getrandom: %s", strerror(errno));
	return false;
}

/* All of it is on disk, or false with errno. */
static bool text_write(int fd, const char *text, size_t bytes)
{
	ssize_t n = write(fd, text, bytes);

	if (n >= 0 && (size_t)n < bytes) {
		errno = ENOSPC;
		return false;
	}
	return n >= 0 && !fsync(fd);
}

/* A new file with a new private key; prints the public one. */
static bool own_make(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	uint8_t private_key[ND_WIRE_KEY_BYTES], public_key[ND_WIRE_KEY_BYTES];
	char text[ND_KEY_TEXT_BYTES];
	bool good;

	if (fd < 0 && errno == EEXIST) {
		nd_log("%s is there already and stays as it is: every machine that has its public "
		       "half needs it; name another file",
		       path);
		return false;
	}
	if (fd < 0) {
		nd_log("%s: %s", path, strerror(errno));
		return false;
	}
	good = key_draw(private_key);
	if (good) {
		nd_key_format(text, private_key);
		text[sizeof text - 1] = '\n';
		good = text_write(fd, text, sizeof text);
		if (!good)
			nd_log("%s: %s", path, strerror(errno));
		nd_noise_public(public_key, private_key);
		nd_noise_wipe(private_key, sizeof private_key);
		nd_noise_wipe(text, sizeof text);
	}
	close(fd);
	if (good)
		return word_print("key", public_key);
	unlink(path);
	return false;
}

/* Puts "NAME KEY" behind what is in the file, which is `bytes` long; errno. */
static bool line_append(int fd, off_t bytes, const char *host, const uint8_t *key)
{
	char digits[ND_KEY_TEXT_BYTES], line[ND_HOST_NAME_BYTES + ND_KEY_TEXT_BYTES + 3],
		last = '\n';
	bool good = !bytes || pread(fd, &last, 1, bytes - 1) == 1;
	int length, error;

	nd_key_format(digits, key);
	length = snprintf(line, sizeof line, "%s%s %s\n", last == '\n' ? "" : "\n", host, digits);
	good = good && text_write(fd, line, (size_t)length);
	error = errno;
	if (!good && ftruncate(fd, bytes)) /* half a line would make the file invalid */
		nd_log("the last line is incomplete: %s", strerror(errno));
	nd_noise_wipe(line, sizeof line);
	nd_noise_wipe(digits, sizeof digits);
	errno = error;
	return good;
}

/* Whether the file is in order, and has no key for this host yet. */
static bool host_new(const char *path, const char *host)
{
	struct nd_keyring ring = {.host_count = 0};
	char why[ND_KEYS_WHY_BYTES];
	const struct nd_host_key *there;

	if (!nd_keyring_hosts_load(&ring, path, why)) {
		nd_log("%s", why);
		return false;
	}
	there = nd_keyring_by_name(&ring, host);
	if (there)
		nd_log("%s: line %u: %s has a key already; take that line out first", path,
		       there->line, host);
	nd_keyring_clear(&ring);
	return !there;
}

/* The file is locked from the look at what is there to the new line. */
static bool host_add(int fd, const char *path, const char *host)
{
	uint8_t key[ND_WIRE_KEY_BYTES];
	struct stat st;
	bool good;

	if (flock(fd, LOCK_EX) || fstat(fd, &st)) {
		nd_log("%s: %s", path, strerror(errno));
		return false;
	}
	if (!host_new(path, host) || !key_draw(key))
		return false;
	good = line_append(fd, st.st_size, host, key);
	if (!good)
		nd_log("%s: %s", path, strerror(errno));
	good = good && word_print("psk", key);
	nd_noise_wipe(key, sizeof key);
	return good;
}

/* A new key for a host, at the end of the file of hosts; prints it. */
static bool host_make(const char *path, const char *host)
{
	char why[ND_KEYS_WHY_BYTES];
	bool good;
	int fd;

	if (!nd_host_name_good(host)) {
		nd_log("--host %s: not a host's name (" ND_HOST_NAME_RULE ")", host);
		return false;
	}
	fd = nd_key_file_open(path, O_RDWR | O_CREAT | O_APPEND, why);
	if (fd < 0) {
		nd_log("%s", why);
		return false;
	}
	good = host_add(fd, path, host);
	close(fd);
	return good;
}

static bool public_show(const char *path)
{
	struct nd_keyring ring = {.has_own = false};
	char why[ND_KEYS_WHY_BYTES];
	bool good = nd_keyring_own_load(&ring, path, why);

	if (good)
		good = word_print("key", ring.public_key);
	else
		nd_log("%s", why);
	nd_keyring_clear(&ring);
	return good;
}

static error_t option_take(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case 'H':
		a->host = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (a->path)
			argp_error(state, "%s: unexpected", arg);
		a->path = arg;
		return 0;
	case ARGP_KEY_END:
		if (!a->path && (a->path_needed || a->host))
			argp_error(state, "FILE is missing");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int keygen(int argc, char **argv)
{
	static const struct argp_option options[] = {
		{"host", 'H', "NAME", 0, "Make a key for this host, at the end of FILE", 0},
		{0},
	};
	static const struct argp argp = {
		.options = options,
		.parser = option_take,
		.args_doc = "[FILE]",
		.doc = "Makes a key, and prints the word to put into pxelinux.cfg.\v"
		       "Without --host: a new private key for the server in FILE (default " OWN_FILE
		       "), for its option --key; prints key=, the public half, which is no "
		       "secret.\n\n"
		       "With --host: a line for that host in FILE, for the server's option "
		       "--host-keys; prints psk=, which is a secret.  NAME is the host's name as "
		       "its dumps' folder has it.\n\n"
		       "A key that is there is never overwritten.",
	};
	struct arguments a = {.path = NULL};

	argp_parse(&argp, argc, argv, 0, NULL, &a);
	if (a.host)
		return host_make(a.path, a.host) ? 0 : 1;
	return own_make(a.path ? a.path : OWN_FILE) ? 0 : 1;
}

static int pubkey(int argc, char **argv)
{
	static const struct argp argp = {
		.parser = option_take,
		.args_doc = "FILE",
		.doc = "Prints the public half of the private key in FILE, as the word for "
		       "pxelinux.cfg.",
	};
	struct arguments a = {.path_needed = true};

	argp_parse(&argp, argc, argv, 0, NULL, &a);
	return public_show(a.path) ? 0 : 1;
}

int nd_keygen_run(int argc, char **argv)
{
	static char keygen_name[] = "netdumpd keygen", pubkey_name[] = "netdumpd pubkey";
	bool is_keygen = argc > 1 && !strcmp(argv[1], "keygen");

	if (!is_keygen && (argc < 2 || strcmp(argv[1], "pubkey") != 0))
		return -1;
	argv[1] = is_keygen ? keygen_name : pubkey_name; /* what its help calls it */
	return is_keygen ? keygen(argc - 1, argv + 1) : pubkey(argc - 1, argv + 1);
}
