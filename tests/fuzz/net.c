// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * net.c - frames of any content, one after the other, into DINI's network; what comes out
 * of it is held against the RFCs by a second reading of them in this file.
 *
 *   set-up u8: bit 0: a gateway; bit 1: no netmask
 *   then steps: what u8, and what each takes (step_run)
 */
#include "dini/net.h"
#include "tests/fuzz/input.h"

#define STEPS_MAX 200 /* of one input */
#define ETHER     14
#define IPV4      20

static const uint8_t our_mac[6] = {0x52, 0x54, 0, 0x12, 0x34, 0x56};
static const uint8_t all_macs[6] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
static const uint8_t our_ip[4] = {10, 0, 2, 15};
static const uint16_t our_port = 6669;

static struct nd_net net;
static uint64_t now_ms;

static unsigned int be16(const uint8_t *p)
{
	return (unsigned int)p[0] << 8 | p[1];
}

static void be16_put(uint8_t *p, unsigned int value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

/* RFC 1071, word by word; 0: the checksum within fits. */
static unsigned int sum_of(const uint8_t *p, size_t bytes, unsigned int sum)
{
	for (size_t i = 0; i < bytes; i++)
		sum += i % 2 ? p[i] : (unsigned int)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xFFFF) + (sum >> 16);
	return ~sum & 0xFFFF;
}

static unsigned int udp_sum_of(const uint8_t *ipv4, const uint8_t *udp, size_t bytes)
{
	unsigned int pseudo = 17 + (unsigned int)bytes;

	for (unsigned int i = 12; i < 20; i += 2)
		pseudo += be16(ipv4 + i);
	return sum_of(udp, bytes, pseudo);
}

/* Chance never finds a checksum: makes those of a frame right that is an IPv4 packet. */
static void sums_repair(uint8_t *frame, size_t bytes)
{
	uint8_t *ipv4 = frame + ETHER, *in;
	size_t header, total;

	if (bytes < ETHER + IPV4)
		return;
	header = (ipv4[0] & 15) * 4u;
	total = be16(ipv4 + 2);
	if (header < IPV4 || header > total || total > bytes - ETHER)
		return;
	be16_put(ipv4 + 10, 0);
	be16_put(ipv4 + 10, sum_of(ipv4, header, 0));
	in = ipv4 + header;
	total -= header;
	if (ipv4[9] == 17 && total >= 8 && be16(in + 4) >= 8 && be16(in + 4) <= total) {
		be16_put(in + 6, 0);
		be16_put(in + 6, udp_sum_of(ipv4, in, be16(in + 4)));
	} else if (ipv4[9] == 1 && total >= 8) {
		be16_put(in + 2, 0);
		be16_put(in + 2, sum_of(in, total, 0));
	}
}

/* bit 0: to us; bit 1: lengths of all headers fit the frame; bit 2: checksums too */
static void frame_repair(uint8_t *frame, size_t bytes, unsigned int how)
{
	if (how & 1 && bytes >= 6)
		memcpy(frame, our_mac, 6);
	if (how & 2 && bytes >= ETHER + IPV4 + 8 && bytes <= ND_FRAME_MAX) {
		be16_put(frame + 12, 0x0800);
		frame[ETHER] = 0x45;
		be16_put(frame + ETHER + 2, (unsigned int)bytes - ETHER);
		be16_put(frame + ETHER + 6, 0);
		frame[ETHER + 9] = frame[ETHER + 9] % 2 ? 17 : 1;
		memcpy(frame + ETHER + 16, our_ip, 4);
		if (frame[ETHER + 9] == 17) {
			be16_put(frame + ETHER + IPV4 + 2, our_port);
			be16_put(frame + ETHER + IPV4 + 4, (unsigned int)bytes - ETHER - IPV4);
		} else {
			be16_put(frame + ETHER + IPV4, 0x0800);
		}
	}
	if (how & 4)
		sums_repair(frame, bytes);
}

/* A datagram was taken from this frame: was it for us, whole, and undamaged? */
static void datagram_must(const uint8_t *frame, size_t bytes, const struct nd_datagram *d)
{
	const uint8_t *ipv4 = frame + ETHER, *udp = d->payload - 8;
	size_t header = (ipv4[0] & 15) * 4u;

	ND_MUST(bytes >= ETHER + IPV4 + 8 && bytes <= ND_FRAME_MAX && d->bytes <= bytes);
	ND_MUST(!memcmp(frame, our_mac, 6) || !memcmp(frame, all_macs, 6));
	ND_MUST(be16(frame + 12) == 0x0800 && ipv4[0] >> 4 == 4 && ipv4[9] == 17);
	ND_MUST(!memcmp(ipv4 + 16, our_ip, 4));
	ND_MUST((be16(ipv4 + 6) & 0x3FFF) == 0);
	ND_MUST(header >= IPV4 && sum_of(ipv4, header, 0) == 0);
	ND_MUST(udp == ipv4 + header && be16(udp + 2) == our_port);
	ND_MUST(d->bytes + 8 == be16(udp + 4) && header + 8 + d->bytes <= be16(ipv4 + 2));
	ND_MUST(ETHER + header + 8 + d->bytes <= bytes);
	ND_MUST(!be16(udp + 6) || udp_sum_of(ipv4, udp, d->bytes + 8) == 0);
	ND_MUST(!memcmp(d->from_ip, ipv4 + 12, 4) && d->from_port == be16(udp));
}

