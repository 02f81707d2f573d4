// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * catalogue.c - stands in for server/catalogue.c, so that tests choose every byte of an answer:
 * it is the file of DIR that is called as the request's first line, and there is one module for
 * each line behind that.  While there is a file NAME.wait it is not found yet.
 */
#include "server/catalogue.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void wait_for(int dir, const char *name)
{
	const struct timespec pause = {.tv_nsec = 10000000};
	struct stat st;
	char path[80];

	snprintf(path, sizeof path, "%s.wait", name);
	while (!fstatat(dir, path, &st, 0))
		nanosleep(&pause, NULL);
}

static int file_load(int dir, const char *name, struct nd_catalogue_answer *answer)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	struct stat st;
	int error = 0;

	if (fd < 0)
		return errno;
	if (fstat(fd, &st) || !(answer->archive = malloc((size_t)st.st_size + 1)) ||
	    pread(fd, answer->archive, (size_t)st.st_size, 0) != st.st_size)
		error = EIO;
	else
		answer->bytes = (size_t)st.st_size;
	close(fd);
	return error;
}

bool nd_catalogue_answer_make(int dir, const char *request, size_t bytes,
			      struct nd_catalogue_answer *answer)
{
	char name[64] = "";
	int error = 0;

	memset(answer, 0, sizeof *answer);
	for (size_t i = 0; i < bytes; i++)
		answer->modules += request[i] == '\n';
	for (size_t i = 0; i < bytes && i + 1 < sizeof name && request[i] != '\n'; i++)
		name[i] = request[i];
	if (strchr(name, '/'))
		error = EINVAL;
	else
		wait_for(dir, name);
	error = error ? error : file_load(dir, name, answer);
	if (error)
		snprintf(answer->why, sizeof answer->why, "no modules for kernel %s: %s", name,
			 strerror(error));
	return !error;
}
