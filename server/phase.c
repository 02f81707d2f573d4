// SPDX-License-Identifier: GPL-2.0-or-later
/* phase.c - the order in which a machine's memory is understood: header, notes, log, page
 * structures. */
#include "server/phase.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/info.h"
#include "server/keep.h"
#include "server/log.h"
#include "server/printk.h"
#include "server/stacks.h"

/* Round trips that all parsers together may take: page tables and rings end far below. */
#define ROUNDS_MAX 2000
/* Early pages that are asked for again because the disk spoilt them. */
#define SPOILT_MAX 8
/* Early pages that are moved at once: 16 MiB, after which others have their turn. */
#define MOVE_PAGES 4096

void nd_phase_note(struct nd_machine *m, const char *text)
{
	size_t used = strlen(m->notes);

	snprintf(m->notes + used, sizeof m->notes - used, "%s%s", used ? "; " : "", text);
	nd_log("%s: note: %s", m->host, text);
}

/* struct nd_mem over the pages that came so far. */
static enum nd_mem_status page_get(void *context, uint64_t page, const uint8_t **data)
{
	struct nd_machine *m = context;
	enum nd_mem_status status = nd_cache_get(&m->cache, page, data);
	size_t most = m->phase == ND_SELECT ? ND_CACHE_PAGES_MAX : ND_CACHE_EARLY_MAX;

	if (status != ND_MEM_WAIT)
		return status;
	if (!nd_pages_has(&m->ram, page) || m->cache.used + m->pending.total >= most ||
	    m->rounds > ROUNDS_MAX || m->cache.spoilt > SPOILT_MAX)
		return ND_MEM_ABSENT;
	return nd_pages_add(&m->pending, page, 1) ? ND_MEM_WAIT : ND_MEM_ABSENT;
}

/* Pages that a parser wanted before it failed are not waited for. */
static enum nd_mem_status settle(struct nd_machine *m, enum nd_mem_status status)
{
	if (status == ND_MEM_WAIT)
		m->rounds++;
	else
		nd_pages_free(&m->pending);
	return status;
}

/* Asks for one page of RAM: nobody gets a folder by HELLO alone. */
static bool probe_needed(struct nd_machine *m)
{
	if (m->store.dir >= 0 || !m->ram.spans)
		return false;
	nd_pages_add(&m->pending, m->ram.span[0].page, 1);
	return true;
}

static void header_step(struct nd_machine *m)
{
	const struct nd_mem mem = {page_get, m};
	enum nd_mem_status status;
	uint8_t first;

	/* Nothing is allocated for an address that has not answered. */
	if (m->hello.elfcorehdr_phys &&
	    nd_mem_read(&mem, m->hello.elfcorehdr_phys, &first, 1) == ND_MEM_WAIT)
		return;
	if (probe_needed(m))
		return;
	if (!m->core)
		m->core = calloc(1, sizeof *m->core);
	if (!m->core)
		return;
	if (m->hello.elfcorehdr_phys) {
		status = settle(m, nd_core_parse(m->core, &mem, m->hello.elfcorehdr_phys));
		if (status == ND_MEM_OK)
			m->phase = ND_NOTES;
		if (status <= ND_MEM_WAIT)
			return;
	}
	if (m->hello.kind == ND_HELLO_CRASH)
		nd_phase_note(m, m->hello.elfcorehdr_phys ? m->core->why
							  : "no ELF core header: memory is taken "
							    "from the machine's map");
	nd_core_from_hello(m->core, &m->hello);
	m->phase = ND_SELECT;
}

static void notes_step(struct nd_machine *m)
{
	const struct nd_mem mem = {page_get, m};
	enum nd_mem_status status;

	free(m->note);
	status = nd_core_notes(m->core, &mem, &m->note, &m->note_bytes, &m->said);
	if (status != ND_MEM_WAIT && m->said.xen.runs)
		status = nd_xen_version(&m->said.xen, &mem, m->xen);
	if (settle(m, status) == ND_MEM_WAIT)
		return;
	m->phase = ND_LOG;
	if (!m->said.vmcoreinfo.text)
		nd_phase_note(m, "no VMCOREINFO: no log, no release");
	else if (!nd_vmcoreinfo_text(&m->said.vmcoreinfo, "OSRELEASE", m->release,
				     sizeof m->release))
		nd_phase_note(m, "VMCOREINFO names no release");
}

