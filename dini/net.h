/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * net.h - Ethernet, ARP, IPv4, UDP and echo replies over frame buffers.
 *
 * Pure: no I/O, no clock, no allocation; builds freestanding and hosted.  Frames are
 * raw, from the destination address on, without the check sequence.  Addresses are in
 * network byte order, ports in host byte order.  Nothing is fragmented.
 */
#ifndef DINI_NET_H
#define DINI_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ND_FRAME_MIN         60
#define ND_FRAME_MAX         1514
#define ND_FRAME_UDP_PAYLOAD 42 /* Ethernet, IPv4 without options, UDP */
#define ND_ARP_ENTRIES       8
#define ND_ARP_RETRY_MS      100  /* at first: a link that comes up loses the first answers */
#define ND_ARP_RETRY_FAST    10   /* so often, */
#define ND_ARP_RETRY_SLOW_MS 1000 /* and then so seldom: a whole rack may be asking */
#define ND_ECHO_BYTES        (ND_FRAME_MAX - 34) /* ICMP message */

struct nd_arp_entry {
	uint8_t ip[4];
	uint8_t mac[6];
	bool used;         /* ip is wanted */
	bool known;        /* mac is right, as far as was heard */
	bool asking;       /* a request is due at ask_ms */
	unsigned int asks; /* requests since it was last heard */
	uint64_t ask_ms;
};

struct nd_net {
	uint8_t mac[6];
	uint8_t ip[4];
	uint8_t netmask[4];
	uint8_t gateway[4]; /* 0.0.0.0: none */
	uint16_t port;      /* UDP, ours */
	uint16_t ip_id;
	struct nd_arp_entry arp[ND_ARP_ENTRIES];

	/* an answer that waits for nd_net_output() */
	bool arp_reply_due;
	uint8_t arp_reply_ip[4], arp_reply_mac[6];
	uint16_t echo_bytes; /* 0: none */
	uint8_t echo_ip[4], echo_mac[6];
	uint8_t echo[ND_ECHO_BYTES];

	uint32_t dropped; /* frames that were malformed, damaged, or not for us */
};

struct nd_datagram {
	uint8_t from_ip[4];
	uint16_t from_port;
	const uint8_t *payload; /* in the frame */
	size_t bytes;
};

void nd_net_init(struct nd_net *net, const uint8_t mac[6], const uint8_t ip[4],
		 const uint8_t netmask[4], const uint8_t gateway[4], uint16_t port);

/* Takes a received frame; true if it carried a datagram to our port. */
bool nd_net_input(struct nd_net *net, const void *frame, size_t bytes,
		  struct nd_datagram *datagram);

/* ARP and echo frames that are due: bytes written to frame (ND_FRAME_MAX), or 0. */
size_t nd_net_output(struct nd_net *net, void *frame, uint64_t now_ms);

/* Whether ip can be reached now; if not, it is asked for. */
bool nd_net_resolve(struct nd_net *net, const uint8_t ip[4]);
/* Asks again for everyone who is known, who stays known until another answer comes. */
void nd_net_refresh(struct nd_net *net);

/*
 * Puts headers before `bytes` of payload that stand at frame + ND_FRAME_UDP_PAYLOAD.
 * Returns the frame's length, or 0 if ip cannot be reached yet or the payload is too long.
 */
size_t nd_net_udp(struct nd_net *net, void *frame, const uint8_t ip[4], uint16_t port,
		  size_t bytes);

#endif
