// SPDX-License-Identifier: GPL-2.0-or-later
/* keys.c - the server's own key and the keys of hosts. */
#include "server/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/select.h"
#include "server/store.h"
#include "wire/noise.h"
#include "wire/secure.h"

_Static_assert(ND_HOST_NAME_BYTES == ND_STORE_NAME_BYTES, "names of hosts name folders");

#define OWN_BYTES_MAX   ND_KEY_TEXT_BYTES            /* the digits and a newline */
#define HOSTS_BYTES_MAX (ND_KEYRING_HOSTS_MAX * 160) /* a full line each, and comments */

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool nd_key_parse(const char *text, uint8_t key[ND_WIRE_KEY_BYTES])
{
	for (size_t i = 0; i < ND_WIRE_KEY_BYTES; i++, text += 2) {
		int high = digit_value(text[0]), low = high < 0 ? -1 : digit_value(text[1]);

		if (low < 0)
			return false;
		key[i] = (uint8_t)(high << 4 | low);
	}
	return !*text;
}

void nd_key_format(char text[ND_KEY_TEXT_BYTES], const uint8_t key[ND_WIRE_KEY_BYTES])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < ND_WIRE_KEY_BYTES; i++) {
		*text++ = digits[key[i] >> 4];
		*text++ = digits[key[i] & 15];
	}
	*text = 0;
}

bool nd_host_name_good(const char *name)
{
	static const uint8_t no_mac[6];
	char folder[ND_STORE_NAME_BYTES];

	nd_store_host_name(folder, name, no_mac);
	return !strcmp(folder, name);
}

