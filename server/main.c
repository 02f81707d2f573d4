// SPDX-License-Identifier: GPL-2.0-or-later
/* main.c - netdumpd: command line, privileges, and off into the loop. */
#include <argp.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "netdump/wire.h"
#include "server/crypto.h"
#include "server/keygen.h"
#include "server/log.h"
#include "server/loop.h"
#include "server/sandbox.h"
#include "server/select.h"

#define MACHINES_MAX     4096
#define MACHINES_DEFAULT 1024
#define MACHINE_FILES                                                                              \
	4 /* a dump's folder, its host's, its vmcore; at first what came early, then               \
	   * one of its thread's */
#define SERVER_FILES 64
#define SILENCE_S    180 /* above DINI's own deadline of 120 s */
#define MAP_S        1

enum { KEY_QUOTA = 256, KEY_QUOTA_HOST, KEY_KEEP_FREE, KEY_MAP, KEY_DRIVERS };

enum { KEY_INSECURE = 512 };

const char *argp_program_version = "netdumpd " ND_VERSION;

static const char doc[] =
	"Receives memory dumps of crashed machines; and logs, dry runs and requests for drivers of "
	"living systems.\v"
	"Dumps appear as DIR/HOST/DATE-ID/{vmcore,dmesg.txt,info.json}, logs with log in place of "
	"vmcore; while one is incomplete its folder's name ends in .partial.  One line per event "
	"goes to standard error.  SIGTERM ends the server; dumps under way are kept as "
	"incomplete.\n\n"
	"Exit status: 0 after SIGTERM or SIGINT, 1 if it could not start or go on, 64 if the "
	"command line makes no sense.";

static const struct argp_option options[] = {
	{"dir", 'd', "DIR", 0, "Where dumps go (made if it is not there)", 0},
	{"listen", 'l', "ADDR[:PORT]", 0, "Where to listen; default 0.0.0.0:6668", 0},
	{"key", 'k', "FILE", 0, "Our private key (netdumpd keygen FILE makes one)", 0},
	{"host-keys", 'K', "FILE", 0,
	 "Keys of hosts that have their own, lines of NAME KEY, or NAME KEY level=LEVEL; who has "
	 "one is "
	 "let in with it only",
	 0},
	{"insecure", KEY_INSECURE, NULL, 0,
	 "Without a key: whoever is on the network can read dumps, and forge them", 0},
	{"user", 'u', "NAME", 0, "Become this user once the socket is open", 0},
	{"machines", 'm', "N", 0, "Machines at once; default 1024", 0},
	{"silence", 's', "SECONDS", 0,
	 "When a machine that is silent, or brings nothing new, counts as gone; default 180", 0},
	{"quota", KEY_QUOTA, "SIZE", 0, "Disk that all dumps may take, as 500M, 20G, 2T", 0},
	{"quota-host", KEY_QUOTA_HOST, "SIZE", 0, "Disk that all dumps of one host may take", 0},
	{"keep-free", KEY_KEEP_FREE, "SIZE", 0,
	 "Disk that dumps leave free; default 1G, or 5 % of a disk below 20G", 0},
	{"level", 'L', "LEVEL", 0,
	 "What dumps do without, a sum: 2 or 4 page cache (4: with private data, too), 8 user "
	 "data, "
	 "16 free pages, as with makedumpfile's -d; default 31, 0: nothing",
	 0},
	{"map", KEY_MAP, "SECONDS", 0,
	 "How often a dump under way is made safe against a restart; default 1", 0},
	{"drivers", KEY_DRIVERS, "DIR", 0,
	 "Kernels' modules, as in /lib/modules, for systems that ask for drivers; default: none",
	 0},
	{0},
};

struct arguments {
	const char *dir, *user, *key, *host_keys, *drivers;
	bool insecure;
	struct sockaddr_in listen;
	struct nd_loop_options loop;
};

static bool number_parse(const char *text, unsigned long low, unsigned long high,
			 unsigned long *value)
{
	char *end;

	errno = 0;
	*value = strtoul(text, &end, 10);
	return !errno && end != text && !*end && *text != '-' && *value >= low && *value <= high;
}