/* Why the kernel died, in its own words: its last panic line, else its last oops. */
static void panic_find(struct nd_machine *m, const char *text)
{
	bool panicked = false;

	for (const char *line = text; *line;) {
		size_t bytes = strcspn(line, "\n");
		char one[ND_PANIC_BYTES];
		const char *words = one;

		snprintf(one, sizeof one, "%.*s",
			 (int)(bytes < sizeof one ? bytes : sizeof one - 1), line);
		if (one[0] == '[' && strstr(one, "] "))
			words = strstr(one, "] ") + 2;
		if (!strncmp(words, "Kernel panic", 12)) {
			panicked = true;
			snprintf(m->panic, sizeof m->panic, "%s", words);
		} else if (!panicked && (strstr(words, "BUG:") || strstr(words, "Oops"))) {
			snprintf(m->panic, sizeof m->panic, "%s", words);
		}
		line += bytes + (line[bytes] == '\n');
	}
}

/* The whole log as text, malloc'ed; NULL unless ND_MEM_OK. */
static enum nd_mem_status log_text(struct nd_machine *m, char **text, size_t *bytes,
				   const char **why)
{
	const struct nd_mem mem = {page_get, m};
	FILE *out = open_memstream(text, bytes);
	struct nd_xlat *x = nd_xlat_new(&mem, &m->said.vmcoreinfo, &m->said.xen, m->hello.cr3);
	enum nd_mem_status status = ND_MEM_BAD;

	*why = "no page table is known";
	if (out && x)
		status = nd_printk_write(x, &m->said.vmcoreinfo, out, why);
	nd_xlat_free(x);
	if (!out || fclose(out)) {
		*why = "no memory for its text";
		status = ND_MEM_BAD;
	}
	if (status != ND_MEM_OK) {
		free(*text);
		*text = NULL;
	}
	return status;
}

static void log_step(struct nd_machine *m, const struct nd_env *env, double now_s)
{
	const char *why;
	char *text = NULL, note[160];
	size_t bytes = 0;
	enum nd_mem_status status;
	int error;

	if (!m->said.vmcoreinfo.text) {
		m->phase = ND_SELECT;
		return;
	}
	status = settle(m, log_text(m, &text, &bytes, &why));
	if (status == ND_MEM_WAIT)
		return;
	m->phase = ND_SELECT;
	if (status != ND_MEM_OK) {
		snprintf(note, sizeof note, "no dmesg.txt: %s", why);
		nd_phase_note(m, note);
		return;
	}
	error = nd_store_file(&m->store, "dmesg.txt", text, bytes);
	panic_find(m, text);
	m->first_log_s = now_s;
	nd_log("%s: first log line after %.3f s, %zu bytes of log; %s", m->host, now_s - m->base_s,
	       bytes, m->panic[0] ? m->panic : "no panic line");
	free(text);
	if (error) {
		snprintf(note, sizeof note, "dmesg.txt cannot be written: %s", strerror(error));
		nd_machine_give_up(m, env, note, now_s);
	}
}

static void early_end(struct nd_machine *m)
{
	nd_cache_free(&m->cache);
	nd_store_early_end(&m->store);
	m->cache.fd = -1;
}

/*
 * Early pages move into the file, but those that it has from an earlier life of the server;
 * what is left of them has no place in it (crash notes).  One that does not read back comes
 * again.
 */
static int pages_move(struct nd_machine *m, unsigned int most)
{
	uint8_t data[ND_PAGE_BYTES];
	enum nd_mem_status status;
	uint64_t page, sum;
	int error = 0;

	while (!error && most-- && nd_cache_take(&m->cache, &page, &sum, data, &status)) {
		if (!nd_pages_has(&m->pending, page) || status == ND_MEM_WAIT)
			continue;
		if (status == ND_MEM_OK)
			error = nd_vmcore_write(&m->vmcore, page * ND_PAGE_BYTES, data,
						ND_PAGE_BYTES);
		if (error)
			break;
		if (status == ND_MEM_OK)
			nd_keep_page(m, page, sum);
		if (!nd_pages_remove(&m->pending, page, 1))
			error = ENOMEM;
	}
	return error;
}

/*
 * Memory of the kernel is asked for first, and what only its processes know, or nobody, after it.
 * Where memory for that runs out, it comes as it comes.
 */
static void order_set(struct nd_machine *m)
{
	for (size_t i = 0; i < m->rest.spans; i++)
		if (!nd_pages_move(&m->later, &m->pending, m->rest.span[i].page,
				   m->rest.span[i].count))
			break;
	nd_pages_free(&m->rest);
}

void nd_phase_later(struct nd_machine *m)
{
	for (size_t i = 0; i < m->later.spans; i++)
		if (!nd_pages_add(&m->pending, m->later.span[i].page, m->later.span[i].count))
			return;
	nd_pages_free(&m->later);
}

