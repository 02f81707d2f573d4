// SPDX-License-Identifier: GPL-2.0-or-later
/* lanes.c - how many dumps are read back at once. */
#include "server/lanes.h"

#include <pthread.h>
#include <stddef.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t left = PTHREAD_COND_INITIALIZER;
static struct nd_lane lane[ND_LANES];
static struct nd_lane *unused; /* after it was used */
static unsigned int fresh;     /* how many of the array ever were */

struct nd_lane *nd_lane_enter(void)
{
	struct nd_lane *l;

	pthread_mutex_lock(&lock);
	while (!unused && fresh == ND_LANES)
		pthread_cond_wait(&left, &lock);
	if (unused) {
		l = unused;
		unused = l->next;
	} else {
		l = &lane[fresh++];
	}
	pthread_mutex_unlock(&lock);
	return l;
}

void nd_lane_leave(struct nd_lane *l)
{
	pthread_mutex_lock(&lock);
	l->next = unused;
	unused = l;
	pthread_cond_signal(&left);
	pthread_mutex_unlock(&lock);
}
