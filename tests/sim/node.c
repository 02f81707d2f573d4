// SPDX-License-Identifier: GPL-2.0-or-later
/* node.c - files and folders: what is there, and what of it was synced. */
#include "tests/sim/node.h"

#include <errno.h>
#include <stdlib.h>

#include "tests/sim/report.h"

#define SECTOR 512u

static struct sim_node *all;
static struct sim_chance chance;
static uint64_t capacity, used, heap_bytes;

static void *need(void *memory)
{
	SIM_NEED(memory);
	return memory;
}

static uint8_t *block_new(const uint8_t *from)
{
	uint8_t *b = need(malloc(SIM_BLOCK_BYTES));

	heap_bytes += SIM_BLOCK_BYTES;
	if (from)
		memcpy(b, from, SIM_BLOCK_BYTES);
	else
		memset(b, 0, SIM_BLOCK_BYTES);
	return b;
}

static void block_free(uint8_t *b)
{
	heap_bytes -= b ? SIM_BLOCK_BYTES : 0;
	free(b);
}

struct sim_node *sim_node_new(bool folder)
{
	struct sim_node *n = need(calloc(1, sizeof *n));

	n->folder = folder;
	n->next = all;
	all = n;
	return n;
}

static void node_free(struct sim_node *n)
{
	for (size_t i = 0; i < n->blocks; i++) {
		block_free(n->block[i].now);
		block_free(n->block[i].synced);
	}
	free(n->block);
	free(n->dirty);
	free(n->names.entry);
	free(n->synced.entry);
	free(n->step);
	free(n);
}

struct sim_node *sim_nodes_begin(uint64_t seed, uint64_t bytes)
{
	chance = sim_chance_part(seed, 'd');
	capacity = bytes;
	used = 0;
	return sim_node_new(true);
}

void sim_nodes_end(void)
{
	while (all) {
		struct sim_node *next = all->next;

		node_free(all);
		all = next;
	}
}

struct sim_chance *sim_nodes_chance(void)
{
	return &chance;
}

void sim_disk_room(uint64_t bytes)
{
	capacity = used + bytes;
}

uint64_t sim_disk_heap_bytes(void)
{
	return heap_bytes;
}

uint64_t sim_disk_used(void)
{
	return used;
}

uint64_t sim_nodes_capacity(void)
{
	return capacity;
}

static struct sim_entry *entry_find(const struct sim_names *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++)
		if (!strcmp(names->entry[i].name, name))
			return &names->entry[i];
	return NULL;
}

static void entry_add(struct sim_names *names, const char *name, struct sim_node *n)
{
	SIM_NEED(strlen(name) < SIM_NAME_BYTES);
	if (names->count == names->room) {
		names->room = names->room ? 2 * names->room : 4;
		names->entry = need(realloc(names->entry, names->room * sizeof *names->entry));
	}
	names->entry[names->count] = (struct sim_entry){.node = n};
	strcpy(names->entry[names->count++].name, name);
}

static void entry_remove(struct sim_names *names, const char *name)
{
	struct sim_entry *e = entry_find(names, name);

	if (!e)
		return;
	memmove(e, e + 1, (size_t)(names->entry + names->count - (e + 1)) * sizeof *e);
	names->count--;
}

struct sim_node *sim_node_find(const struct sim_node *folder, const char *name)
{
	struct sim_entry *e = entry_find(&folder->names, name);

	return e ? e->node : NULL;
}

uint64_t sim_node_used(const struct sim_node *n)
{
	uint64_t held = (uint64_t)n->held * SIM_BLOCK_BYTES;

	return held > n->reserved ? held : n->reserved;
}

static void step_take(struct sim_names *names, const struct sim_step *s)
{
	entry_remove(names, s->from);
	entry_remove(names, s->to);
	if (s->to[0])
		entry_add(names, s->to, s->node);
}

/* What happens to names in a folder, now; and on the disk some day, at the latest by fsync. */
void sim_node_step(struct sim_node *folder, const char *from, const char *to, struct sim_node *n)
{
	struct sim_step s = {.node = n};
	struct sim_entry *over = to[0] ? entry_find(&folder->names, to) : NULL;

	strcpy(s.from, from);
	strcpy(s.to, to);
	if (over)
		used -= sim_node_used(over->node);
	if (!to[0])
		used -= sim_node_used(n);
	step_take(&folder->names, &s);
	if (folder->steps == folder->steps_room) {
		folder->steps_room = folder->steps_room ? 2 * folder->steps_room : 4;
		folder->step = need(realloc(folder->step, folder->steps_room * sizeof s));
	}
	folder->step[folder->steps++] = s;
}

static void blocks_reach(struct sim_node *n, uint64_t bytes)
{
	size_t blocks = (bytes + SIM_BLOCK_BYTES - 1) / SIM_BLOCK_BYTES;

	if (blocks <= n->blocks)
		return;
	n->block = need(realloc(n->block, blocks * sizeof *n->block));
	memset(n->block + n->blocks, 0, (blocks - n->blocks) * sizeof *n->block);
	n->blocks = blocks;
}

