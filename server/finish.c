// SPDX-License-Identifier: GPL-2.0-or-later
/* finish.c - everything slow about a dump: reading back, maps, fsync, rename. */
#include "server/finish.h"

#include <errno.h>
#include <nettle/sha2.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "server/info.h"
#include "server/lanes.h"
#include "server/log.h"

#define STEP_BYTES ND_LANE_BYTES /* read back at once; chunks and heads are whole pages of it */
/* Receiving need not wake the thread for less. */
#define WAKE_BYTES (1u << 22)
#define NO_CHUNK   UINT64_MAX

struct nd_finish {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	const struct nd_store *store;
	const struct nd_vmcore *vmcore;
	const struct nd_sums *sums;
	json_t *info; /* while pages come */
	int event_fd;
	atomic_bool stop, news;
	/* under the lock */
	uint64_t stable;
	uint64_t bad_chunk;
	struct nd_map *map; /* being written, or to be */
	atomic_uint *maps;  /* of all dumps, that are under way: this one is among them */
	struct nd_ending ending;
	bool ended, over, over_told, abandoned;
	bool failed, failure_told;
	char why[ND_DONE_TEXT_BYTES]; /* it failed */
	/* the caller's */
	uint64_t told; /* of what is stable */
	/* the worker's */
	bool lost;       /* a sync failed: nobody knows what of the file is on the disk */
	bool prepared;   /* what is around a map is durable */
	bool map_logged; /* that it cannot be written */
	bool unsaid;     /* why it is incomplete */
	bool named;      /* it is called final, though it is not sure to be on the disk */
	uint64_t hashed, chunk_sum;
	struct sha256_ctx sha, chunk_sha; /* now; at the chunk's start */
};

static bool threaded(const struct nd_finish *f)
{
	return f->event_fd >= 0;
}

static void news_tell(struct nd_finish *f)
{
	uint64_t one = 1;

	f->news = true;
	if (threaded(f) && write(f->event_fd, &one, sizeof one) < 0)
		return; /* the loop looks once a second anyway */
}

/* The first failure counts; what was complete until then is not. */
static void fail(struct nd_finish *f, const char *what, int error)
{
	pthread_mutex_lock(&f->lock);
	if (!f->failed) {
		f->failed = true;
		if (error == ECANCELED)
			snprintf(f->why, sizeof f->why, "netdumpd was stopped");
		else
			snprintf(f->why, sizeof f->why, "%s: %s", what, strerror(error));
		news_tell(f);
	}
	pthread_mutex_unlock(&f->lock);
}

static bool did(struct nd_finish *f, const char *what, int error)
{
	if (error)
		fail(f, what, error);
	return !error;
}

/* Likewise, to the file that all of this is about. */
static bool file_did(struct nd_finish *f, const char *what, int error)
{
	char text[64];

	if (!error)
		return true;
	snprintf(text, sizeof text, "%s %s", f->store->kind->file, what);
	return did(f, text, error);
}

/* A chunk that is not what arrived is read again once it has come again. */
static void chunk_check(struct nd_finish *f)
{
	uint64_t chunk = (f->hashed - 1) / f->sums->chunk_bytes;

	if (f->chunk_sum == f->sums->chunk[chunk].sum)
		return;
	f->sha = f->chunk_sha;
	f->hashed = chunk * f->sums->chunk_bytes;
	pthread_mutex_lock(&f->lock);
	f->bad_chunk = chunk;
	f->stable = f->hashed;
	if (f->ended && f->ending.complete) {
		f->ended = false;
		json_decref(f->ending.info);
		nd_map_free(f->ending.map);
	}
	news_tell(f);
	pthread_mutex_unlock(&f->lock);
}

