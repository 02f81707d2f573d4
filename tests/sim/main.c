// SPDX-License-Identifier: GPL-2.0-or-later
/* main.c - many seeds, on as many processes as asked for; or one, with a trace. */
#include <argp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/sim/rates.h"
#include "tests/sim/report.h"
#include "tests/sim/scenario.h"

#define JOBS_MAX 64

enum { KEY_SEED = 256, KEY_TRACE, KEY_BREAK, KEY_RATES, KEY_JSON };

struct arguments {
	uint64_t first, count;
	unsigned int jobs;
	bool trace, rates, json;
	enum sim_fault fault;
};

/* What a process has done; the others' parent reads it. */
struct job {
	uint64_t seed; /* under way, for when it crashes */
	uint64_t seeds, failed, digest, datagrams, pages, virtual_ms, heap_peak, slowest_ms,
		slowest;
	uint64_t machines, complete, incomplete, refused, silent, lives;
};

static const char doc[] =
	"DINI's agents and netdumpd's hub in one process, on virtual time.\v"
	"Every seed is a network, machines, a disk and what goes wrong with them; a failing one "
	"prints the command that repeats it.  Exit status: 0 all held, 1 some did not.";

static const struct argp_option options[] = {
	{"seed", KEY_SEED, "N", 0, "Only this one", 0},
	{"seeds", 'n', "N", 0, "So many; default 1000", 0},
	{"first", 'f', "N", 0, "The first of them; default 1", 0},
	{"jobs", 'j', "N", 0, "Processes; default 1", 0},
	{"trace", KEY_TRACE, NULL, 0, "Show what happens", 0},
	{"rates", KEY_RATES, NULL, 0, "Measure how fast dumps are instead", 0},
	{"json", KEY_JSON, NULL, 0, "Rates as JSON", 0},
	{"break", KEY_BREAK, "WHAT", 0, "Break the simulated world, to see that it is found", 0},
	{0},
};

static const char *const faults[] = {"none", "memory", "byte", "rename", "sync", "line", "crash"};