/* The block is about to change: what of it was synced is kept aside. */
static void block_dirty(struct sim_node *n, size_t at)
{
	struct sim_block *b = &n->block[at];
	bool clean = b->state == CLEAN;

	b->state = DIRTY; /* what was forsaken is written with what is new, whole */
	if (!clean)
		return;
	b->synced = b->now;
	b->now = b->now ? block_new(b->now) : NULL;
	if (n->dirty_count == n->dirty_room) {
		n->dirty_room = n->dirty_room ? 2 * n->dirty_room : 16;
		n->dirty = need(realloc(n->dirty, n->dirty_room * sizeof *n->dirty));
	}
	n->dirty[n->dirty_count++] = (uint32_t)at;
}

static void block_drop(struct sim_node *n, size_t at)
{
	if (!n->block[at].now)
		return;
	block_dirty(n, at);
	block_free(n->block[at].now);
	n->block[at].now = NULL;
	used -= sim_node_used(n);
	n->held--;
	used += sim_node_used(n);
}

/* 0, or ENOSPC. */
static int block_hold(struct sim_node *n, size_t at)
{
	uint64_t before = sim_node_used(n);

	block_dirty(n, at);
	if (n->block[at].now)
		return 0;
	n->held++;
	if (sim_node_used(n) > before && used + SIM_BLOCK_BYTES > capacity) {
		n->held--;
		return ENOSPC;
	}
	used += sim_node_used(n) - before;
	n->block[at].now = block_new(NULL);
	return 0;
}

void sim_node_resize(struct sim_node *n, uint64_t size)
{
	blocks_reach(n, size);
	for (size_t i = (size + SIM_BLOCK_BYTES - 1) / SIM_BLOCK_BYTES; i < n->blocks; i++)
		block_drop(n, i);
	if (size < n->size && size % SIM_BLOCK_BYTES && n->block[size / SIM_BLOCK_BYTES].now) {
		block_dirty(n, size / SIM_BLOCK_BYTES);
		memset(n->block[size / SIM_BLOCK_BYTES].now + size % SIM_BLOCK_BYTES, 0,
		       SIM_BLOCK_BYTES - size % SIM_BLOCK_BYTES);
	}
	n->size = size;
}

ssize_t sim_node_put(struct sim_node *n, const uint8_t *from, size_t bytes, uint64_t offset)
{
	size_t done = 0;

	blocks_reach(n, offset + bytes);
	while (done < bytes) {
		size_t at = (offset + done) / SIM_BLOCK_BYTES,
		       within = (offset + done) % SIM_BLOCK_BYTES;
		size_t part = SIM_BLOCK_BYTES - within < bytes - done ? SIM_BLOCK_BYTES - within
								      : bytes - done;
		int error = block_hold(n, at);

		if (error && !done) {
			errno = error;
			return -1;
		}
		if (error)
			break;
		memcpy(n->block[at].now + within, from + done, part);
		done += part;
	}
	if (offset + done > n->size)
		n->size = offset + done;
	return (ssize_t)done;
}

void sim_node_turn(struct sim_node *n, uint64_t offset)
{
	n->block[offset / SIM_BLOCK_BYTES].now[offset % SIM_BLOCK_BYTES] ^= 0x10;
}

ssize_t sim_node_get(const struct sim_node *n, uint8_t *to, size_t bytes, uint64_t offset)
{
	size_t done = 0;

	if (offset >= n->size)
		return 0;
	if (bytes > n->size - offset)
		bytes = n->size - offset;
	while (done < bytes) {
		size_t at = (offset + done) / SIM_BLOCK_BYTES,
		       within = (offset + done) % SIM_BLOCK_BYTES;
		size_t part = SIM_BLOCK_BYTES - within < bytes - done ? SIM_BLOCK_BYTES - within
								      : bytes - done;

		if (at < n->blocks && n->block[at].now)
			memcpy(to + done, n->block[at].now + within, part);
		else
			memset(to + done, 0, part);
		done += part;
	}
	return (ssize_t)bytes;
}

static void file_sync(struct sim_node *n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n->dirty_count; i++) {
		struct sim_block *b = &n->block[n->dirty[i]];

		if (b->state == FORSAKEN) {
			n->dirty[kept++] = n->dirty[i];
			continue;
		}
		block_free(b->synced);
		b->synced = NULL;
		b->state = CLEAN;
	}
	n->dirty_count = kept;
	n->synced_size = n->size;
}

