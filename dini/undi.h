/* SPDX-License-Identifier: GPL-2.0-or-later */
/* undi.h - the NIC through its firmware: opening it, and batches of frames. */
#ifndef DINI_UNDI_H
#define DINI_UNDI_H

#include <stdbool.h>
#include <stdint.h>

#include "netdump/handoff.h"

/* Takes what it needs of the handoff block, which has to stay where it is. */
void nd_undi_init(const struct nd_handoff *handoff);

/*
 * Opens the NIC by the next rung of the ladder, and round again; passes over rungs that need
 * hardware which is not there.  It returns nothing: only an answer from the server proves a rung.
 */
void nd_undi_open_next(void);
/* How long that answer is to be waited for: longer each time round. */
uint32_t nd_undi_patience_ms(void);

/*
 * For a system that lives.  Unless it is unsafe, which is known after nd_undi_init(), in words, the
 * firmware keeps the NIC open between its visits: the NIC's interrupt line stays down then, and
 * the alarm is set up again at each.
 *
 * Closing stops the NIC's transfers, and leaves the firmware's memory as the seal has it, whether
 * firmware answers or not.  With `asks` firmware is called for it, anew if it hung; true: its calls
 * returned.  Else the chip may go on receiving, cut off.
 */
const char *nd_undi_unsafe(void);
void nd_undi_line_off(void);
void nd_undi_alarm_again(void);
bool nd_undi_close(bool asks);

/*
 * A call that does not return is interrupted after seconds, and no more is called until
 * the next rung, or until it closes.
 */
bool nd_undi_hung(void);
/* Which call it was last, in words. */
const char *nd_undi_hung_words(void);

/* The NIC's own address, from the firmware; false if it does not say. */
bool nd_undi_mac(uint8_t mac[6]);

/* The gate's frame buffers, of slot_bytes each: so many may be filled for now. */
unsigned int nd_undi_tx_room(void);
void *nd_undi_tx_slot(unsigned int slot);
const void *nd_undi_rx_slot(unsigned int slot);

/*
 * Sends slots 0 .. count-1 with the lengths given and receives what there is.
 * Returns how many were taken; *received is how many receive slots are filled.
 */
unsigned int nd_undi_batch(const uint16_t *tx_bytes, unsigned int count, unsigned int *received);
uint16_t nd_undi_rx_bytes(unsigned int slot);

#endif