static void ipv4_must(const uint8_t *frame, size_t bytes)
{
	const uint8_t *ipv4 = frame + ETHER;
	size_t total = be16(ipv4 + 2);

	ND_MUST(ipv4[0] == 0x45 && sum_of(ipv4, IPV4, 0) == 0);
	ND_MUST(!memcmp(ipv4 + 12, our_ip, 4) && !(frame[0] & 1));
	ND_MUST(total >= IPV4 + 8 &&
		(bytes == ND_FRAME_MIN ? total <= ND_FRAME_MIN - ETHER : total == bytes - ETHER));
	if (ipv4[9] == 17)
		ND_MUST(be16(ipv4 + IPV4 + 4) == total - IPV4 && be16(ipv4 + IPV4) == our_port &&
			udp_sum_of(ipv4, ipv4 + IPV4, total - IPV4) == 0);
	else
		ND_MUST(ipv4[9] == 1 && ipv4[IPV4] == 0 &&
			sum_of(ipv4 + IPV4, total - IPV4, 0) == 0);
}

static void frame_must(const uint8_t *frame, size_t bytes)
{
	ND_MUST(bytes >= ND_FRAME_MIN && bytes <= ND_FRAME_MAX);
	ND_MUST(!memcmp(frame + 6, our_mac, 6));
	if (be16(frame + 12) == 0x0800) {
		ipv4_must(frame, bytes);
		return;
	}
	ND_MUST(be16(frame + 12) == 0x0806 && bytes == ND_FRAME_MIN);
	ND_MUST(!memcmp(frame + ETHER + 8, our_mac, 6) && !memcmp(frame + ETHER + 14, our_ip, 4));
	/* Only a question goes to everyone. */
	ND_MUST(be16(frame + ETHER + 6) == 1 ? !memcmp(frame, all_macs, 6) : !(frame[0] & 1));
}

static void frame_in(struct nd_input *in)
{
	unsigned int how = nd_input_u8(in);
	size_t wanted = nd_input_u16(in) % 2048, bytes;
	uint8_t *frame = nd_input_exact(in, wanted, &bytes);
	struct nd_datagram d = {0};
	uint32_t dropped = net.dropped;

	frame_repair(frame, bytes, how);
	if (nd_net_input(&net, frame, bytes, &d)) {
		datagram_must(frame, bytes, &d);
		ND_MUST(net.dropped == dropped);
	}
	free(frame);
}

/* All that is due at this moment, which is not much. */
static void frames_out(void)
{
	uint8_t *frame = malloc(ND_FRAME_MAX);
	unsigned int count = 0;
	size_t bytes;

	ND_MUST(frame);
	while ((bytes = nd_net_output(&net, frame, now_ms)) != 0) {
		frame_must(frame, bytes);
		ND_MUST(++count <= ND_ARP_ENTRIES + 2);
	}
	free(frame);
}

static void udp_out(struct nd_input *in)
{
	uint8_t *frame = malloc(ND_FRAME_MAX);
	size_t bytes = nd_input_u16(in) % 2048, made;
	uint16_t port = nd_input_u16(in);
	uint8_t ip[4];

	ND_MUST(frame);
	nd_input_copy(in, ip, sizeof ip);
	memset(frame, (int)bytes, ND_FRAME_MAX);
	made = nd_net_udp(&net, frame, ip, port, bytes);
	if (made) {
		frame_must(frame, made);
		ND_MUST(bytes <= ND_FRAME_MAX - ND_FRAME_UDP_PAYLOAD);
		ND_MUST(be16(frame + ETHER + IPV4 + 4) == bytes + 8);
		ND_MUST(!memcmp(frame + ETHER + 16, ip, 4));
		ND_MUST(nd_net_resolve(&net, ip));
	}
	free(frame);
}

static void table_must(void)
{
	for (unsigned int i = 0; i < ND_ARP_ENTRIES; i++) {
		const struct nd_arp_entry *e = &net.arp[i];

		ND_MUST(!e->known || (e->used && !(e->mac[0] & 1)));
		for (unsigned int k = 0; k < i; k++)
			ND_MUST(!e->used || !net.arp[k].used ||
				memcmp(e->ip, net.arp[k].ip, sizeof e->ip));
	}
}

static void step_run(struct nd_input *in)
{
	uint8_t ip[4];

	switch (nd_input_u8(in) % 8) {
	case 0:
		frames_out();
		break;
	case 1:
		nd_input_copy(in, ip, sizeof ip);
		nd_net_resolve(&net, ip);
		break;
	case 2:
		now_ms += nd_input_u16(in);
		break;
	case 3:
		nd_net_refresh(&net);
		break;
	case 4:
		udp_out(in);
		break;
	default:
		frame_in(in);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static const uint8_t gateway[2][4] = {{0}, {10, 0, 2, 2}};
	static const uint8_t netmask[2][4] = {{255, 255, 255, 0}, {0}};
	struct nd_input in = {data, bytes};
	uint8_t how = nd_input_u8(&in);

	now_ms = 0;
	nd_net_init(&net, our_mac, our_ip, netmask[how >> 1 & 1], gateway[how & 1], our_port);
	for (unsigned int i = 0; i < STEPS_MAX && nd_input_more(&in); i++) {
		step_run(&in);
		table_must();
	}
	frames_out();
	return 0;
}
