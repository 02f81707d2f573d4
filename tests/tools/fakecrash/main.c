// SPDX-License-Identifier: GPL-2.0-or-later
/* main.c - fakecrash: command line, and what is said at the end. */
#include <argp.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "server/crypto.h"
#include "tests/tools/fakecrash/crash.h"
#include "tests/tools/fakecrash/verify.h"

#define FILES_EXTRA 16
#define LOOPBACK    0x7f000000u
#define LOOPBACK_1  0x7f010001u /* room for more machines than there can be */

enum {
	OPT_INSECURE = 256,
	OPT_PSK,
	OPT_ZERO,
	OPT_RANDOM,
	OPT_WITHIN,
	OPT_DEADLINE,
	OPT_VERIFY,
	OPT_COPY,
	OPT_FROM,
	OPT_NAME,
	OPT_JSON,
	OPT_SEED
};

static const struct argp_option options[] = {
	{"server", 's', "ADDR[:PORT]", 0, "Where netdumpd listens; port 6668 by default", 0},
	{"key", 'k', "KEY", 0, "The server's public key, 64 hexadecimal digits", 0},
	{"psk", OPT_PSK, "FILE", 0,
	 "The server's --host-keys file: machines are the first hosts in it, by name", 0},
	{"insecure", OPT_INSECURE, NULL, 0, "For a server that is insecure", 0},
	{"machines", 'n', "N", 0, "How many crash; default 1", 0},
	{"mem", 'm', "SIZE", 0, "Memory of each, as 1M (the default) or 2G", 0},
	{"seed", OPT_SEED, "N", 0, "What their memory is made of; default 1", 0},
	{"zero", OPT_ZERO, "PERCENT", 0, "Pages of zeros; default 30", 0},
	{"random", OPT_RANDOM, "PERCENT", 0, "Pages that do not compress; default 30", 0},
	{"start-within", OPT_WITHIN, "MS", 0, "They crash one after the other in that time", 0},
	{"deadline", OPT_DEADLINE, "SECONDS", 0,
	 "How long they wait without a word; default 120, as DINI", 0},
	{"from", OPT_FROM, "ADDR", 0,
	 "The first machine's address, the others have the next; default: 127.1.0.1 for a server "
	 "on loopback, else one for all",
	 0},
	{"name", OPT_NAME, "NAME", 0, "What their hosts' names begin with; default fake", 0},
	{"json", OPT_JSON, NULL, 0, "Report as JSON, with every machine", 0},
	{"copy", OPT_COPY, NULL, 0,
	 "Nobody is asked: they send the datagrams of a whole dump to plaincopy, which listens "
	 "at --server",
	 0},
	{"verify", OPT_VERIFY, "DIR", 0,
	 "Nobody crashes: compares the dumps below DIR with what these machines held", 0},
	{0},
};

struct arguments {
	struct crash crash;
	const char *psk, *verify;
	bool has_server, insecure, json;
	uint64_t seed, mem_bytes;
	unsigned int zero, random;
};

static bool number_parse(const char *text, uint64_t high, uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 10);
	return !errno && end != text && !*end && *text != '-' && *value <= high;
}

static unsigned int number_take(struct argp_state *state, const char *name, const char *text,
				uint64_t low, uint64_t high)
{
	uint64_t value;

	if (!number_parse(text, high, &value) || value < low)
		argp_error(state, "--%s %s: not a number from %llu to %llu", name, text,
			   (unsigned long long)low, (unsigned long long)high);
	return (unsigned int)value;
}

/* Bytes, in whole pages, with K, M or G behind them. */
static bool size_parse(const char *text, uint64_t *bytes)
{
	static const char units[] = "KMG";
	char *unit;
	const char *at;
	unsigned int shift;

	errno = 0;
	*bytes = strtoull(text, &unit, 10);
	at = *unit ? strchr(units, *unit) : NULL;
	shift = at ? 10 * (unsigned int)(at - units + 1) : 0;
	if (errno || unit == text || *text == '-' || (*unit && (!at || unit[1])) ||
	    *bytes > (uint64_t)INT64_MAX >> shift)
		return false;
	*bytes <<= shift;
	return *bytes % ND_PAGE_BYTES == 0 && *bytes >= MEMORY_BYTES_MIN;
}

