// SPDX-License-Identifier: GPL-2.0-or-later
/* keep.c - what a machine's dump needs so that nothing of it is lost. */
#include "server/keep.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/info.h"
#include "server/log.h"
#include "server/phase.h"

/* A disk that spoils a chunk so often is not to be trusted with another try. */
#define REASKS_MAX 3
/*
 * Maps that are written at once, of all dumps.  Each costs several syncs whatever is in it, so
 * where many machines send little, the disk would do nothing else; with so many they take turns.
 */
#define MAPS_MAX 4
/* Room on the disk is looked at after so long or so much, 4 MiB, whatever comes first. */
#define ROOM_MS    1000
#define ROOM_PAGES 1024

static void why_set(char why[ND_WHY_BYTES], const char *what, int error)
{
	snprintf(why, ND_WHY_BYTES, "%s: %s", what, strerror(error));
}

static void unwritten_set(char why[ND_WHY_BYTES], const struct nd_machine *m, int error)
{
	snprintf(why, ND_WHY_BYTES, "the %s cannot be written: %s", m->kind->noun, strerror(error));
}

static int info_write(const struct nd_machine *m)
{
	json_t *info = nd_info_make(m, false);
	char *text = info ? nd_info_text(info) : NULL;
	int error = text ? nd_store_file(&m->store, "info.json", text, strlen(text)) : ENOMEM;

	json_decref(info);
	free(text);
	return error;
}

/* The map that an earlier life of the server left; without one all is asked for anew. */
static void map_load(struct nd_machine *m)
{
	const char *wrong = NULL;
	char *text, note[160];
	size_t bytes;
	int error = nd_store_text(m->store.dir, "map.json", ND_MAP_BYTES_MAX, &text, &bytes);

	if (error == ENOENT)
		return;
	if (error)
		wrong = strerror(error);
	else
		m->resume = nd_map_parse(text, bytes, m->session, m->hello.token, &wrong);
	free(text);
	if (m->resume)
		return;
	snprintf(note, sizeof note, "started over: map.json cannot be used: %s", wrong);
	nd_phase_note(m, note);
}

bool nd_keep_open(struct nd_machine *m, const struct nd_env *env, uint64_t now_ms, double now_s,
		  char why[ND_WHY_BYTES])
{
	int error;

	if (env->quota && !nd_quota_allows(env->quota, m->host, now_ms, why, ND_WHY_BYTES))
		return false;
	/* Another machine may have been faster since the HELLO. */
	if (!nd_store_admits(env->top, m->host, m->session, m->hello.token)) {
		snprintf(why, ND_WHY_BYTES, "the session is another machine's");
		return false;
	}
	error = nd_store_open(&m->store, m->kind, env->top, m->host, m->session, (time_t)now_s);
	if (error) {
		snprintf(why, ND_WHY_BYTES, "no folder for the %s: %s", m->kind->noun,
			 strerror(error));
		return false;
	}
	m->cache.fd = m->store.early;
	m->room_ms = now_ms;
	if (m->store.resumed)
		map_load(m);
	/* A map is of no use without info.json, so that stays until it is replaced durably. */
	error = m->resume ? 0 : info_write(m);
	if (error) {
		why_set(why, "info.json cannot be written", error);
		nd_store_abandon(&m->store);
		return false;
	}
	if (env->quota && m->store.resumed)
		nd_quota_share_begin(&m->share, m->store.vmcore);
	nd_log("%s: receiving into %s/%s" ND_STORE_PARTIAL, m->host, m->host, m->store.name);
	return true;
}

/* What the map says is there needs not come again.  False: no memory. */
static bool map_take(struct nd_machine *m)
{
	struct nd_map *map = m->resume;

	for (size_t i = 0; i < m->sums.chunks; i++)
		m->sums.chunk[i].sum = map->sum[i];
	for (size_t i = 0; i < map->absent.spans && m->absent.spans < ND_INFO_RANGES_MAX; i++)
		if (!nd_pages_add(&m->absent, map->absent.span[i].page, map->absent.span[i].count))
			return false;
	nd_pages_free(&m->pending);
	m->pending = map->missing;
	map->missing = (struct nd_pages){0};
	nd_info_past_add(m, map->past);
	m->counts.resumed++;
	nd_log("%s: going on with %s/%s" ND_STORE_PARTIAL ": %llu of %llu pages are missing",
	       m->host, m->host, m->store.name, (unsigned long long)m->pending.total,
	       (unsigned long long)m->vmcore.pages);
	return true;
}

