// SPDX-License-Identifier: GPL-2.0-or-later
/* dini_net_test.c - dini/net.c against golden frames, damage, and itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dini/net.h"

static const uint8_t our_mac[6] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56};
static const uint8_t our_ip[4] = {10, 0, 2, 15};
static const uint8_t netmask[4] = {255, 255, 255, 0};
static const uint8_t gateway[4] = {10, 0, 2, 2};
static const uint8_t no_gateway[4];
static const uint8_t near_ip[4] = {10, 0, 2, 3};
static const uint8_t far_ip[4] = {192, 0, 2, 9};

/* Who has 10.0.2.15? Tell 10.0.2.2, who is 52:55:0a:00:02:02. */
static const uint8_t arp_request[60] = {
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x52, 0x55, 0x0a, 0x00, 0x02, 0x02, 0x08, 0x06,
	0x00, 0x01, 0x08, 0x00, 0x06, 0x04, 0x00, 0x01, 0x52, 0x55, 0x0a, 0x00, 0x02, 0x02,
	10,   0,    2,    2,    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 10,   0,    2,    15};

/* The answer to it, to the byte. */
static const uint8_t arp_reply[60] = {
	0x52, 0x55, 0x0a, 0x00, 0x02, 0x02, 0x52, 0x54, 0x00, 0x12, 0x34, 0x56, 0x08, 0x06,
	0x00, 0x01, 0x08, 0x00, 0x06, 0x04, 0x00, 0x02, 0x52, 0x54, 0x00, 0x12, 0x34, 0x56,
	10,   0,    2,    15,   0x52, 0x55, 0x0a, 0x00, 0x02, 0x02, 10,   0,    2,    2};

/* 10.0.2.2:6668 -> 10.0.2.15:6669, "abc"; checksums worked out apart from this code. */
static const uint8_t udp_abc[60] = {
	0x52, 0x54, 0x00, 0x12, 0x34, 0x56, 0x52, 0x55, 0x0a, 0x00, 0x02, 0x02, 0x08, 0x00, 0x45,
	0x00, 0x00, 0x1f, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11, 0x22, 0xbe, 10,   0,    2,    2,
	10,   0,    2,    15,   0x1a, 0x0c, 0x1a, 0x0d, 0x00, 0x0b, 0xef, 0x4b, 'a',  'b',  'c'};

static void net_make(struct nd_net *net, const uint8_t *gw)
{
	nd_net_init(net, our_mac, our_ip, netmask, gw, 6669);
}

/* An own copy of exact size, so that the sanitizers see a step beyond it. */
static bool input(struct nd_net *net, const uint8_t *frame, size_t bytes, struct nd_datagram *d)
{
	uint8_t *copy = malloc(bytes ? bytes : 1);
	bool has;

	memcpy(copy, frame, bytes);
	has = nd_net_input(net, copy, bytes, d);
	free(copy);
	return has;
}

static void arp_is_answered(void **state)
{
	struct nd_net net;
	struct nd_datagram d;
	uint8_t frame[ND_FRAME_MAX];

	(void)state;
	net_make(&net, gateway);
	assert_false(input(&net, arp_request, sizeof arp_request, &d));
	assert_int_equal(nd_net_output(&net, frame, 0), ND_FRAME_MIN);
	assert_memory_equal(frame, arp_reply, sizeof arp_reply);
	assert_int_equal(nd_net_output(&net, frame, 0), 0);
	assert_int_equal(net.dropped, 0);
}

/* An answer to a group's address, or to none, would go to everyone. */
static void only_hosts_are_answered(void **state)
{
	struct nd_net net;
	struct nd_datagram d;
	uint8_t frame[ND_FRAME_MAX], request[sizeof arp_request];

	(void)state;
	net_make(&net, gateway);
	nd_net_resolve(&net, gateway);
	nd_net_output(&net, frame, 0);
	memcpy(request, arp_request, sizeof request);
	request[22] |= 1;
	assert_false(input(&net, request, sizeof request, &d));
	memset(request + 22, 0, 6);
	assert_false(input(&net, request, sizeof request, &d));
	assert_int_equal(net.dropped, 2);
	assert_int_equal(nd_net_output(&net, frame, 0), 0);
	assert_false(nd_net_resolve(&net, gateway));
}