static void step_hash(struct nd_finish *f, uint64_t stable, uint8_t *step)
{
	uint64_t chunk_end = (f->hashed / f->sums->chunk_bytes + 1) * f->sums->chunk_bytes;
	uint64_t end = chunk_end < f->vmcore->bytes ? chunk_end : f->vmcore->bytes;
	uint64_t to = stable < end ? stable : end;
	size_t bytes = to - f->hashed < STEP_BYTES ? to - f->hashed : STEP_BYTES;
	uint64_t left = f->vmcore->size - f->hashed; /* the last page may have more */
	int error = f->stop ? ECANCELED : nd_store_read(f->vmcore->fd, step, bytes, f->hashed);

	if (!file_did(f, "cannot be read back", error))
		return;
	if (f->hashed % f->sums->chunk_bytes == 0) {
		f->chunk_sha = f->sha;
		f->chunk_sum = 0;
	}
	sha256_update(&f->sha, bytes < left ? bytes : left, step);
	f->chunk_sum += nd_sums_file(f->vmcore, f->hashed, step, bytes);
	f->hashed += bytes;
	if (f->hashed == end)
		chunk_check(f);
}

/* What stands before the memory no machine can send again. */
static int head_check(struct nd_finish *f)
{
	uint64_t sum = 0, left = f->vmcore->head_bytes;
	struct nd_lane *lane = nd_lane_enter();
	int error = 0;

	for (uint64_t at = 0; left && !error; at += STEP_BYTES) {
		size_t bytes = left < STEP_BYTES ? left : STEP_BYTES;

		error = nd_store_read(f->vmcore->fd, lane->bytes, bytes, at);
		sum += nd_sums_head(at, lane->bytes, bytes);
		left -= bytes;
	}
	nd_lane_leave(lane);
	return error ? error : sum != f->vmcore->head_sum ? EIO : 0;
}

/* Last words stay written even if they cannot be synced. */
static int info_store(struct nd_finish *f, const json_t *info, bool last_words)
{
	char *text = nd_info_text(info);
	size_t bytes = text ? strlen(text) : 0;
	int error = ENOMEM;

	if (text && last_words)
		error = nd_store_file(f->store, "info.json", text, bytes);
	else if (text)
		error = nd_store_file_durable(f->store, "info.json", text, bytes, 0640);
	free(text);
	return error || !last_words ? error : nd_store_sync(f->store, "info.json");
}

/* What a map needs to be found and taken up is durable before the first one is. */
static bool map_prepare(struct nd_finish *f)
{
	if (!f->prepared)
		f->prepared =
			did(f, "info.json cannot be written", info_store(f, f->info, false)) &&
			did(f, "dmesg.txt cannot be synced",
			    nd_store_sync(f->store, "dmesg.txt")) &&
			did(f, "the folders cannot be synced", nd_store_sync_folders(f->store));
	return f->prepared;
}

/* After one that failed the pages count as clean, and another would claim what is not so. */
static bool vmcore_sync(struct nd_finish *f)
{
	if (!f->lost && fdatasync(f->vmcore->fd)) {
		f->lost = true;
		file_did(f, "cannot be synced", errno);
	}
	return !f->lost;
}

static void map_write(struct nd_finish *f, const struct nd_map *map)
{
	char *text;
	int error;

	if (!vmcore_sync(f) || !map_prepare(f))
		return;
	text = nd_map_text(map);
	error = text ? nd_store_file_durable(f->store, "map.json", text, strlen(text), 0600)
		     : ENOMEM;
	free(text);
	if (error && !f->map_logged)
		nd_log("%s/%s: map.json cannot be written: %s; a restart would ask for more anew",
		       f->store->host_name, f->store->name, strerror(error));
	f->map_logged = error;
}

/* info.json gets what is known at the end only. */
static void info_end(struct nd_finish *f, bool complete)
{
	double now_s = f->ending.now_s;
	uint8_t sum[SHA256_DIGEST_SIZE];
	struct timespec now;
	char sha[65];

	sha256_digest(&f->sha, sizeof sum, sum);
	for (size_t i = 0; i < sizeof sum; i++)
		snprintf(sha + 2 * i, 3, "%02x", sum[i]);
	if (threaded(f)) {
		clock_gettime(CLOCK_REALTIME, &now);
		now_s = (double)now.tv_sec + (double)now.tv_nsec / 1e9;
	}
	nd_info_finish(f->ending.info, complete ? sha : NULL, now_s, f->ending.base_s);
}

static int info_complete(struct nd_finish *f)
{
	info_end(f, true);
	return info_store(f, f->ending.info, false);
}