/* Head and size, over what the file holds already if the map is of this very layout. */
static int file_begin(struct nd_machine *m, bool *resumed)
{
	struct stat st;
	int error;

	if (fstat(m->vmcore.fd, &st))
		return errno;
	*resumed = m->resume && nd_map_fits(m->resume, &m->vmcore, (uint64_t)st.st_size);
	error = nd_vmcore_head_write(&m->vmcore, m->core, m->note, m->note_bytes);
	if (error)
		return error;
	*resumed = *resumed && m->resume->layout.head_sum == m->vmcore.head_sum;
	if (!*resumed && m->resume)
		nd_phase_note(m, "started over: map.json is of another layout");
	/* What is of no use now must not be believed later. */
	if (!*resumed && m->store.resumed && unlinkat(m->store.dir, "map.json", 0) &&
	    errno != ENOENT)
		return errno;
	return nd_vmcore_size_set(&m->vmcore, !*resumed);
}

static bool layout_plan(struct nd_machine *m, const char **wrong)
{
	if (m->hello.kind != ND_HELLO_CRASH)
		return nd_vmcore_plan_plain(&m->vmcore, m->hello.range[0].bytes);
	return nd_vmcore_plan(&m->vmcore, m->core, m->note_bytes, wrong);
}

bool nd_keep_begin(struct nd_machine *m, const struct nd_env *env, char why[ND_WHY_BYTES])
{
	const char *wrong = "out of memory";
	bool resumed = false, ok;
	int error;

	if (!layout_plan(m, &wrong)) {
		snprintf(why, ND_WHY_BYTES, "%s", wrong);
		return false;
	}
	if (!m->vmcore.pages) {
		snprintf(why, ND_WHY_BYTES, "the machine names no memory of its own");
		return false;
	}
	/* All is missing until a map says otherwise: whatever fails first, that is what is told. */
	if (!nd_vmcore_pages(&m->vmcore, &m->pending)) {
		snprintf(why, ND_WHY_BYTES, "%s", wrong);
		return false;
	}
	m->vmcore.fd = m->store.vmcore;
	m->mapped_ms = m->heard_ms; /* there is nothing to keep yet */
	error = file_begin(m, &resumed);
	if (error) {
		if (m->vmcore.head_bytes)
			why_set(why, "the file's headers cannot be written", error);
		else
			unwritten_set(why, m, error);
		return false;
	}
	ok = nd_sums_init(&m->sums, m->vmcore.bytes) && (!resumed || map_take(m));
	nd_map_free(m->resume);
	m->resume = NULL;
	if (ok)
		m->finish = nd_finish_start(&m->store, &m->vmcore, &m->sums, nd_info_make(m, false),
					    env->event_fd);
	if (!m->finish)
		snprintf(why, ND_WHY_BYTES, "%s", ok ? "no memory, or no thread to be had" : wrong);
	return m->finish;
}

void nd_keep_page(struct nd_machine *m, uint64_t page, uint64_t sum)
{
	uint64_t offset = m->sums.chunk ? nd_vmcore_offset(&m->vmcore, page) : UINT64_MAX;

	if (offset != UINT64_MAX)
		nd_sums_chunk(&m->sums, offset)->sum += sum;
}

void nd_keep_unsure(struct nd_machine *m, uint64_t phys, size_t bytes)
{
	for (uint64_t page = phys / ND_PAGE_BYTES; page <= (phys + (bytes - 1)) / ND_PAGE_BYTES;
	     page++) {
		uint64_t offset = m->sums.chunk ? nd_vmcore_offset(&m->vmcore, page) : UINT64_MAX;

		if (offset != UINT64_MAX)
			nd_sums_chunk(&m->sums, offset)->unsure = true;
	}
}