/* A number of bytes, with K, M, G or T behind it. */
static bool size_parse(const char *text, uint64_t *bytes)
{
	static const char units[] = "KMGT";
	size_t digits = strspn(text, "0123456789");
	const char *unit = text[digits] ? strchr(units, text[digits]) : NULL;
	unsigned int shift = unit ? 10 * (unsigned int)(unit - units + 1) : 0;

	errno = 0;
	*bytes = strtoull(text, NULL, 10);
	if (errno || !digits || (text[digits] && (!unit || text[digits + 1])) ||
	    *bytes > (uint64_t)INT64_MAX >> shift)
		return false;
	*bytes <<= shift;
	return true;
}

static bool listen_parse(const char *text, struct sockaddr_in *to)
{
	char ip[INET_ADDRSTRLEN];
	const char *colon = strchr(text, ':');
	size_t bytes = colon ? (size_t)(colon - text) : strlen(text);
	unsigned long port = ND_WIRE_PORT;

	if (bytes >= sizeof ip || (colon && !number_parse(colon + 1, 0, 65535, &port)))
		return false;
	memcpy(ip, text, bytes);
	ip[bytes] = 0;
	to->sin_port = htons((uint16_t)port);
	return inet_pton(AF_INET, ip, &to->sin_addr) == 1;
}

