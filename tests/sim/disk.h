/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * disk.h - a file system in memory, under the server's own file calls.
 *
 * It knows what a disk knows: which blocks, sizes and names were synced and which were not.
 * So it can lose power, and what is left then is no more than POSIX promises: of each file
 * any of the blocks that were not synced, of each folder a beginning of what was done in it.
 * The simulator is linked with --wrap for each call in disk.c; descriptors from
 * SIM_DISK_FD on are ours.
 */
#ifndef TESTS_SIM_DISK_H
#define TESTS_SIM_DISK_H

#include <stdbool.h>
#include <stdint.h>

#define SIM_DISK_FD 4096

/* A new, empty disk; `bytes` it holds. */
void sim_disk_begin(uint64_t seed, uint64_t bytes);
void sim_disk_end(void);

/* A descriptor of the folder on top. */
int sim_disk_top(void);

/* From the `calls`th call on, `count` fail with `error`; after five seconds no more of them. */
void sim_disk_break(unsigned int calls, unsigned int count, int error);
/*
 * So many writes of a million into a vmcore, which is written to by pwrite(), store another bit
 * than they were given.
 */
void sim_disk_rot(uint32_t per_million);
/* Room for so much more; what is there stays. */
void sim_disk_room(uint64_t bytes);

/*
 * After `calls` more calls whoever makes them is dead: nothing of what is called afterwards
 * happens, and the last write may be cut.  sim_disk_live() is for the next life.
 */
void sim_disk_die(unsigned int calls);
/* The same, `calls` calls after a folder is renamed next: a dump is about to be final. */
void sim_disk_die_at_rename(unsigned int calls);
bool sim_disk_dead(void);
void sim_disk_live(void);

/* What the simulator itself does in between neither counts nor fails. */
void sim_disk_spare(bool on);

/* A disk that lies, for the simulator's own test: what it says is done is not. */
enum sim_lie { SIM_LIE_NONE, SIM_LIE_SYNC, SIM_LIE_RENAME };
void sim_disk_lie(enum sim_lie lie);
/* The same: one byte of the largest file is another. */
void sim_disk_flip(void);

/* Power fails: what was not synced may be gone. */
void sim_disk_power(void);

/* What files take of the disk, in bytes. */
uint64_t sim_disk_used(void);
/* Whether a dump's folder would outlive a power failure, with all that is in it. */
bool sim_disk_is_synced(const char *host, const char *name);

/* Descriptors that are open; bytes of memory that files take here. */
unsigned int sim_disk_open_count(void);
uint64_t sim_disk_heap_bytes(void);

#endif