static bool memory_write(struct nd_machine *m, uint64_t phys, const uint8_t *data, size_t bytes,
			 char why[ND_WHY_BYTES])
{
	int error = nd_vmcore_write(&m->vmcore, phys, data, bytes);

	if (error) {
		unwritten_set(why, m, error);
		nd_keep_unsure(m, phys, bytes);
	}
	return !error;
}

bool nd_keep_flush(struct nd_machine *m, char why[ND_WHY_BYTES])
{
	bool good = !m->run.bytes || memory_write(m, m->run.phys, m->run.data, m->run.bytes, why);

	nd_run_clear(&m->run);
	return good;
}

bool nd_keep_write(struct nd_machine *m, uint64_t phys, const uint8_t *data, size_t bytes,
		   char why[ND_WHY_BYTES])
{
	if (!nd_run_fits(&m->run, phys, bytes) && !nd_keep_flush(m, why))
		return false;
	if (bytes > ND_RUN_BYTES || !nd_run_add(&m->run, phys, data, bytes))
		return memory_write(m, phys, data, bytes, why);
	return true;
}

static bool chunk_pages(const struct nd_machine *m, size_t chunk, struct nd_pages *pages)
{
	return nd_vmcore_pages_at(&m->vmcore, chunk * m->sums.chunk_bytes,
				  (chunk + 1) * m->sums.chunk_bytes, pages);
}

void nd_keep_settle(struct nd_machine *m)
{
	for (size_t i = 0; i < m->sums.chunks; i++) {
		struct nd_chunk *c = &m->sums.chunk[i];

		if (c->unsure && chunk_pages(m, i, &m->pending)) {
			c->unsure = false;
			c->sum = 0;
		}
	}
}

static bool later_add(const struct nd_machine *m, struct nd_pages *missing)
{
	for (size_t i = 0; i < m->later.spans; i++)
		if (!nd_pages_add(missing, m->later.span[i].page, m->later.span[i].count))
			return false;
	return true;
}

struct nd_map *nd_keep_map(const struct nd_machine *m)
{
	struct nd_pages missing = {0};
	struct nd_map *map = NULL;

	for (size_t i = 0; i < m->sums.chunks; i++)
		if (m->sums.chunk[i].unsure)
			return NULL;
	if (m->sums.chunk && nd_pages_copy(&missing, &m->pending) && later_add(m, &missing) &&
	    nd_reads_missing(&m->reads, &missing))
		map = nd_map_make(m->session, m->hello.token, &m->vmcore, &m->sums, &missing,
				  &m->absent, nd_info_past(m));
	nd_pages_free(&missing);
	return map;
}

static void map_offer(struct nd_machine *m, const struct nd_env *env, uint64_t now_ms, double now_s)
{
	char why[ND_WHY_BYTES];
	struct nd_map *map;

	if (!m->finish || m->phase < ND_MEMORY || m->phase > ND_FINISH ||
	    m->status == ND_DONE_INCOMPLETE)
		return;
	/* A slow disk is given as long a rest as everyone else. */
	if (m->mapping && nd_finish_mapping(m->finish)) {
		m->mapped_ms = now_ms;
		return;
	}
	m->mapping = false;
	if (m->mapped_of_ms == m->progress_ms || now_ms - m->mapped_ms < env->map_ms ||
	    *env->maps >= MAPS_MAX)
		return;
	if (!nd_keep_flush(m, why)) {
		nd_machine_give_up(m, env, why, now_s);
		return;
	}
	map = nd_keep_map(m);
	if (!map)
		return;
	m->mapping = true;
	m->mapped_ms = now_ms;
	m->mapped_of_ms = m->progress_ms;
	nd_finish_map(m->finish, map, env->maps);
}

