/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * flight.h - frames under way: those that UNDI took and has not said to have sent.
 *
 * Some firmware does not count what its ring holds: iPXE's virtio driver writes over it, and
 * its pcnet driver takes a full one for an empty one.  Neither comes back from that.
 */
#ifndef DINI_FLIGHT_H
#define DINI_FLIGHT_H

#include <stdbool.h>
#include <stdint.h>

struct nd_flight {
	uint32_t frames;
	uint64_t full_ms; /* since when there has been no room */
	bool told;        /* the firmware says what it has sent */
	bool blind;       /* it does not, or not of all: a few at a time */
};

/* UNDI was opened: nothing is under way. */
void nd_flight_begin(struct nd_flight *flight);
/* How many frames it may be given now. */
unsigned int nd_flight_room(const struct nd_flight *flight);
/* It took so many, and said of so many that they are sent. */
void nd_flight_note(struct nd_flight *flight, unsigned int taken, unsigned int sent,
		    uint64_t now_ms);

#endif