int nd_key_file_open(const char *path, int flags, char why[ND_KEYS_WHY_BYTES])
{
	/* O_NONBLOCK: a FIFO is to be refused, not waited for. */
	int fd = open(path, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		snprintf(why, ND_KEYS_WHY_BYTES, "%s: %s", path, strerror(errno));
	else if (!S_ISREG(st.st_mode))
		snprintf(why, ND_KEYS_WHY_BYTES, "%s: not a regular file", path);
	else if (st.st_uid && st.st_uid != geteuid())
		snprintf(why, ND_KEYS_WHY_BYTES,
			 "%s: belongs to user %u, who could change it; it has to be root's or "
			 "user %u's own",
			 path, st.st_uid, geteuid());
	else if (st.st_mode & (S_IRWXG | S_IRWXO))
		snprintf(why, ND_KEYS_WHY_BYTES,
			 "%s: its mode is %04o, so others can get at the key; chmod 600 it", path,
			 st.st_mode & 07777);
	else
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* A whole file of keys with a NUL behind it. */
struct text {
	char *at;
	size_t bytes;
};

static void text_free(struct text *t)
{
	if (t->at)
		nd_noise_wipe(t->at, t->bytes);
	free(t->at);
}

static bool text_load(struct text *t, const char *path, size_t most, char why[ND_KEYS_WHY_BYTES])
{
	int fd = nd_key_file_open(path, O_RDONLY, why);
	ssize_t n = 0;

	if (fd < 0)
		return false;
	t->at = calloc(1, most + 2);
	t->bytes = 0;
	while (t->at && t->bytes <= most &&
	       (n = read(fd, t->at + t->bytes, most + 1 - t->bytes)) > 0)
		t->bytes += (size_t)n;
	if (!t->at || n < 0)
		snprintf(why, ND_KEYS_WHY_BYTES, "%s: %s", path, strerror(errno));
	else if (t->bytes > most)
		snprintf(why, ND_KEYS_WHY_BYTES, "%s: longer than %zu bytes, too long for keys",
			 path, most);
	else if (strlen(t->at) < t->bytes)
		snprintf(why, ND_KEYS_WHY_BYTES, "%s: has a zero byte", path);
	else {
		close(fd);
		return true;
	}
	close(fd);
	text_free(t);
	return false;
}

bool nd_keyring_own_load(struct nd_keyring *ring, const char *path, char why[ND_KEYS_WHY_BYTES])
{
	struct text text;

	if (!text_load(&text, path, OWN_BYTES_MAX, why))
		return false;
	if (text.bytes && text.at[text.bytes - 1] == '\n')
		text.at[text.bytes - 1] = 0;
	ring->has_own = nd_key_parse(text.at, ring->private_key);
	text_free(&text);
	if (!ring->has_own) {
		snprintf(why, ND_KEYS_WHY_BYTES,
			 "%s: not a private key (64 hexadecimal digits, as `netdumpd keygen` "
			 "makes them)",
			 path);
		return false;
	}
	nd_noise_public(ring->public_key, ring->private_key);
	return true;
}

static int by_name(const void *a, const void *b)
{
	const struct nd_host_key *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int by_id(const void *a, const void *b)
{
	const struct nd_host_key *const *x = a, *const *y = b;

	return memcmp((*x)->id, (*y)->id, sizeof(*x)->id);
}

/* "level=" and a number from 0 to 31. */
static bool level_parse(const char *word, int *level)
{
	static const char key[] = "level=";
	unsigned long value;
	char *end;

	if (strncmp(word, key, sizeof key - 1) || digit_value(word[sizeof key - 1]) < 0)
		return false;
	errno = 0;
	value = strtoul(word + sizeof key - 1, &end, 10);
	*level = (int)value;
	return !errno && !*end && value <= ND_LEVEL_MAX;
}

/* What is wrong with one line, or NULL; *empty: nothing is on it. */
static const char *line_parse(char *line, struct nd_host_key *host, bool *empty)
{
	static const char blanks[] = " \t\r";
	char *rest, *name, *key, *more;

	line[strcspn(line, "#")] = 0;
	name = strtok_r(line, blanks, &rest);
	*empty = !name;
	if (!name)
		return NULL;
	if (!nd_host_name_good(name))
		return "not a host's name (" ND_HOST_NAME_RULE ")";
	snprintf(host->name, sizeof host->name, "%s", name);
	key = strtok_r(NULL, blanks, &rest);
	if (!key || !nd_key_parse(key, host->key))
		return "no key (64 hexadecimal digits) behind the host's name";
	more = strtok_r(NULL, blanks, &rest);
	if (more && (!level_parse(more, &host->level) || strtok_r(NULL, blanks, &rest)))
		return "something behind the key that is not level= and 0 to 31";
	nd_psk_id(host->id, host->key);
	return NULL;
}

static bool lines_parse(struct nd_keyring *ring, char *text, const char *path,
			char why[ND_KEYS_WHY_BYTES])
{
	char *next = text;

	for (unsigned int number = 1; next; number++) {
		char *line = strsep(&next, "\n");
		struct nd_host_key host = {.line = number, .level = -1};
		const char *wrong;
		bool empty;

		wrong = line_parse(line, &host, &empty);
		if (!wrong && !empty && ring->host_count == ND_KEYRING_HOSTS_MAX)
			wrong = "too many hosts";
		if (wrong) {
			snprintf(why, ND_KEYS_WHY_BYTES, "%s: line %u: %s", path, number, wrong);
			return false;
		}
		if (!empty)
			ring->hosts[ring->host_count++] = host;
		nd_noise_wipe(&host, sizeof host);
	}
	return true;
}

static void twice_tell(char why[ND_KEYS_WHY_BYTES], const char *path, const char *what,
		       const struct nd_host_key *a, const struct nd_host_key *b)
{
	const struct nd_host_key *late = a->line > b->line ? a : b, *early = late == a ? b : a;

	snprintf(why, ND_KEYS_WHY_BYTES, "%s: line %u: %s's %s stands on line %u already", path,
		 late->line, late->name, what, early->line);
}

/* Sorts both ways, which brings what is there twice together. */
static bool index_make(struct nd_keyring *ring, const char *path, char why[ND_KEYS_WHY_BYTES])
{
	qsort(ring->hosts, ring->host_count, sizeof *ring->hosts, by_name);
	for (size_t i = 0; i < ring->host_count; i++)
		ring->by_id[i] = &ring->hosts[i];
	qsort(ring->by_id, ring->host_count, sizeof *ring->by_id, by_id);
	for (size_t i = 1; i < ring->host_count; i++) {
		if (!by_name(&ring->hosts[i - 1], &ring->hosts[i])) {
			twice_tell(why, path, "name", &ring->hosts[i - 1], &ring->hosts[i]);
			return false;
		}
		if (!by_id(&ring->by_id[i - 1], &ring->by_id[i])) {
			twice_tell(why, path, "key", ring->by_id[i - 1], ring->by_id[i]);
			return false;
		}
	}
	return true;
}

static void hosts_clear(struct nd_keyring *ring)
{
	if (ring->hosts)
		nd_noise_wipe(ring->hosts, ring->host_count * sizeof *ring->hosts);
	free(ring->hosts);
	free(ring->by_id);
	ring->hosts = NULL;
	ring->by_id = NULL;
	ring->host_count = 0;
}

bool nd_keyring_hosts_load(struct nd_keyring *ring, const char *path, char why[ND_KEYS_WHY_BYTES])
{
	struct text text;
	size_t lines = 1;
	bool good;

	if (!text_load(&text, path, HOSTS_BYTES_MAX, why))
		return false;
	for (size_t i = 0; i < text.bytes; i++)
		lines += text.at[i] == '\n';
	if (lines > ND_KEYRING_HOSTS_MAX)
		lines = ND_KEYRING_HOSTS_MAX;
	hosts_clear(ring);
	ring->hosts = calloc(lines, sizeof *ring->hosts);
	ring->by_id = calloc(lines, sizeof *ring->by_id);
	good = ring->hosts && ring->by_id;
	if (!good)
		snprintf(why, ND_KEYS_WHY_BYTES, "%s: %s", path, strerror(ENOMEM));
	good = good && lines_parse(ring, text.at, path, why) && index_make(ring, path, why);
	text_free(&text);
	if (!good)
		hosts_clear(ring);
	return good;
}

const struct nd_host_key *nd_keyring_by_id(const struct nd_keyring *ring,
					   const uint8_t id[ND_WIRE_PSK_ID_BYTES])
{
	static const uint8_t none[ND_WIRE_PSK_ID_BYTES];
	struct nd_host_key wanted = {.line = 0};
	const struct nd_host_key *key = &wanted, *const * found;

	if (!ring->host_count || !memcmp(id, none, sizeof none))
		return NULL;
	memcpy(wanted.id, id, sizeof wanted.id);
	found = bsearch(&key, ring->by_id, ring->host_count, sizeof *ring->by_id, by_id);
	return found ? *found : NULL;
}

const struct nd_host_key *nd_keyring_by_name(const struct nd_keyring *ring, const char *name)
{
	struct nd_host_key wanted = {.line = 0};

	if (!ring->host_count || strlen(name) >= sizeof wanted.name)
		return NULL;
	memcpy(wanted.name, name, strlen(name));
	return bsearch(&wanted, ring->hosts, ring->host_count, sizeof *ring->hosts, by_name);
}

unsigned int nd_keyring_level(const struct nd_keyring *ring, const char *name,
			      unsigned int otherwise)
{
	const struct nd_host_key *host = nd_keyring_by_name(ring, name);

	return host && host->level >= 0 ? (unsigned int)host->level : otherwise;
}

void nd_keyring_clear(struct nd_keyring *ring)
{
	hosts_clear(ring);
	nd_noise_wipe(ring, sizeof *ring);
}