/* The disk gave back something else than it got: the chunk is made empty, and comes again. */
static void chunk_reask(struct nd_machine *m, const struct nd_env *env, uint64_t chunk,
			uint64_t now_ms, double now_s)
{
	struct nd_chunk *c = &m->sums.chunk[chunk];
	uint64_t from = chunk * m->sums.chunk_bytes;
	char why[ND_WHY_BYTES] = "out of memory";
	int error;

	m->phase = ND_MEMORY;
	m->progress_ms = now_ms;
	snprintf(why, sizeof why, "%s from byte %llu on does not read back as it came",
		 m->kind->file, (unsigned long long)from);
	nd_log("%s: %s", m->host, why);
	if (c->reasks == REASKS_MAX) {
		c->unsure = true;
		nd_machine_give_up(m, env, why, now_s);
		return;
	}
	c->reasks++;
	c->sum = 0;
	m->counts.reasked_chunks++;
	error = nd_vmcore_clear(&m->vmcore, from, from + m->sums.chunk_bytes);
	if (!error && !chunk_pages(m, chunk, &m->pending))
		error = ENOMEM;
	if (error) {
		c->unsure = true;
		unwritten_set(why, m, error);
		nd_machine_give_up(m, env, why, now_s);
	}
}

/* The thread is through.  `why`: not complete after all. */
static void dump_over(struct nd_machine *m, const struct nd_env *env, const char *why, double now_s)
{
	/* Else it is tried again when the machine is forgotten. */
	if (nd_finish_said(m->finish)) {
		nd_finish_free(m->finish);
		m->finish = NULL;
	}
	m->phase = ND_OVER;
	if (env->quota && m->kind->passing)
		nd_quota_shrink(env->quota, &m->share);
	else if (env->quota)
		nd_quota_grow(env->quota, &m->share, m->store.vmcore);
	if (why[0]) {
		m->status = ND_DONE_INCOMPLETE;
		snprintf(m->why, sizeof m->why, "%s", why);
		nd_log("%s: %s", m->host, m->why);
	}
	nd_log("%s: %s: %s/%s%s, %.3f s after %s, %llu pages, %llu bytes on the wire", m->host,
	       m->status == ND_DONE_COMPLETE ? "complete" : "incomplete", m->host, m->store.name,
	       m->status == ND_DONE_COMPLETE ? "" : ND_STORE_PARTIAL, now_s - m->base_s,
	       m->hello.kind == ND_HELLO_CRASH ? "the crash" : "its begin",
	       (unsigned long long)m->counts.pages, (unsigned long long)m->counts.wire_bytes);
	if (!m->suspended)
		nd_machine_done_send(m, env);
}

static void room_check(struct nd_machine *m, const struct nd_env *env, uint64_t now_ms,
		       double now_s)
{
	uint64_t stored = m->counts.pages - m->counts.zero_pages - m->counts.absent_pages;
	char why[ND_WHY_BYTES];

	if (m->store.dir < 0 || m->phase > ND_MEMORY)
		return;
	if (now_ms - m->room_ms < ROOM_MS && stored - m->room_pages < ROOM_PAGES)
		return;
	m->room_ms = now_ms;
	m->room_pages = stored;
	if (!env->quota)
		return;
	nd_quota_grow(env->quota, &m->share, m->store.vmcore);
	if (!nd_quota_allows(env->quota, m->host, now_ms, why, sizeof why))
		nd_machine_give_up(m, env, why, now_s);
}

void nd_keep_tick(struct nd_machine *m, const struct nd_env *env, uint64_t now_ms, double now_s)
{
	char why[ND_WHY_BYTES];
	uint64_t chunk;

	switch (nd_finish_poll(m->finish, &chunk, why)) {
	case ND_FINISH_CHUNK:
		chunk_reask(m, env, chunk, now_ms, now_s);
		break;
	case ND_FINISH_FAILED:
		nd_machine_give_up(m, env, why, now_s);
		break;
	case ND_FINISH_OVER:
		dump_over(m, env, why, now_s);
		break;
	case ND_FINISH_NONE:
		break;
	}
	map_offer(m, env, now_ms, now_s);
	room_check(m, env, now_ms, now_s);
}

uint64_t nd_keep_due(const struct nd_machine *m)
{
	/* Once a second is soon enough for maps too: while much comes, every DATA looks. */
	return m->phase == ND_MEMORY ? m->room_ms + ROOM_MS : UINT64_MAX;
}
