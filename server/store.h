/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * store.h - folders of dumps: DIR/HOST/DATE-ID, and how one becomes final.
 *
 * While it is written a dump's folder is called DATE-ID.partial.  Every step is made
 * relative to an open folder and follows no symbolic link, and HOST is held against a
 * list of harmless characters, so nothing from the wire leads outside DIR.
 *
 *   vmcore      the memory; or log, test, request: what a living system sent (kind.h)
 *   dmesg.txt   the log
 *   info.json   what is known about the dump (info.h)
 *   map.json    while it is partial: what of vmcore is there (map.h)
 *   reserve     while it is partial: room for the last words on a disk that is full
 *   early       while it begins: memory that came before vmcore had a layout (cache.h)
 */
#ifndef NETDUMP_SERVER_STORE_H
#define NETDUMP_SERVER_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "server/kind.h"

#define ND_STORE_NAME_BYTES 64
#define ND_STORE_PARTIAL    ".partial"

struct nd_store {
	int top;    /* DIR, owned by the caller */
	int host;   /* DIR/HOST */
	int dir;    /* the dump's folder */
	int vmcore; /* or what else it is of this kind */
	const struct nd_kind *kind;
	int early;    /* below 0 once it is over */
	bool resumed; /* the folder was there, with what another life of the server left */
	char host_name[ND_STORE_NAME_BYTES];
	char name[ND_STORE_NAME_BYTES]; /* DATE-ID */
};

/* HOST for a machine that calls itself `said`: that, if harmless, else its MAC address. */
void nd_store_host_name(char to[ND_STORE_NAME_BYTES], const char *said, const uint8_t mac[6]);

/* No folder yet. */
void nd_store_init(struct nd_store *s);

/*
 * Makes (or, after a restart, takes over as it is) the session's .partial folder with its
 * vmcore.  DATE-ID that is another session's already becomes DATE.N-ID.  0, or errno.
 */
int nd_store_open(struct nd_store *s, const struct nd_kind *kind, int top, const char *host_name,
		  uint64_t session, time_t now);

/* Writes a small file; on errors the one that was there stays.  0, or errno. */
int nd_store_file(const struct nd_store *s, const char *name, const void *data, size_t bytes);

/* The same, for readers by `mode`, and synced together with its name. */
int nd_store_file_durable(const struct nd_store *s, const char *name, const void *data,
			  size_t bytes, mode_t mode);

/* The text of a small file; malloc'ed, ends in NUL.  0, or errno: EFBIG above `max` bytes. */
int nd_store_text(int dir, const char *name, size_t max, char **text, size_t *bytes);

/* All of [offset, offset + bytes) of a file; 0, or errno: EIO where it ends before. */
int nd_store_read(int fd, void *to, size_t bytes, uint64_t offset);

/* All of them to that place of a file; 0, or errno. */
int nd_store_write(int fd, const void *data, size_t bytes, uint64_t offset);

/* fsync of a small file, if it is there.  0, or errno. */
int nd_store_sync(const struct nd_store *s, const char *name);

/* fsync of the dump's folder, and of those above. */
int nd_store_sync_folders(const struct nd_store *s);

/* What came early is in its place, or never will be: the file goes. */
void nd_store_early_end(struct nd_store *s);

/* Gives up what was held for last words.  To be called before they are written. */
void nd_store_release(const struct nd_store *s);

/* What came, and what is known of it, goes: of a kind that is only passing. */
void nd_store_pass(const struct nd_store *s);

/*
 * Renames the synced folder to its final name, syncs those above.  0, or errno: not final.  Then
 * *named says that it could not even be renamed back: what is in it is complete, and stays so.
 */
int nd_store_commit(const struct nd_store *s, bool *named);

/* Removes the folder of a dump for which nothing could be written, unless it was there before. */
void nd_store_abandon(struct nd_store *s);
void nd_store_close(struct nd_store *s);

/*
 * Whether a complete dump of this session lies there already, and its info.json names the token
 * (or none); its path below DIR in `path`.  It is synced first, for the server that made it may
 * have been killed before it was.
 */
bool nd_store_finished(int top, const char *host_name, uint64_t session, const uint8_t token[16],
		       char *path, size_t room);

/*
 * Whether who knows this token may go on with the session: true where no folder of it is,
 * or where its info.json names the token (nd_store_token_text()), or none.
 */
bool nd_store_admits(int top, const char *host_name, uint64_t session, const uint8_t token[16]);

/* What stands for a token where people may read it: a hash, in hex digits. */
#define ND_STORE_TOKEN_TEXT_BYTES 65
void nd_store_token_text(char text[ND_STORE_TOKEN_TEXT_BYTES], const uint8_t token[16]);

#endif
