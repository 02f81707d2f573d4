/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * store.h - folders of dumps: DIR/HOST/DATE-ID, and how one becomes final.
 *
 * While it is written a dump's folder is called DATE-ID.partial.  Every step is made
 * relative to an open folder and follows no symbolic link, and HOST is held against a
 * list of harmless characters, so nothing from the wire leads outside DIR.
 */
#ifndef NETDUMP_SERVER_STORE_H
#define NETDUMP_SERVER_STORE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define ND_STORE_NAME_BYTES 64
#define ND_STORE_PARTIAL    ".partial"

struct nd_store {
	int top;  /* DIR, owned by the caller */
	int host; /* DIR/HOST */
	int dir;  /* the dump's folder */
	int vmcore;
	char host_name[ND_STORE_NAME_BYTES];
	char name[ND_STORE_NAME_BYTES]; /* DATE-ID */
};

/* HOST for a machine that calls itself `said`: that, if harmless, else its MAC address. */
void nd_store_host_name(char to[ND_STORE_NAME_BYTES], const char *said, const uint8_t mac[6]);

/* No folder yet. */
void nd_store_init(struct nd_store *s);

/*
 * Makes (or, after a restart, takes over) the session's .partial folder and an empty vmcore
 * in it.  DATE-ID that is another session's already becomes DATE.N-ID.  0, or errno.
 */
int nd_store_open(struct nd_store *s, int top, const char *host_name, uint64_t session, time_t now);

/* Writes a small file; on errors the one that was there stays.  0, or errno. */
int nd_store_file(const struct nd_store *s, const char *name, const void *data, size_t bytes);

/* fsync of a small file, if it is there.  0, or errno. */
int nd_store_sync(const struct nd_store *s, const char *name);

/* fsync of the folder; complete: rename to its final name, fsync of the folders above. */
int nd_store_commit(struct nd_store *s, bool complete);

/* Removes the folder of a dump for which nothing could be written. */
void nd_store_abandon(struct nd_store *s);
void nd_store_close(struct nd_store *s);

/* Whether a complete dump of this session lies there already; its path below DIR in `path`. */
bool nd_store_finished(int top, const char *host_name, uint64_t session, char *path, size_t room);

#endif