static error_t option_take(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;
	unsigned long value;

	switch (key) {
	case 'd':
		a->dir = arg;
		return 0;
	case 'u':
		a->user = arg;
		return 0;
	case 'k':
		a->key = arg;
		return 0;
	case 'K':
		a->host_keys = arg;
		return 0;
	case KEY_DRIVERS:
		a->drivers = arg;
		return 0;
	case KEY_INSECURE:
		a->insecure = true;
		return 0;
	case 'l':
		if (!listen_parse(arg, &a->listen))
			argp_error(state, "--listen %s: not an IPv4 address and port", arg);
		return 0;
	case 'm':
		if (!number_parse(arg, 1, MACHINES_MAX, &value))
			argp_error(state, "--machines %s: not a number from 1 to %d", arg,
				   MACHINES_MAX);
		a->loop.machines_max = (unsigned int)value;
		return 0;
	case 's':
		if (!number_parse(arg, 1, 86400, &value))
			argp_error(state, "--silence %s: not a number from 1 to 86400", arg);
		a->loop.silence_ms = (uint32_t)value * 1000;
		return 0;
	case 'L':
		if (!number_parse(arg, 0, ND_LEVEL_MAX, &value))
			argp_error(state, "--level %s: not a number from 0 to %u", arg,
				   ND_LEVEL_MAX);
		a->loop.level = (unsigned int)value;
		return 0;
	case KEY_MAP:
		if (!number_parse(arg, 0, 3600, &value))
			argp_error(state, "--map %s: not a number from 0 to 3600", arg);
		a->loop.map_ms = (uint32_t)value * 1000;
		return 0;
	case KEY_QUOTA:
		if (!size_parse(arg, &a->loop.quota.all_bytes))
			argp_error(state, "--quota %s: not a size", arg);
		return 0;
	case KEY_QUOTA_HOST:
		if (!size_parse(arg, &a->loop.quota.host_bytes))
			argp_error(state, "--quota-host %s: not a size", arg);
		return 0;
	case KEY_KEEP_FREE:
		if (!size_parse(arg, &a->loop.quota.keep_free_bytes))
			argp_error(state, "--keep-free %s: not a size", arg);
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "%s: unexpected", arg);
		return 0;
	case ARGP_KEY_END:
		if (!a->dir)
			argp_error(state, "--dir is missing");
		if (a->insecure && (a->key || a->host_keys))
			argp_error(state, "--insecure is for a server without keys");
		if (a->host_keys && !a->key)
			argp_error(state, "--host-keys needs --key");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* False: said why. */
static bool keys_load(const struct arguments *a, struct nd_keyring *ring)
{
	char why[ND_KEYS_WHY_BYTES];

	if (a->insecure)
		return true;
	if (!a->key) {
		nd_log("no --key FILE, so anybody could read and forge dumps; `netdumpd keygen "
		       "FILE` makes one, and prints what the machines' configuration needs "
		       "(or say --insecure)");
		return false;
	}
	if (nd_keyring_own_load(ring, a->key, why) &&
	    (!a->host_keys || nd_keyring_hosts_load(ring, a->host_keys, why)))
		return true;
	nd_log("%s", why);
	return false;
}

/* Every machine at once may have its files open. */
static bool files_allow(unsigned int machines)
{
	struct rlimit limit;
	rlim_t wanted = machines * MACHINE_FILES + SERVER_FILES;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return false;
	if (limit.rlim_cur < wanted && limit.rlim_max >= wanted) {
		limit.rlim_cur = wanted;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	return limit.rlim_cur >= wanted;
}

/* Who we are already, we need not become: without privileges, trying would fail. */
static bool user_become(const struct passwd *pw)
{
	if (pw->pw_uid == geteuid())
		return true;
	return !initgroups(pw->pw_name, pw->pw_gid) && !setgid(pw->pw_gid) && !setuid(pw->pw_uid);
}

/*
 * Opens DIR, making it if need be.  What is made belongs to the user that will write there, and
 * is on the disk before a dump in it can be; the whole file system is synced, for the folder
 * above need not be ours to read.
 */
static int dir_open(const char *path, const struct passwd *pw)
{
	bool made = !mkdir(path, 0750);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), error;

	if (fd < 0 || !made || ((!pw || !fchown(fd, pw->pw_uid, pw->pw_gid)) && !syncfs(fd)))
		return fd;
	error = errno;
	close(fd);
	rmdir(path);
	errno = error;
	return -1;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {options, option_take, NULL, doc, NULL, NULL, NULL};
	struct arguments a = {
		.listen = {.sin_family = AF_INET, .sin_port = htons(ND_WIRE_PORT)},
		.loop = {.machines_max = MACHINES_DEFAULT,
			 .silence_ms = SILENCE_S * 1000,
			 .map_ms = MAP_S * 1000,
			 .level = ND_LEVEL_MAX,
			 .quota = {.keep_free_bytes = ND_QUOTA_DEFAULT}},
	};
	const struct passwd *pw = NULL;
	char ip[INET_ADDRSTRLEN] = "";
	struct nd_keyring ring = {0};
	struct nd_link link;
	int error = nd_keygen_run(argc, argv);

	if (error >= 0)
		return error;
	argp_parse(&argp, argc, argv, 0, NULL, &a);
	if (!a.user && !geteuid()) {
		nd_log("started as root: name the user to become with --user NAME, to whom DIR "
		       "belongs then (--user root, if it has to be root)");
		return 1;
	}
	if (a.user && !(pw = getpwnam(a.user))) {
		nd_log("--user %s: there is no such user", a.user);
		return 1;
	}
	if (!files_allow(a.loop.machines_max)) {
		nd_log("--machines %u: that takes %u open files, more than this process may have; "
		       "raise the limit (ulimit -n, LimitNOFILE=) or name fewer",
		       a.loop.machines_max, a.loop.machines_max * MACHINE_FILES + SERVER_FILES);
		return 1;
	}
	if (!nd_crypto_init()) {
		nd_log("libsodium cannot be initialised");
		return 1;
	}
	if (!keys_load(&a, &ring))
		return 1;
	a.loop.keys = ring.has_own ? &ring : NULL;
	a.loop.top = dir_open(a.dir, pw);
	if (a.loop.top < 0) {
		nd_log("--dir %s: %s", a.dir, strerror(errno));
		return 1;
	}
	a.loop.drivers = a.drivers ? open(a.drivers, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (a.drivers && a.loop.drivers < 0) {
		nd_log("--drivers %s: %s", a.drivers, strerror(errno));
		return 1;
	}
	inet_ntop(AF_INET, &a.listen.sin_addr, ip, sizeof ip);
	error = nd_link_open(&link, &a.listen);
	if (error) {
		nd_log("cannot listen on %s:%u: %s", ip, ntohs(a.listen.sin_port), strerror(error));
		return 1;
	}
	if (pw && !user_become(pw)) {
		nd_log("--user %s: %s", a.user, strerror(errno));
		return 1;
	}
	if (!nd_sandbox_enter(a.loop.top, a.loop.drivers))
		return 1;
	/*
	 * A file size limit is a full disk: an error for one dump, not the end of all.  Nor do
	 * dumps end because nobody reads the log any more.
	 */
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	nd_log("listening on %s:%u, dumps go to %s%s", ip, ntohs(a.listen.sin_port), a.dir,
	       a.insecure ? "; INSECURE, without a key" : "");
	error = nd_loop_run(&link, &a.loop);
	if (error)
		nd_log("%s", strerror(error));
	nd_link_close(&link);
	close(a.loop.top);
	nd_keyring_clear(&ring);
	return error ? 1 : 0;
}
