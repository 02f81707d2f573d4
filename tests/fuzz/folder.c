// SPDX-License-Identifier: GPL-2.0-or-later
/* folder.c - a folder in memory in which the server keeps its dumps, empty for each input. */
#include "tests/fuzz/folder.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

static char above[64], top[80];

const char *nd_folder_path(void)
{
	return top;
}

const char *nd_folder_above(void)
{
	return above;
}

static int entry_remove(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	return at->level && strcmp(path, top) ? remove(path) : 0;
}

void nd_folder_clear(void)
{
	ND_MUST(!nftw(above, entry_remove, 16, FTW_DEPTH | FTW_PHYS));
}

static void folder_remove(void)
{
	nd_folder_clear();
	rmdir(top);
	rmdir(above);
}

void nd_folder_init(void)
{
	const char *memory = access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm";

	snprintf(above, sizeof above, "%s/nd-fuzz-XXXXXX", memory);
	ND_MUST(mkdtemp(above));
	snprintf(top, sizeof top, "%s/dumps", above);
	ND_MUST(!mkdir(top, 0700));
	atexit(folder_remove);
}

int nd_folder_open(void)
{
	int fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	ND_MUST(fd >= 0);
	return fd;
}

void nd_folder_put(const char *path, const void *data, size_t bytes)
{
	char name[512];
	FILE *file;

	snprintf(name, sizeof name, "%s/%s", top, path);
	for (char *slash = name + strlen(top) + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
		*slash = 0;
		mkdir(name, 0700);
	}
	file = fopen(name, "w");
	ND_MUST(file && !fchmod(fileno(file), 0600));
	ND_MUST(fwrite(data, 1, bytes, file) == bytes);
	ND_MUST(!fclose(file));
}