static bool dump_complete(struct nd_finish *f)
{
	return did(f, "vmcore's headers do not read back as written", head_check(f)) &&
	       file_did(f, "cannot be cut to its size", nd_vmcore_cut(f->vmcore)) &&
	       vmcore_sync(f) &&
	       did(f, "dmesg.txt cannot be synced", nd_store_sync(f->store, "dmesg.txt")) &&
	       did(f, "info.json cannot be written", info_complete(f)) &&
	       did(f, "the dump cannot be made final", nd_store_commit(f->store, &f->named));
}

static void unsaid_log(const struct nd_finish *f, int error)
{
	nd_log("%s/%s: why it is incomplete cannot be written: %s", f->store->host_name,
	       f->store->name, strerror(error));
}

/* What is known about a dump that is not complete is written down, as far as that goes. */
static void dump_keep(struct nd_finish *f)
{
	int error;

	if (f->ending.complete)
		nd_info_spoil(f->ending.info, f->why);
	if (f->store->kind->passing)
		nd_store_pass(f->store);
	else if (f->ending.map)
		map_write(f, f->ending.map);
	info_end(f, false);
	error = info_store(f, f->ending.info, true);
	if (!error)
		error = nd_store_sync_folders(f->store);
	if (error)
		unsaid_log(f, error);
	f->unsaid = error;
}

/*
 * There may be room by now.  Nothing is synced, for this is not the thread, and a disk that
 * failed once may make others wait.
 */
static void dump_keep_again(struct nd_finish *f)
{
	char *text = nd_info_text(f->ending.info);
	int error = text ? nd_store_file(f->store, "info.json", text, strlen(text)) : ENOMEM;

	free(text);
	if (error)
		unsaid_log(f, error);
}

static void dump_end(struct nd_finish *f)
{
	nd_store_release(f->store);
	/* Under a final name nothing is written any more: whoever finds it finds it complete. */
	if ((!f->ending.complete || f->failed || !dump_complete(f)) && !f->named)
		dump_keep(f);
	pthread_mutex_lock(&f->lock);
	f->over = true;
	news_tell(f);
	pthread_mutex_unlock(&f->lock);
}

/* Whether there are pages to read back, and it is worth it. */
static bool hash_ready(const struct nd_finish *f, uint64_t worth_bytes)
{
	return f->bad_chunk == NO_CHUNK && !f->failed && (!f->ended || f->ending.complete) &&
	       f->stable - f->hashed >= worth_bytes;
}

/* Under the lock. */
static bool work_ready(const struct nd_finish *f)
{
	return f->map || (f->ended && !f->over) || hash_ready(f, WAKE_BYTES);
}

/* The map is written, or nobody will any more. */
static void map_drop(struct nd_finish *f)
{
	struct nd_map *map;

	pthread_mutex_lock(&f->lock);
	map = f->map;
	f->map = NULL;
	pthread_mutex_unlock(&f->lock);
	if (map)
		--*f->maps;
	nd_map_free(map);
}

/* One piece of what is to be done; maps come first, reading back takes many turns. */
static void work_do(struct nd_finish *f)
{
	struct nd_lane *lane;
	struct nd_map *map;
	uint64_t stable;
	bool hash;

	pthread_mutex_lock(&f->lock);
	map = f->map;
	stable = f->stable;
	hash = hash_ready(f, 1);
	pthread_mutex_unlock(&f->lock);
	if (map) {
		map_write(f, map);
		map_drop(f);
	} else if (hash) {
		lane = nd_lane_enter();
		step_hash(f, stable, lane->bytes);
		nd_lane_leave(lane);
	} else {
		dump_end(f);
	}
}

static void *work_run(void *context)
{
	struct nd_finish *f = context;
	bool go_on = true;

	while (go_on) {
		pthread_mutex_lock(&f->lock);
		while (!f->abandoned && !f->over && !work_ready(f))
			pthread_cond_wait(&f->wake, &f->lock);
		go_on = !f->abandoned && !f->over;
		pthread_mutex_unlock(&f->lock);
		if (go_on)
			work_do(f);
	}
	return NULL;
}

/* Under the lock, which it leaves: the thread's turn, or ours in its stead. */
static void work_wake(struct nd_finish *f)
{
	bool ready = !threaded(f) && work_ready(f);

	pthread_cond_signal(&f->wake);
	pthread_mutex_unlock(&f->lock);
	while (ready) {
		work_do(f);
		ready = work_ready(f);
	}
}