static void move_step(struct nd_machine *m, const struct nd_env *env, double now_s)
{
	char why[ND_WHY_BYTES];
	int error = pages_move(m, MOVE_PAGES);

	if (!error && m->cache.away_used)
		return;
	m->phase = ND_MEMORY;
	early_end(m);
	order_set(m);
	if (!error)
		return;
	snprintf(why, sizeof why, "%s cannot be written: %s", m->kind->file, strerror(error));
	nd_machine_give_up(m, env, why, now_s);
}

static void memory_begin(struct nd_machine *m, const struct nd_env *env, double now_s)
{
	char why[ND_WHY_BYTES];

	m->phase = ND_MOVE;
	if (!nd_keep_begin(m, env, why)) {
		nd_machine_give_up(m, env, why, now_s);
		return;
	}
	/* Without the memory to put them away they come again. */
	nd_cache_put_away(&m->cache, NULL);
	move_step(m, env, now_s);
}

static void loads_clip(struct nd_machine *m)
{
	char text[160];

	m->clipped = true;
	nd_core_clip(m->core, &m->ram);
	if (m->core->clipped) {
		snprintf(text, sizeof text, "%u extents were cut to the machine's RAM",
			 m->core->clipped);
		nd_phase_note(m, text);
	}
}

/* Whether the level would leave out what the kernel was understood by: no kernel does. */
static bool contradicts(const struct nd_cache *cache, const struct nd_pages *excluded)
{
	for (size_t i = 0; i < cache->used; i++)
		if (nd_pages_has(excluded, cache->slot[i].page))
			return true;
	for (size_t i = 0; i < cache->away_used; i++)
		if (nd_pages_has(excluded, cache->away[i].page))
			return true;
	return false;
}

/* Page structures are looked at; *why: all pages are wanted. */
static enum nd_mem_status structs_step(struct nd_machine *m, const char **why)
{
	const struct nd_mem mem = {page_get, m};
	struct nd_xlat *x = nd_xlat_new(&mem, &m->said.vmcoreinfo, &m->said.xen, m->hello.cr3);
	enum nd_mem_status status = ND_MEM_BAD;

	*why = "no page table is known";
	if (x)
		status = settle(m, nd_select_step(m->select, x, why));
	nd_xlat_free(x);
	if (status == ND_MEM_OK && !nd_cache_put_away(&m->cache, nd_select_read(m->select))) {
		*why = "there are more page structures than the server keeps";
		status = ND_MEM_BAD;
	}
	if (status == ND_MEM_OK && nd_select_over(m->select) &&
	    contradicts(&m->cache, nd_select_excluded(m->select))) {
		*why = "the page structures are damaged";
		status = ND_MEM_BAD;
	}
	return status;
}

static void level_note(struct nd_machine *m, uint64_t least)
{
	char text[160];

	nd_log("%s: level %u: %" PRIu64 " of %" PRIu64 " pages are left out", m->host, m->level,
	       m->core->excluded.total, m->loads.total);
	if (least < 2)
		return;
	snprintf(text, sizeof text,
		 "runs of fewer than %" PRIu64 " pages are there in spite of the level", least);
	nd_phase_note(m, text);
}

/* why: nothing is known of what pages are.  At level 0 no more than their order is lost by that. */
static void select_end(struct nd_machine *m, unsigned int level, const char *why)
{
	char text[160];
	uint64_t least;

	if (!why) {
		/* Without the memory for it there is no order. */
		nd_pages_copy(&m->rest, nd_select_rest(m->select));
		least = nd_core_exclude(m->core, nd_select_excluded(m->select));
		m->level = level;
		if (level)
			level_note(m, least);
	} else if (level) {
		snprintf(text, sizeof text, "all pages: %s", why);
		nd_phase_note(m, text);
	}
	nd_select_free(m->select);
	m->select = NULL;
}

static void select_begin(struct nd_machine *m, unsigned int level)
{
	const char *why = "out of memory";

	loads_clip(m);
	if (m->said.xen.runs) {
		select_end(m, level, "what the domains of Xen have is not told apart");
		return;
	}
	if (!m->said.vmcoreinfo.text)
		return;
	if (nd_core_pages(m->core, &m->loads))
		m->select = nd_select_new(&m->said.vmcoreinfo, level, &m->loads, &why);
	if (!m->select)
		select_end(m, level, why);
}

/* The CPUs' stacks come before page structures; those that cannot be read are left. */
static enum nd_mem_status stacks_step(struct nd_machine *m)
{
	const struct nd_mem mem = {page_get, m};
	struct nd_xlat *x = nd_xlat_new(&mem, &m->said.vmcoreinfo, &m->said.xen, m->hello.cr3);
	enum nd_mem_status status = ND_MEM_OK;