static void folder_sync(struct sim_node *n)
{
	if (n->names.count > n->synced.room) {
		n->synced.room = n->names.count;
		n->synced.entry =
			need(realloc(n->synced.entry, n->synced.room * sizeof *n->synced.entry));
	}
	if (n->names.count)
		memcpy(n->synced.entry, n->names.entry, n->names.count * sizeof *n->names.entry);
	n->synced.count = n->names.count;
	n->steps = 0;
}

/* Of a block that was not synced: the old one, the new one, or sectors of both. */
static void block_power(struct sim_block *b)
{
	unsigned int fate = (unsigned int)sim_chance_below(&chance, 8);
	bool old = b->state == FORSAKEN || fate < 4;

	b->state = CLEAN;
	if (!old && fate == 7 && b->now) {
		size_t bytes = sim_chance_below(&chance, SIM_BLOCK_BYTES / SECTOR) * SECTOR;

		if (b->synced)
			memcpy(b->now + bytes, b->synced + bytes, SIM_BLOCK_BYTES - bytes);
		else
			memset(b->now + bytes, 0, SIM_BLOCK_BYTES - bytes);
	}
	if (old) {
		uint8_t *now = b->now;

		b->now = b->synced;
		b->synced = now;
	}
	block_free(b->synced);
	b->synced = NULL;
}

static void node_power(struct sim_node *n)
{
	size_t steps = n->steps ? sim_chance_below(&chance, n->steps + 1) : 0;

	for (size_t i = 0; i < n->dirty_count; i++)
		block_power(&n->block[n->dirty[i]]);
	n->dirty_count = 0;
	if (!n->folder && n->size != n->synced_size && sim_chance_below(&chance, 2))
		n->size = n->synced_size;
	n->synced_size = n->size;
	n->held = 0;
	for (size_t i = 0; i < n->blocks; i++) {
		if (i >= (n->size + SIM_BLOCK_BYTES - 1) / SIM_BLOCK_BYTES) {
			block_free(n->block[i].now);
			n->block[i].now = NULL;
		}
		n->held += n->block[i].now != NULL;
	}
	if (!n->folder)
		return;
	for (size_t i = 0; i < steps; i++)
		step_take(&n->synced, &n->step[i]);
	n->names.count = 0;
	for (size_t i = 0; i < n->synced.count; i++)
		entry_add(&n->names, n->synced.entry[i].name, n->synced.entry[i].node);
	n->steps = 0;
}

void sim_node_punch(struct sim_node *n, uint64_t from, uint64_t to)
{
	for (uint64_t at = from; at < to;) {
		uint64_t end = (at / SIM_BLOCK_BYTES + 1) * SIM_BLOCK_BYTES;
		struct sim_block *b =
			at / SIM_BLOCK_BYTES < n->blocks ? &n->block[at / SIM_BLOCK_BYTES] : NULL;

		end = end < to ? end : to;
		if (end - at == SIM_BLOCK_BYTES) {
			if (b)
				block_drop(n, at / SIM_BLOCK_BYTES);
		} else if (b && b->now) {
			block_dirty(n, at / SIM_BLOCK_BYTES);
			memset(b->now + at % SIM_BLOCK_BYTES, 0, end - at);
		}
		at = end;
	}
}

bool sim_node_reserve(struct sim_node *n, uint64_t end)
{
	uint64_t before = sim_node_used(n), reserved = n->reserved;

	n->reserved = end > reserved ? end : reserved;
	if (used + (sim_node_used(n) - before) > capacity) {
		n->reserved = reserved;
		return false;
	}
	used += sim_node_used(n) - before;
	n->size = end > n->size ? end : n->size;
	return true;
}

void sim_node_sync(struct sim_node *n)
{
	if (n->folder)
		folder_sync(n);
	else
		file_sync(n);
}

void sim_node_forsake(struct sim_node *n)
{
	for (size_t i = 0; i < n->dirty_count; i++)
		n->block[n->dirty[i]].state = FORSAKEN;
}

bool sim_node_is_synced(const struct sim_node *folder, const char *name)
{
	const struct sim_node *n = sim_node_find(folder, name);
	const struct sim_entry *e = entry_find(&folder->synced, name);

	return n && e && e->node == n && !n->dirty_count && n->synced_size == n->size;
}

static uint64_t tree_used(const struct sim_node *folder)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < folder->names.count; i++) {
		const struct sim_node *n = folder->names.entry[i].node;

		bytes += n->folder ? tree_used(n) : sim_node_used(n);
	}
	return bytes;
}

void sim_nodes_power(struct sim_node *top)
{
	for (struct sim_node *n = all; n; n = n->next)
		node_power(n);
	used = tree_used(top);
}

void sim_disk_flip(void)
{
	struct sim_node *largest = NULL;

	for (struct sim_node *n = all; n; n = n->next)
		if (!largest || n->held > largest->held)
			largest = n;
	for (size_t i = largest->blocks; i--;)
		if (largest->block[i].now) {
			largest->block[i].now[SIM_BLOCK_BYTES / 2] ^= 1;
			return;
		}
}
