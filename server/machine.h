/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * machine.h - one machine's session: what has come, what to ask for next.
 *
 *   PROBE   the ELF core header is asked for (without one: the first page of RAM).
 *           Nothing is on disk and little in memory until a DATA answers: HELLO is cheap
 *           to forge.
 *   NOTES   notes and VMCOREINFO
 *   LOG     the log ring, written to dmesg.txt at once
 *   SELECT  the CPUs' stacks; page structures, by which the level leaves pages out
 *   MOVE    what came early goes to its place in the file, a stretch at a time
 *   MEMORY  everything else, the kernel's own first, in order of address
 *   FINISH  checksum, fsync, rename, in a thread
 *   OVER    DONE is sent, now and whenever the machine asks again
 *
 * What a living system sends (kind.h) is memory without any of this to understand in it: from
 * PROBE, of its first page, it goes on to MOVE.  If it asks for drivers, between MEMORY and FINISH
 * comes
 *
 *   ANSWER  they are looked up, and given to it in pieces (give.h)
 *
 * No sockets and no clock in here: datagrams and the time are passed in, answers go out
 * through struct nd_env.
 */
#ifndef NETDUMP_SERVER_MACHINE_H
#define NETDUMP_SERVER_MACHINE_H

#include <netinet/in.h>

#include "server/answer.h"
#include "server/cache.h"
#include "server/elfcore.h"
#include "server/finish.h"
#include "server/keys.h"
#include "server/pace.h"
#include "server/quota.h"
#include "server/reads.h"
#include "server/rtt.h"
#include "server/run.h"
#include "server/select.h"
#include "server/store.h"
#include "server/vmcore.h"
#include "wire/message.h"

enum nd_phase {
	ND_PROBE,
	ND_NOTES,
	ND_LOG,
	ND_SELECT,
	ND_MOVE,
	ND_MEMORY,
	ND_ANSWER,
	ND_FINISH,
	ND_OVER
};

#define ND_WHY_BYTES   ND_DONE_TEXT_BYTES
#define ND_PANIC_BYTES 256
#define ND_NOTES_BYTES 512

struct nd_machine;

/* What a machine needs of the server around it. */
struct nd_env {
	/* A plain message; it is sealed on its way.  NULL: say nothing any more */
	void (*send)(void *context, struct nd_machine *m, const struct nd_wire_header *message);
	void *context;
	int top;              /* DIR */
	int drivers;          /* of a catalogue; below 0: none */
	int event_fd;         /* counted up when a dump's thread has news; below 0: no threads */
	struct nd_pace *pace; /* what all machines may have in flight */
	/* The same for those that have not answered yet: whoever says HELLO takes a bit of this,
	 * and nothing from dumps under way. */
	struct nd_pace *probes;
	uint32_t silence_ms;           /* after which a machine counts as gone */
	uint32_t map_ms;               /* from one map of a dump to the next */
	unsigned int level;            /* of dumps, as select.h has it */
	const struct nd_keyring *keys; /* which may name another for a host; NULL: none */
	atomic_uint *maps;             /* being written just now, of all dumps */
	struct nd_quota *quota;        /* NULL: none */
};

struct nd_counts {
	uint64_t datagrams, wire_bytes;
	uint64_t pages, zero_pages, absent_pages;
	uint64_t reasked_pages, duplicates, late, refused;
	uint64_t reads, timeouts;
	uint64_t resumed, reasked_chunks;
};

struct nd_machine {
	uint64_t session;
	struct sockaddr_in address;
	struct nd_wire_hello hello;
	const struct nd_kind *kind;
	char host[ND_STORE_NAME_BYTES];
	enum nd_phase phase;
	enum nd_done_status status;
	char why[ND_WHY_BYTES];     /* of an incomplete dump */
	char notes[ND_NOTES_BYTES]; /* what went another way than planned */

	struct nd_pages ram, pending, absent;
	struct nd_pages later; /* missing, too, but not asked for before all of pending is there */
	struct nd_reads reads;
	struct nd_cache cache;
	uint32_t next_read_id;
	uint64_t seq;
	uint32_t pages_per_read; /* that a budget brought lately */