static bool server_parse(const char *text, struct sockaddr_in *to)
{
	char ip[INET_ADDRSTRLEN];
	const char *colon = strchr(text, ':');
	size_t bytes = colon ? (size_t)(colon - text) : strlen(text);
	uint64_t port = ND_WIRE_PORT;

	if (bytes >= sizeof ip || (colon && !number_parse(colon + 1, 65535, &port)))
		return false;
	memcpy(ip, text, bytes);
	ip[bytes] = 0;
	to->sin_family = AF_INET;
	to->sin_port = htons((uint16_t)port);
	return inet_pton(AF_INET, ip, &to->sin_addr) == 1;
}

/* What of the command line only makes sense together. */
static void arguments_check(struct arguments *a, struct argp_state *state)
{
	struct crash *c = &a->crash;
	bool keyed = c->config.security == ND_AGENT_NK;

	if (a->zero + a->random > 100)
		argp_error(state, "--zero and --random: more than all pages");
	if (a->verify)
		return;
	if (!a->has_server)
		argp_error(state, "--server is missing");
	if (keyed == a->insecure)
		argp_error(state, "either --key or --insecure");
	if (a->psk && !keyed)
		argp_error(state, "--psk needs --key");
	if (a->insecure)
		c->config.security = ND_AGENT_PLAIN;
	if (!c->from && ntohl(c->server.sin_addr.s_addr) >> 24 == LOOPBACK >> 24)
		c->from = LOOPBACK_1;
}