static error_t option_take(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case KEY_SEED:
		a->first = strtoull(arg, NULL, 10);
		a->count = 1;
		return 0;
	case 'n':
		a->count = strtoull(arg, NULL, 10);
		return 0;
	case 'f':
		a->first = strtoull(arg, NULL, 10);
		return 0;
	case 'j':
		a->jobs = (unsigned int)strtoul(arg, NULL, 10);
		if (!a->jobs || a->jobs > JOBS_MAX)
			argp_error(state, "--jobs %s: not a number from 1 to %d", arg, JOBS_MAX);
		return 0;
	case KEY_TRACE:
		a->trace = true;
		return 0;
	case KEY_RATES:
		a->rates = true;
		return 0;
	case KEY_JSON:
		a->json = true;
		return 0;
	case KEY_BREAK:
		for (unsigned int i = 0; i < sizeof faults / sizeof *faults; i++)
			if (!strcmp(arg, faults[i])) {
				a->fault = (enum sim_fault)i;
				return 0;
			}
		argp_error(state, "--break %s: no such thing", arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void seed_say(const struct arguments *a, uint64_t seed, const char *why)
{
	printf("seed %llu: %s\n    repeat it: %s --seed %llu --trace%s%s\n",
	       (unsigned long long)seed, why, program_invocation_name, (unsigned long long)seed,
	       a->fault ? " --break " : "", a->fault ? faults[a->fault] : "");
	fflush(stdout);
}

static void result_take(struct job *j, uint64_t seed, const struct sim_result *r)
{
	j->seeds++;
	j->digest += r->digest;
	j->datagrams += r->datagrams;
	j->pages += r->pages;
	j->virtual_ms += r->virtual_ms;
	j->machines += r->machines;
	j->complete += r->complete;
	j->incomplete += r->incomplete;
	j->refused += r->refused;
	j->silent += r->silent;
	j->lives += r->lives;
	if (r->heap_peak > j->heap_peak)
		j->heap_peak = r->heap_peak;
	if (r->wall_ms > j->slowest_ms) {
		j->slowest_ms = r->wall_ms;
		j->slowest = seed;
	}
	j->failed += r->failure[0] != 0;
}

/* Every jobs-th seed from where this job is. */
static void seeds_run(const struct arguments *a, struct job *j)
{
	for (; j->seed < a->first + a->count; j->seed += a->jobs) {
		struct sim_result r;

		sim_scenario_run(j->seed, a->trace, a->fault, &r);
		result_take(j, j->seed, &r);
		if (r.failure[0])
			seed_say(a, j->seed, r.failure);
	}
}

/* Until its seeds are through: a crash costs one seed, not the rest. */
static void job_start(const struct arguments *a, struct job *j, pid_t *pid)
{
	fflush(stdout);
	*pid = fork();
	SIM_NEED(*pid >= 0);
	if (*pid)
		return;
	seeds_run(a, j);
	exit(0);
}

static void jobs_run(const struct arguments *a, struct job *job)
{
	pid_t pid[JOBS_MAX];
	unsigned int running = a->jobs;

	for (unsigned int i = 0; i < a->jobs; i++) {
		job[i].seed = a->first + i;
		job_start(a, &job[i], &pid[i]);
	}
	while (running) {
		int status;
		pid_t ended = wait(&status);
		unsigned int i = 0;

		SIM_NEED(ended > 0);
		while (pid[i] != ended)
			i++;
		if (!status) {
			running--;
			continue;
		}
		job[i].failed++;
		seed_say(a, job[i].seed, "it crashes");
		job[i].seed += a->jobs;
		job_start(a, &job[i], &pid[i]);
	}
}

static void job_add(struct job *all, const struct job *j)
{
	result_take(all, j->slowest,
		    &(struct sim_result){.digest = j->digest,
					 .datagrams = j->datagrams,
					 .pages = j->pages,
					 .virtual_ms = j->virtual_ms,
					 .machines = (unsigned int)j->machines,
					 .complete = (unsigned int)j->complete,
					 .incomplete = (unsigned int)j->incomplete,
					 .refused = (unsigned int)j->refused,
					 .silent = (unsigned int)j->silent,
					 .lives = (unsigned int)j->lives,
					 .heap_peak = j->heap_peak,
					 .wall_ms = j->slowest_ms});
	all->seeds += j->seeds - 1;
	all->failed += j->failed;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {options, option_take, NULL, doc, NULL, NULL, NULL};
	struct arguments a = {.first = 1, .count = 1000, .jobs = 1};
	struct job *job, all = {0};

	argp_parse(&argp, argc, argv, 0, NULL, &a);
	if (a.rates)
		return sim_rates_run(a.json) ? 0 : 1;
	if (a.jobs > a.count)
		a.jobs = a.count ? (unsigned int)a.count : 1;
	job = mmap(NULL, JOBS_MAX * sizeof *job, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		   -1, 0);
	SIM_NEED(job != MAP_FAILED);
	jobs_run(&a, job);
	for (unsigned int i = 0; i < a.jobs; i++)
		job_add(&all, &job[i]);
	printf("%llu seeds, %llu failed; %llu machines: %llu complete, %llu incomplete, %llu "
	       "refused, %llu broke down; %llu lives of the server, %llu datagrams, %.0f s of "
	       "virtual time\nslowest: seed %llu, %llu ms; most memory: %.1f MiB; digest %016llx\n",
	       (unsigned long long)all.seeds, (unsigned long long)all.failed,
	       (unsigned long long)all.machines, (unsigned long long)all.complete,
	       (unsigned long long)all.incomplete, (unsigned long long)all.refused,
	       (unsigned long long)all.silent, (unsigned long long)all.lives,
	       (unsigned long long)all.datagrams, (double)all.virtual_ms / 1000,
	       (unsigned long long)all.slowest, (unsigned long long)all.slowest_ms,
	       (double)all.heap_peak / (1 << 20), (unsigned long long)all.digest);
	return all.failed ? 1 : 0;
}
