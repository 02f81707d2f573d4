/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * node.h - files and folders of disk.h's disk: what is there, and what of it was synced.
 *
 * None is freed before the end, so a name that was removed can come back with the power.
 */
#ifndef TESTS_SIM_NODE_H
#define TESTS_SIM_NODE_H

#include <sys/types.h>

#include "tests/sim/chance.h"
#include "tests/sim/disk.h"

#define SIM_BLOCK_BYTES 4096u
#define SIM_NAME_BYTES  100

enum { CLEAN, DIRTY, FORSAKEN }; /* forsaken: its sync failed, and no other will save it */

struct sim_block {
	uint8_t *now, *synced; /* NULL: zeros */
	uint8_t state;
};

struct sim_entry {
	char name[SIM_NAME_BYTES];
	struct sim_node *node;
};

struct sim_names {
	struct sim_entry *entry;
	size_t count, room;
};

/* Made where from is empty, removed where to is, else renamed. */
struct sim_step {
	char from[SIM_NAME_BYTES], to[SIM_NAME_BYTES];
	struct sim_node *node;
};

struct sim_node {
	struct sim_node *next; /* of all */
	bool folder;
	/* a file */
	uint64_t size, synced_size, reserved;
	struct sim_block *block;
	size_t blocks, held; /* those that are not holes */
	uint32_t *dirty;     /* blocks that are not CLEAN */
	size_t dirty_count, dirty_room;
	/* a folder */
	struct sim_names names, synced;
	struct sim_step *step; /* since the last sync */
	size_t steps, steps_room;
};

/* An empty folder, on a disk of so many bytes. */
struct sim_node *sim_nodes_begin(uint64_t seed, uint64_t capacity);
void sim_nodes_end(void);
/* What was not synced may be gone, below `top` and anywhere. */
void sim_nodes_power(struct sim_node *top);
uint64_t sim_nodes_capacity(void);
struct sim_chance *sim_nodes_chance(void);

struct sim_node *sim_node_new(bool folder);
/* NULL: no such name. */
struct sim_node *sim_node_find(const struct sim_node *folder, const char *name);
/* What happens to names: made (from empty), removed (to empty), renamed over what is there. */
void sim_node_step(struct sim_node *folder, const char *from, const char *to, struct sim_node *n);
/* Bytes of the disk that a file takes. */
uint64_t sim_node_used(const struct sim_node *n);

/* As of pwrite() and pread(); -1: errno. */
ssize_t sim_node_put(struct sim_node *n, const uint8_t *from, size_t bytes, uint64_t offset);
ssize_t sim_node_get(const struct sim_node *n, uint8_t *to, size_t bytes, uint64_t offset);
/* One bit of what is there is another now. */
void sim_node_turn(struct sim_node *n, uint64_t offset);
void sim_node_resize(struct sim_node *n, uint64_t size);
void sim_node_punch(struct sim_node *n, uint64_t from, uint64_t to);
/* False: no room. */
bool sim_node_reserve(struct sim_node *n, uint64_t end);

void sim_node_sync(struct sim_node *n);
/* A sync failed: what was not synced will not be, though the next one says so. */
void sim_node_forsake(struct sim_node *n);
/* Whether a name and all that it stands for would outlive a power failure. */
bool sim_node_is_synced(const struct sim_node *folder, const char *name);

#endif