static void arp_goes_to_the_gateway_for_far_hosts(void **state)
{
	struct nd_net net;
	uint8_t frame[ND_FRAME_MAX];

	(void)state;
	net_make(&net, gateway);
	assert_false(nd_net_resolve(&net, far_ip));
	assert_int_equal(nd_net_output(&net, frame, 5), ND_FRAME_MIN);
	assert_memory_equal(frame + 38, gateway, 4);
	assert_int_equal(nd_net_output(&net, frame, 6), 0); /* not at once again */
	assert_int_equal(nd_net_output(&net, frame, 5 + ND_ARP_RETRY_MS), ND_FRAME_MIN);

	net_make(&net, gateway);
	assert_false(nd_net_resolve(&net, near_ip));
	nd_net_output(&net, frame, 0);
	assert_memory_equal(frame + 38, near_ip, 4);

	net_make(&net, no_gateway);
	assert_false(nd_net_resolve(&net, far_ip));
	nd_net_output(&net, frame, 0);
	assert_memory_equal(frame + 38, far_ip, 4);

	net_make(&net, gateway);
	memset(net.netmask, 0, sizeof net.netmask);
	assert_false(nd_net_resolve(&net, near_ip));
	nd_net_output(&net, frame, 0);
	assert_memory_equal(frame + 38, gateway, 4);
}

/* A host that never answers is asked often for a second, then seldom. */
static void arp_slows_down(void **state)
{
	struct nd_net net;
	uint8_t frame[ND_FRAME_MAX];
	unsigned int asked = 0;

	(void)state;
	net_make(&net, no_gateway);
	nd_net_resolve(&net, near_ip);
	for (uint64_t now_ms = 0; now_ms < 11000; now_ms++)
		asked += nd_net_output(&net, frame, now_ms) != 0;
	assert_in_range(asked, ND_ARP_RETRY_FAST + 9, ND_ARP_RETRY_FAST + 11);
}

static void udp_is_received(void **state)
{
	struct nd_net net;
	struct nd_datagram d;

	(void)state;
	net_make(&net, gateway);
	assert_true(nd_net_input(&net, udp_abc, sizeof udp_abc, &d));
	assert_int_equal(d.bytes, 3);
	assert_memory_equal(d.payload, "abc", 3);
	assert_int_equal(d.from_port, 6668);
	assert_memory_equal(d.from_ip, gateway, 4);
}

/* Any flipped bit is noticed, except in who sent the frame and in the padding. */
static void damage_is_noticed(void **state)
{
	(void)state;
	for (unsigned int bit = 0; bit < 45 * 8; bit++) {
		struct nd_net net;
		struct nd_datagram d;
		uint8_t frame[sizeof udp_abc];

		if (bit / 8 >= 6 && bit / 8 < 12)
			continue;
		memcpy(frame, udp_abc, sizeof frame);
		frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
		net_make(&net, gateway);
		if (input(&net, frame, sizeof frame, &d))
			fail_msg("bit %u of byte %u went unnoticed", bit % 8, bit / 8);
		assert_int_equal(net.dropped, 1);
	}
}

static void short_frames_are_dropped(void **state)
{
	(void)state;
	for (size_t bytes = 0; bytes < 45; bytes++) {
		struct nd_net net;
		struct nd_datagram d;

		net_make(&net, gateway);
		assert_false(input(&net, udp_abc, bytes, &d));
		if (bytes < 42)
			assert_false(input(&net, arp_request, bytes, &d));
		assert_int_equal(net.dropped, bytes < 42 ? 2 : 1);
		assert_false(net.arp_reply_due);
	}
}

/* Two of them, back to back: every payload length arrives as it was sent. */
/* RFC 1071, a word at a time, over UDP and its pseudo header; all ones if the sum in it is right.
 */
static uint32_t udp_sum_slowly(const uint8_t *frame, size_t bytes)
{
	uint32_t sum = 17 + (uint32_t)(8 + bytes);

	for (size_t i = 26; i < ND_FRAME_UDP_PAYLOAD + bytes; i++)
		sum += i % 2 ? frame[i] : (uint32_t)frame[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xFFFF) + (sum >> 16);
	return sum;
}

