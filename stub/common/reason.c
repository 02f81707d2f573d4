// SPDX-License-Identifier: GPL-2.0-or-later
/* reason.c - leaving in the handoff block why no dump was made.  Any CPU mode. */
#include "stub/common/reason.h"

void nd_reason_leave(struct nd_handoff *h, const char *text)
{
	char *to = h->last_words, *end = to + sizeof h->last_words;

	while (to < end - 1 && *text)
		*to++ = *text++;
	while (to < end)
		*to++ = 0;
}