	if (x)
		status = nd_stacks_want(x, m->note, m->note_bytes);
	nd_xlat_free(x);
	return settle(m, status);
}

static void select_step(struct nd_machine *m, const struct nd_env *env, double now_s)
{
	unsigned int level = env->level;
	enum nd_mem_status status;
	const char *why;

	if (env->keys)
		level = nd_keyring_level(env->keys, m->host, level);
	if (m->said.vmcoreinfo.text && !m->has_stacks && stacks_step(m) == ND_MEM_WAIT)
		return;
	m->has_stacks = true;
	if (!m->clipped)
		select_begin(m, level);
	if (m->select) {
		status = structs_step(m, &why);
		if (status == ND_MEM_WAIT || (status == ND_MEM_OK && !nd_select_over(m->select)))
			return;
		select_end(m, level, status == ND_MEM_OK ? NULL : why);
	}
	memory_begin(m, env, now_s);
}

/* A dump that ends here has a file all the same, with what came so far. */
static void select_cut(struct nd_machine *m, const struct nd_env *env)
{
	char why[ND_WHY_BYTES];

	if (!m->core || m->store.dir < 0)
		return;
	if (!m->clipped)
		loads_clip(m);
	if (nd_keep_begin(m, env, why) && nd_cache_put_away(&m->cache, NULL))
		pages_move(m, UINT32_MAX);
}

void nd_phase_finish(struct nd_machine *m, const struct nd_env *env, double now_s)
{
	struct nd_ending ending = {
		.complete = m->status == ND_DONE_COMPLETE, .now_s = now_s, .base_s = m->base_s};
	bool cut = m->phase == ND_SELECT;

	m->phase = ND_FINISH;
	nd_answer_free(m->answer);
	m->answer = NULL;
	if (cut)
		select_cut(m, env);
	early_end(m);
	if (m->store.dir >= 0 && !m->finish)
		m->finish = nd_finish_start(&m->store, &m->vmcore, &m->sums, NULL, env->event_fd);
	/* No thread to be had: the end of a dump is worth that others wait. */
	if (m->store.dir >= 0 && !m->finish)
		m->finish = nd_finish_start(&m->store, &m->vmcore, &m->sums, NULL, -1);
	ending.info = m->finish ? nd_info_make(m, true) : NULL;
	if (ending.info) {
		ending.map = nd_keep_map(m);
		nd_finish_end(m->finish, &ending);
		return;
	}
	/* Nothing on disk: another server may have more luck.  Or no memory to describe it. */
	m->status = m->store.dir < 0 ? ND_DONE_REFUSED : ND_DONE_INCOMPLETE;
	m->phase = ND_OVER;
	if (!m->suspended)
		nd_machine_done_send(m, env);
}

static void probe_step(struct nd_machine *m, const struct nd_env *env, double now_s)
{
	header_step(m);
	if (!m->core && !m->pending.total)
		nd_machine_give_up(m, env, "out of memory", now_s);
	/* A machine without any RAM in its map: nothing can be asked. */
	else if (m->phase != ND_PROBE && m->store.dir < 0)
		nd_machine_give_up(m, env, "the machine's map names no RAM", now_s);
}

static void complete(struct nd_machine *m, const struct nd_env *env, double now_s)
{
	char why[ND_WHY_BYTES];

	if (!nd_keep_flush(m, why)) {
		nd_machine_give_up(m, env, why, now_s);
		return;
	}
	if (m->hello.kind == ND_HELLO_DRIVERS && !m->given) {
		m->phase = ND_ANSWER;
		return;
	}
	m->status = ND_DONE_COMPLETE;
	nd_phase_finish(m, env, now_s);
}

void nd_phase_advance(struct nd_machine *m, const struct nd_env *env, double now_s)
{
	if (m->phase == ND_MOVE)
		move_step(m, env, now_s);
	while (m->phase < ND_ANSWER && m->phase != ND_MOVE && !m->pending.total &&
	       !m->reads.count) {
		if (m->phase == ND_PROBE) {
			probe_step(m, env, now_s);
		} else if (m->phase == ND_NOTES) {
			notes_step(m);
		} else if (m->phase == ND_LOG) {
			log_step(m, env, now_s);
		} else if (m->phase == ND_SELECT) {
			select_step(m, env, now_s);
		} else if (m->later.total) {
			nd_pages_free(&m->pending);
			m->pending = m->later;
			m->later = (struct nd_pages){0};
		} else {
			complete(m, env, now_s);
		}
		nd_cache_rest(&m->cache);
	}
}