static error_t option_take(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;
	struct crash *c = &a->crash;
	struct in_addr from;

	switch (key) {
	case 's':
		a->has_server = server_parse(arg, &c->server);
		if (!a->has_server)
			argp_error(state, "--server %s: not an IPv4 address and port", arg);
		return 0;
	case 'k':
		if (!nd_key_parse(arg, c->config.server_key[0]))
			argp_error(state, "--key %s: not 64 hexadecimal digits", arg);
		c->config.security = ND_AGENT_NK;
		return 0;
	case OPT_PSK:
		a->psk = arg;
		return 0;
	case OPT_INSECURE:
		a->insecure = true;
		return 0;
	case 'n':
		c->machines = number_take(state, "machines", arg, 1, CRASH_MACHINES_MAX);
		return 0;
	case 'm':
		if (!size_parse(arg, &a->mem_bytes))
			argp_error(state, "--mem %s: not whole pages, 256K or more", arg);
		return 0;
	case OPT_SEED:
		if (!number_parse(arg, UINT64_MAX, &a->seed))
			argp_error(state, "--seed %s: not a number", arg);
		return 0;
	case OPT_ZERO:
		a->zero = number_take(state, "zero", arg, 0, 100);
		return 0;
	case OPT_RANDOM:
		a->random = number_take(state, "random", arg, 0, 100);
		return 0;
	case OPT_WITHIN:
		c->within_ms = number_take(state, "start-within", arg, 0, 3600000);
		return 0;
	case OPT_DEADLINE:
		c->deadline_s = number_take(state, "deadline", arg, 1, 86400);
		return 0;
	case OPT_FROM:
		if (inet_pton(AF_INET, arg, &from) != 1)
			argp_error(state, "--from %s: not an IPv4 address", arg);
		c->from = ntohl(from.s_addr);
		return 0;
	case OPT_NAME:
		c->name = arg;
		return 0;
	case OPT_JSON:
		a->json = true;
		return 0;
	case OPT_COPY:
		c->copies = true;
		return 0;
	case OPT_VERIFY:
		a->verify = arg;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "%s: unexpected", arg);
		return 0;
	case ARGP_KEY_END:
		arguments_check(a, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* Machines that have keys of their own are the first hosts of the file. */
static bool hosts_load(struct crash *c, const char *path)
{
	char why[ND_KEYS_WHY_BYTES];

	if (!nd_keyring_hosts_load(&c->hosts, path, why)) {
		fprintf(stderr, "fakecrash: %s\n", why);
		return false;
	}
	if (c->hosts.host_count < c->machines) {
		fprintf(stderr, "fakecrash: %s: %zu hosts for %u machines\n", path,
			c->hosts.host_count, c->machines);
		return false;
	}
	c->config.security = ND_AGENT_NKPSK0;
	c->config.has_psk = true;
	return true;
}

static void files_allow(unsigned int machines)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		fatal("open files");
	if (limit.rlim_cur >= machines + FILES_EXTRA)
		return;
	limit.rlim_cur = machines + FILES_EXTRA;
	if (setrlimit(RLIMIT_NOFILE, &limit))
		fatal("a socket for each machine: raise the limit of open files");
}

static void memory_set(struct arguments *a)
{
	struct nd_agent_config *config = &a->crash.config;

	memory_init(&a->crash.memory, a->seed, a->mem_bytes, a->zero, a->random);
	config->server_count = 1;
	config->elfcorehdr_phys = ND_IMAGE_ELFCOREHDR;
	config->cr3 = ND_IMAGE_CR3;
	config->range_count = 1;
	config->range[0] = (struct nd_wire_range){
		.phys = ND_IMAGE_RAM, .bytes = a->mem_bytes - ND_IMAGE_RAM, .kind = 1};
	snprintf(config->reason, sizeof config->reason, "made up by fakecrash");
}

static int report_print(const struct crash *c, bool json)
{
	unsigned int complete = 0;
	json_t *report = crash_report(c, &complete);

	if (!report)
		fatal("the report");
	if (json)
		json_dumpf(report, stdout, JSON_INDENT(1));
	else
		printf("%u of %u complete in %.3f s, %.1f MB/s of memory", complete, c->machines,
		       json_real_value(json_object_get(report, "seconds")),
		       (double)json_integer_value(json_object_get(report, "memory_bytes")) / 1e6 /
			       json_real_value(json_object_get(report, "seconds")));
	puts("");
	json_decref(report);
	return complete == c->machines ? 0 : 1;
}

static int verify(const struct crash *c, const char *path)
{
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	unsigned int right = 0;

	if (dir < 0)
		fatal(path);
	for (unsigned int i = 0; i < c->machines; i++) {
		char name[ND_HOST_NAME_BYTES], why[VERIFY_WHY_BYTES];

		crash_host_name(c, i, name);
		if (verify_dump(&c->memory, i, dir, name, why))
			right++;
		else
			fprintf(stderr, "fakecrash: %s: %s\n", name, why);
	}
	close(dir);
	printf("%u of %u right\n", right, c->machines);
	return right == c->machines ? 0 : 1;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {
		.options = options,
		.parser = option_take,
		.doc = "Crashes many machines that never were, to load netdumpd.\v"
		       "Exit status: 0 if every machine was told that its dump is complete (or, "
		       "with "
		       "--verify, if every dump is what its machine held), else 1; 64 if the "
		       "command "
		       "line makes no sense.",
	};
	static struct arguments a = {
		.crash = {.machines = 1, .deadline_s = 120, .name = "fake"},
		.seed = 1,
		.mem_bytes = 1 << 20,
		.zero = 30,
		.random = 30,
	};
	int code;

	argp_parse(&argp, argc, argv, 0, NULL, &a);
	if (a.psk && !hosts_load(&a.crash, a.psk))
		return 1;
	if (!nd_crypto_init())
		fatal("libsodium");
	memory_set(&a);
	if (a.verify)
		return verify(&a.crash, a.verify);
	files_allow(a.crash.machines);
	crash_run(&a.crash);
	code = report_print(&a.crash, a.json);
	free(a.crash.machine);
	nd_keyring_clear(&a.crash.hosts);
	return code;
}