struct nd_finish *nd_finish_start(const struct nd_store *store, const struct nd_vmcore *vmcore,
				  const struct nd_sums *sums, json_t *info, int event_fd)
{
	struct nd_finish *f = calloc(1, sizeof *f);

	if (!f) {
		json_decref(info);
		return NULL;
	}
	f->store = store;
	f->vmcore = vmcore;
	f->sums = sums;
	f->info = info;
	f->event_fd = event_fd;
	f->bad_chunk = NO_CHUNK;
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->wake, NULL);
	sha256_init(&f->sha);
	if (threaded(f) && pthread_create(&f->thread, NULL, work_run, f)) {
		json_decref(f->info);
		free(f);
		return NULL;
	}
	return f;
}

void nd_finish_stable(struct nd_finish *f, uint64_t bytes)
{
	if (bytes < f->told + WAKE_BYTES)
		return;
	f->told = bytes;
	pthread_mutex_lock(&f->lock);
	if (bytes > f->stable && f->bad_chunk == NO_CHUNK)
		f->stable = bytes;
	work_wake(f);
}

void nd_finish_map(struct nd_finish *f, struct nd_map *map, atomic_uint *under_way)
{
	pthread_mutex_lock(&f->lock);
	/* After its end the thread writes none. */
	if (f->map || f->over) {
		nd_map_free(map);
	} else {
		f->map = map;
		f->maps = under_way;
		++*under_way;
	}
	work_wake(f);
}

bool nd_finish_mapping(struct nd_finish *f)
{
	bool mapping;

	pthread_mutex_lock(&f->lock);
	mapping = f->map;
	pthread_mutex_unlock(&f->lock);
	return mapping;
}

void nd_finish_end(struct nd_finish *f, const struct nd_ending *ending)
{
	pthread_mutex_lock(&f->lock);
	if (ending->complete && f->bad_chunk != NO_CHUNK) {
		/* The news are under way: it is not complete. */
		json_decref(ending->info);
		nd_map_free(ending->map);
	} else {
		f->ending = *ending;
		f->ended = true;
		f->stable = f->vmcore->bytes;
	}
	work_wake(f);
}

bool nd_finish_tells(const struct nd_finish *f)
{
	return f && f->news;
}

enum nd_finish_news nd_finish_poll(struct nd_finish *f, uint64_t *chunk,
				   char why[ND_DONE_TEXT_BYTES])
{
	enum nd_finish_news news = ND_FINISH_NONE;

	if (!nd_finish_tells(f))
		return news;
	pthread_mutex_lock(&f->lock);
	if (f->over && !f->over_told) {
		news = ND_FINISH_OVER;
		f->over_told = true;
		memcpy(why, f->why, sizeof f->why);
		if (!f->failed || !f->ending.complete)
			why[0] = 0;
	} else if (f->bad_chunk != NO_CHUNK && !f->ended) {
		news = ND_FINISH_CHUNK;
		*chunk = f->bad_chunk;
		f->bad_chunk = NO_CHUNK;
		f->told = f->stable;
	} else if (f->failed && !f->failure_told && !f->ended) {
		news = ND_FINISH_FAILED;
		memcpy(why, f->why, sizeof f->why);
		f->failure_told = true;
	} else {
		f->news = false;
	}
	pthread_mutex_unlock(&f->lock);
	return news;
}

bool nd_finish_said(const struct nd_finish *f)
{
	return !f->unsaid;
}

void nd_finish_stop(struct nd_finish *f)
{
	if (f)
		f->stop = true;
}

void nd_finish_free(struct nd_finish *f)
{
	if (!f)
		return;
	pthread_mutex_lock(&f->lock);
	f->abandoned = !f->ended;
	pthread_cond_signal(&f->wake);
	pthread_mutex_unlock(&f->lock);
	if (threaded(f))
		pthread_join(f->thread, NULL);
	if (f->unsaid)
		dump_keep_again(f);
	if (f->ended) {
		json_decref(f->ending.info);
		nd_map_free(f->ending.map);
	}
	map_drop(f);
	json_decref(f->info);
	pthread_cond_destroy(&f->wake);
	pthread_mutex_destroy(&f->lock);
	free(f);
}
