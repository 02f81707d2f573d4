// SPDX-License-Identifier: GPL-2.0-or-later
/* run.c - memory that has come in a row, to be written to the file in one piece. */
#include "server/run.h"

#include <stdlib.h>
#include <string.h>

bool nd_run_fits(const struct nd_run *run, uint64_t phys, size_t bytes)
{
	if (bytes > ND_RUN_BYTES - run->bytes)
		return false;
	return !run->bytes || phys == run->phys + run->bytes;
}

bool nd_run_add(struct nd_run *run, uint64_t phys, const uint8_t *data, size_t bytes)
{
	if (!run->data)
		run->data = malloc(ND_RUN_BYTES);
	if (!run->data)
		return false;
	if (!run->bytes)
		run->phys = phys;
	memcpy(run->data + run->bytes, data, bytes);
	run->bytes += bytes;
	return true;
}

void nd_run_clear(struct nd_run *run)
{
	free(run->data);
	*run = (struct nd_run){0};
}
