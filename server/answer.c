// SPDX-License-Identifier: GPL-2.0-or-later
/* answer.c - the drivers that a system asked for, looked up off the event loop. */
#include "server/answer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of a file's header in a tar: its size, in octal digits. */
#define TAR_BLOCK_BYTES 512u
#define SIZE_AT         124
#define SIZE_BYTES      12

struct nd_answer {
	int dir_fd, event_fd;
	char *request;
	size_t bytes;
	struct nd_catalogue_answer answer;
	/* under the lock */
	bool made, unwanted; /* who is second, frees it */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER, turn = PTHREAD_MUTEX_INITIALIZER;
static atomic_uint answers;

static void answer_end(struct nd_answer *a)
{
	free(a->request);
	free(a->answer.archive);
	free(a);
	answers--;
}

static void look_up(struct nd_answer *a)
{
	struct nd_catalogue_answer *answer = &a->answer;

	if (!nd_catalogue_answer_make(a->dir_fd, a->request, a->bytes, answer)) {
		answer->archive = NULL;
	} else if (!answer->bytes || answer->bytes > ND_ANSWER_BYTES_MAX) {
		snprintf(answer->why, sizeof answer->why, "the drivers are %zu bytes, limit %u MiB",
			 answer->bytes, ND_ANSWER_BYTES_MAX >> 20);
		free(answer->archive);
		answer->archive = NULL;
	}
}

static void *answer_run(void *context)
{
	struct nd_answer *a = context;
	int event_fd = a->event_fd;
	uint64_t one = 1;
	bool unwanted;

	pthread_mutex_lock(&turn);
	pthread_mutex_lock(&lock);
	unwanted = a->unwanted;
	pthread_mutex_unlock(&lock);
	if (!unwanted)
		look_up(a);
	pthread_mutex_unlock(&turn);

	pthread_mutex_lock(&lock);
	a->made = true;
	unwanted = a->unwanted;
	/* Under the lock, for who frees the last answer may close it. */
	if (!unwanted && event_fd >= 0 && write(event_fd, &one, sizeof one) < 0)
		unwanted = false; /* the loop looks once a second anyway */
	pthread_mutex_unlock(&lock);
	if (unwanted)
		answer_end(a);
	return NULL;
}

static bool thread_start(struct nd_answer *a)
{
	pthread_t thread;

	if (a->event_fd < 0)
		answer_run(a);
	else if (pthread_create(&thread, NULL, answer_run, a))
		return false;
	else
		pthread_detach(thread);
	return true;
}

bool nd_answer_room(void)
{
	return answers < ND_ANSWERS_MAX;
}

struct nd_answer *nd_answer_start(int dir_fd, char *request, size_t bytes, int event_fd)
{
	struct nd_answer *a = nd_answer_room() ? calloc(1, sizeof *a) : NULL;

	if (!a) {
		free(request);
		return NULL;
	}
	answers++;
	a->dir_fd = dir_fd;
	a->event_fd = event_fd;
	a->request = request;
	a->bytes = bytes;
	if (thread_start(a))
		return a;
	answer_end(a);
	return NULL;
}

const struct nd_catalogue_answer *nd_answer_get(struct nd_answer *a)
{
	const struct nd_catalogue_answer *answer;

	if (!a)
		return NULL;
	pthread_mutex_lock(&lock);
	answer = a->made ? &a->answer : NULL;
	pthread_mutex_unlock(&lock);
	return answer;
}

const char *nd_answer_order(const struct nd_catalogue_answer *answer, size_t *bytes)
{
	static const char name[] = "order";
	const char *tar = answer->archive;
	char digits[SIZE_BYTES + 1];

	if (answer->bytes < TAR_BLOCK_BYTES || memcmp(tar, name, sizeof name) != 0)
		return NULL;
	snprintf(digits, sizeof digits, "%.*s", SIZE_BYTES, tar + SIZE_AT);
	*bytes = strtoul(digits, NULL, 8);
	return *bytes <= answer->bytes - TAR_BLOCK_BYTES ? tar + TAR_BLOCK_BYTES : NULL;
}

void nd_answer_free(struct nd_answer *a)
{
	bool made;

	if (!a)
		return;
	pthread_mutex_lock(&lock);
	a->unwanted = true;
	made = a->made;
	pthread_mutex_unlock(&lock);
	if (made)
		answer_end(a);
}