	/* flow.h: its READs */
	struct nd_turn turn;
	struct nd_rtt rtt;
	bool proven;             /* it has answered a READ */
	bool late;               /* nothing came for longer than it usually takes */
	unsigned int late_reads; /* that may be open all the same */
	unsigned int backoff;    /* timeouts since something came */
	uint64_t quiet_ms;       /* since when the machine owes an answer and none came */
	uint64_t rest_ms;        /* nothing is asked before */
	uint64_t said_ms;        /* the latest READ, be it without extents */

	uint64_t started_ms, heard_ms;         /* first HELLO, latest valid message */
	uint64_t progress_ms;                  /* latest new byte */
	uint64_t turn_ms, unasked_ms;          /* it waits for its turn since; did so, all told,
						* since the latest new byte, with nothing asked */
	unsigned int rounds;                   /* of parsers that had to wait */
	double base_s, started_s, first_log_s; /* wall clock: crash, first HELLO, first log line */
	double last_data_s;                    /* wall clock: latest new byte, 0: none yet */

	struct nd_core *core;
	uint8_t *note;
	size_t note_bytes;
	struct nd_core_said said;
	char release[128], panic[ND_PANIC_BYTES];
	char xen[ND_XEN_VERSION_BYTES]; /* "": the machine does not run it */
	bool clipped;                   /* core is cut to RAM */
	struct nd_pages loads;          /* the core's pages, by paddr, while select looks */
	struct nd_select *select;       /* while it looks at page structures */
	struct nd_pages rest;           /* pages to ask for later, as nd_select_rest() has it */
	bool has_stacks;                /* the CPUs' stacks were looked at */
	unsigned int level;             /* by which pages were left out */

	struct nd_store store;
	struct nd_vmcore vmcore;
	struct nd_run run; /* that vmcore gets next */
	struct nd_sums sums;
	struct nd_map *resume; /* of an earlier life of the server, until it is taken up */
	struct nd_finish *finish;
	struct nd_counts counts;

	/* give.h: what it gets */
	struct nd_answer *answer; /* NULL: it has no place to look up yet, or needs none */
	size_t answer_bytes;      /* 0: none yet */
	unsigned int modules;
	uint64_t give_ms;       /* the next piece unasked, or look for a place */
	uint32_t give_pause_ms; /* to the one after it */
	bool taking;            /* it says what it wants */
	uint32_t taken;         /* pieces up to this one were asked for */
	uint64_t given_ms;      /* when one more was, for the first time */
	bool given;             /* it has said that all are there */

	bool mapping;                     /* a map is being written */
	uint64_t mapped_ms, mapped_of_ms; /* the last one, or the beginning; the progress in it */
	uint64_t room_ms, room_pages;     /* when the disk's room was looked at */
	struct nd_quota_share share;
	bool suspended; /* it ends without a word: the machine may come back */
	bool starved;   /* memory ran out on the way */
};

/* NULL: no memory.  now_s is the wall clock, for dates only. */
struct nd_machine *nd_machine_new(const struct nd_wire_hello *hello,
				  const struct sockaddr_in *address, uint64_t now_ms, double now_s);
void nd_machine_free(struct nd_machine *m);

/* A checked message of this session from its own address. */
void nd_machine_hello(struct nd_machine *m, const struct nd_env *env,
		      const struct nd_wire_hello *hello, uint64_t now_ms, double now_s);
void nd_machine_data(struct nd_machine *m, const struct nd_env *env,
		     const struct nd_wire_data *data, uint64_t now_ms, double now_s);

/* Its turn to ask, after waiting for the pool. */
void nd_machine_ask(struct nd_machine *m, const struct nd_env *env, uint64_t now_ms);

/* Time went by: retries, silence, and the end of the thread. */
void nd_machine_tick(struct nd_machine *m, const struct nd_env *env, uint64_t now_ms, double now_s);
/* When nd_machine_tick() has something to do next. */
uint64_t nd_machine_due(const struct nd_machine *m, const struct nd_env *env);

/* Ends the dump as incomplete, for a reason that people read. */
void nd_machine_give_up(struct nd_machine *m, const struct nd_env *env, const char *why,
			double now_s);

/* The server ends: give up without a word to the machine; nd_machine_free() waits for the disk. */
void nd_machine_stop(struct nd_machine *m, const struct nd_env *env, double now_s);

/* DONE with the dump's status. */
void nd_machine_done_send(struct nd_machine *m, const struct nd_env *env);

#endif