static void udp_between_two(void **state)
{
	struct nd_net a, b;
	struct nd_datagram d;
	uint8_t frame[ND_FRAME_MAX + 1];

	(void)state;
	net_make(&a, gateway);
	nd_net_init(&b, (const uint8_t[]){2, 0, 0, 0, 0, 1}, near_ip, netmask, gateway, 6668);
	assert_int_equal(nd_net_udp(&a, frame, near_ip, 6668, 1), 0); /* asks by ARP */
	input(&b, frame, nd_net_output(&a, frame, 0), &d);
	input(&a, frame, nd_net_output(&b, frame, 0), &d);
	for (size_t bytes = 0; bytes <= ND_FRAME_MAX - ND_FRAME_UDP_PAYLOAD; bytes++) {
		uint8_t payload[ND_FRAME_MAX];
		size_t length;

		for (size_t i = 0; i < bytes; i++)
			payload[i] = (uint8_t)(i * 31 + bytes);
		memcpy(frame + ND_FRAME_UDP_PAYLOAD, payload, bytes);
		length = nd_net_udp(&a, frame, near_ip, 6668, bytes);
		assert_true(length >= ND_FRAME_MIN && length >= bytes + ND_FRAME_UDP_PAYLOAD);
		assert_true(nd_net_input(&b, frame, length, &d));
		assert_int_equal(d.bytes, bytes);
		assert_memory_equal(d.payload, payload, bytes);
		assert_true(frame[40] || frame[41]); /* a sum, always */
		assert_int_equal(udp_sum_slowly(frame, bytes), 0xFFFF);
	}
	assert_int_equal(
		nd_net_udp(&a, frame, near_ip, 6668, ND_FRAME_MAX - ND_FRAME_UDP_PAYLOAD + 1), 0);
}

static void strangers_teach_nothing(void **state)
{
	struct nd_net net;
	struct nd_datagram d;

	(void)state;
	net_make(&net, gateway);
	input(&net, arp_request, sizeof arp_request, &d);
	assert_false(nd_net_resolve(&net, near_ip));
	for (unsigned int i = 0; i < ND_ARP_ENTRIES; i++)
		assert_false(net.arp[i].known);
	input(&net, arp_request, sizeof arp_request, &d); /* nor of who was not asked for */
	assert_false(nd_net_resolve(&net, gateway));
	input(&net, arp_request, sizeof arp_request, &d);
	assert_true(nd_net_resolve(&net, gateway));
}

static void echo_is_answered(void **state)
{
	struct nd_net net;
	struct nd_datagram d;
	uint8_t frame[ND_FRAME_MAX];
	/* id 0x1234, sequence 1; header sum and ICMP sum by hand */
	static const uint8_t ping[60] = {
		0x52, 0x54, 0x00, 0x12, 0x34, 0x56, 0x52, 0x55, 0x0a, 0x00, 0x02, 0x02, 0x08, 0x00,
		0x45, 0x00, 0x00, 0x1c, 0x00, 0x00, 0x40, 0x00, 0x40, 0x01, 0x22, 0xd1, 10,   0,
		2,    2,    10,   0,    2,    15,   0x08, 0x00, 0xe5, 0xca, 0x12, 0x34, 0x00, 0x01};

	(void)state;
	net_make(&net, gateway);
	assert_false(input(&net, ping, sizeof ping, &d));
	assert_int_equal(nd_net_output(&net, frame, 0), ND_FRAME_MIN);
	assert_int_equal(frame[34], 0);
	assert_int_equal(frame[36] << 8 | frame[37], 0xedca);
	assert_memory_equal(frame + 38, ping + 38, 4);
	assert_memory_equal(frame + 30, gateway, 4);
	assert_int_equal(nd_net_output(&net, frame, 0), 0);
}

static void random_frames_do_no_harm(void **state)
{
	struct nd_net net;
	uint8_t frame[ND_FRAME_MAX];

	(void)state;
	srand(1);
	net_make(&net, gateway);
	nd_net_resolve(&net, near_ip);
	for (unsigned int i = 0; i < 50000; i++) {
		struct nd_datagram d;
		size_t bytes = (size_t)rand() % 120;
		uint8_t out[ND_FRAME_MAX];

		memcpy(frame, i & 1 ? udp_abc : arp_request, 60);
		for (unsigned int k = 60; k < bytes; k++)
			frame[k] = (uint8_t)rand();
		for (unsigned int k = 0; k < (unsigned int)rand() % 4 && bytes; k++)
			frame[12 + (unsigned int)rand() % 48] = (uint8_t)rand();
		if (input(&net, frame, bytes, &d))
			assert_true(d.bytes <= bytes);
		nd_net_output(&net, out, i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arp_is_answered),
		cmocka_unit_test(only_hosts_are_answered),
		cmocka_unit_test(arp_goes_to_the_gateway_for_far_hosts),
		cmocka_unit_test(arp_slows_down),
		cmocka_unit_test(udp_is_received),
		cmocka_unit_test(damage_is_noticed),
		cmocka_unit_test(short_frames_are_dropped),
		cmocka_unit_test(udp_between_two),
		cmocka_unit_test(strangers_teach_nothing),
		cmocka_unit_test(echo_is_answered),
		cmocka_unit_test(random_frames_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
