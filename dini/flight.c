// SPDX-License-Identifier: GPL-2.0-or-later
/* flight.c - see flight.h.  No I/O, no clock. */
#include "dini/flight.h"

#include <string.h>

#define FRAMES_MAX 12   /* the smallest ring known has 15 */
#define BLIND_MAX  4    /* between two looks at what firmware has to say, where it does not count */
#define MUTE_MS    300  /* without a word ever: firmware that never says */
#define LATE_MS    3000 /* without a word now: longer than a server waits to ask again */

void nd_flight_begin(struct nd_flight *flight)
{
	memset(flight, 0, sizeof *flight);
}

unsigned int nd_flight_room(const struct nd_flight *flight)
{
	if (flight->blind)
		return BLIND_MAX;
	return flight->frames < FRAMES_MAX ? FRAMES_MAX - flight->frames : 0;
}

void nd_flight_note(struct nd_flight *flight, unsigned int taken, unsigned int sent,
		    uint64_t now_ms)
{
	bool was_full = flight->frames >= FRAMES_MAX;

	flight->told |= sent > 0;
	flight->frames += taken;
	flight->frames -= sent < flight->frames ? sent : flight->frames;
	if (flight->frames < FRAMES_MAX)
		return;
	if (!was_full || sent)
		flight->full_ms = now_ms;
	else if (now_ms - flight->full_ms >= (flight->told ? LATE_MS : MUTE_MS))
		flight->blind = true;
}
