/* SPDX-License-Identifier: GPL-2.0-or-later */
/* catalogue.h - what the stand-in has of server/catalogue.h, where that is not there. */
#ifndef TESTS_STANDIN_CATALOGUE_H
#define TESTS_STANDIN_CATALOGUE_H

#include <stdbool.h>
#include <stddef.h>

struct nd_catalogue_answer {
	void *archive; /* malloc'ed */
	size_t bytes;
	unsigned int modules;
	char why[128];
};

bool nd_catalogue_answer_make(int dir, const char *request, size_t bytes,
			      struct nd_catalogue_answer *answer);

#endif
