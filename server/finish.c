// SPDX-License-Identifier: GPL-2.0-or-later
/* finish.c - the slow end of a dump: checksum, fsync, rename, in a thread of its own. */
#include "server/finish.h"

#include <bearssl.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "server/info.h"

#define HASH_STEP_BYTES (1u << 18)
/* Receiving need not wake the hasher for less. */
#define HASH_WAKE_BYTES (1u << 22)

struct nd_finish {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct nd_store *store;
	int event_fd;
	/* under the lock */
	uint64_t stable;
	bool ended, abandoned, over;
	atomic_bool stop;
	int error;
	json_t *info;
	bool complete;
	double base_s;
	/* the thread's own */
	uint64_t hashed;
	br_sha256_context sha;
	uint8_t step[HASH_STEP_BYTES];
};

void nd_finish_stop(struct nd_finish *f)
{
	if (f)
		f->stop = true;
}

/* Waits for work; false: abandoned. */
static bool work_await(struct nd_finish *f, uint64_t *stable, bool *ended)
{
	bool abandoned;

	pthread_mutex_lock(&f->lock);
	while (!f->abandoned && !f->ended && f->stable - f->hashed < HASH_WAKE_BYTES)
		pthread_cond_wait(&f->wake, &f->lock);
	*stable = f->stable;
	*ended = f->ended;
	abandoned = f->abandoned;
	pthread_mutex_unlock(&f->lock);
	return !abandoned;
}

static int hash_to(struct nd_finish *f, uint64_t to)
{
	while (f->hashed < to) {
		size_t want = to - f->hashed < sizeof f->step ? to - f->hashed : sizeof f->step;
		ssize_t n = pread(f->store->vmcore, f->step, want, (off_t)f->hashed);

		if (f->stop)
			return ECANCELED;
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? errno : EIO;
		br_sha256_update(&f->sha, f->step, (size_t)n);
		f->hashed += (uint64_t)n;
	}
	return 0;
}

static void sha_format(const struct nd_finish *f, char text[65])
{
	uint8_t sum[br_sha256_SIZE];

	br_sha256_out(&f->sha, sum);
	for (size_t i = 0; i < sizeof sum; i++)
		snprintf(text + 2 * i, 3, "%02x", sum[i]);
}

/* info.json as it stands at the end, on the disk. */
static int info_write(struct nd_finish *f)
{
	struct timespec now;
	char sha[65], *text;
	int error;

	sha_format(f, sha);
	clock_gettime(CLOCK_REALTIME, &now);
	nd_info_finish(f->info, f->complete ? sha : NULL,
		       (double)now.tv_sec + (double)now.tv_nsec / 1e9, f->base_s);
	text = nd_info_text(f->info);
	error = text ? nd_store_file(f->store, "info.json", text, strlen(text)) : ENOMEM;
	free(text);
	return error ? error : nd_store_sync(f->store, "info.json");
}

/*
 * error: of the checksum.  A dump that cannot be read back, synced or renamed is not
 * complete, but what is known about it is written down all the same.
 */
static int dump_commit(struct nd_finish *f, int error)
{
	if (!error && fsync(f->store->vmcore))
		error = errno;
	if (!error)
		error = nd_store_sync(f->store, "dmesg.txt");
	if (f->complete && !error) {
		error = info_write(f);
		if (!error)
			error = nd_store_commit(f->store, true);
		if (!error)
			return 0;
	}
	if (f->complete)
		nd_info_spoil(f->info, error);
	else
		error = 0; /* incomplete it is anyway, and why stands in info.json */
	f->complete = false;
	if (!info_write(f))
		nd_store_commit(f->store, false);
	return error;
}

static void *finish_run(void *context)
{
	struct nd_finish *f = context;
	uint64_t stable = 0, one = 1;
	bool ended = false;
	int error = 0;

	while (!ended) {
		if (!work_await(f, &stable, &ended))
			return NULL;
		if (!error && (!ended || f->complete))
			error = hash_to(f, stable);
	}
	error = dump_commit(f, error);
	pthread_mutex_lock(&f->lock);
	f->error = error;
	f->over = true;
	pthread_mutex_unlock(&f->lock);
	if (write(f->event_fd, &one, sizeof one) < 0)
		return NULL; /* the loop looks once a second anyway */
	return NULL;
}

struct nd_finish *nd_finish_start(struct nd_store *store, int event_fd)
{
	struct nd_finish *f = calloc(1, sizeof *f);

	if (!f)
		return NULL;
	f->store = store;
	f->event_fd = event_fd;
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->wake, NULL);
	br_sha256_init(&f->sha);
	if (pthread_create(&f->thread, NULL, finish_run, f)) {
		free(f);
		return NULL;
	}
	return f;
}

void nd_finish_stable(struct nd_finish *f, uint64_t bytes)
{
	pthread_mutex_lock(&f->lock);
	if (bytes > f->stable)
		f->stable = bytes;
	pthread_cond_signal(&f->wake);
	pthread_mutex_unlock(&f->lock);
}

void nd_finish_end(struct nd_finish *f, uint64_t bytes, json_t *info, bool complete, double base_s)
{
	pthread_mutex_lock(&f->lock);
	f->stable = bytes;
	f->info = info;
	f->complete = complete;
	f->base_s = base_s;
	f->ended = true;
	pthread_cond_signal(&f->wake);
	pthread_mutex_unlock(&f->lock);
}

bool nd_finish_over(struct nd_finish *f, int *error)
{
	bool over;

	pthread_mutex_lock(&f->lock);
	over = f->over;
	*error = f->error;
	pthread_mutex_unlock(&f->lock);
	return over;
}

void nd_finish_free(struct nd_finish *f)
{
	if (!f)
		return;
	pthread_mutex_lock(&f->lock);
	f->abandoned = !f->ended;
	pthread_cond_signal(&f->wake);
	pthread_mutex_unlock(&f->lock);
	pthread_join(f->thread, NULL);
	json_decref(f->info);
	pthread_cond_destroy(&f->wake);
	pthread_mutex_destroy(&f->lock);
	free(f);
}
