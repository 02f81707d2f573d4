// SPDX-License-Identifier: GPL-2.0-or-later
/* net.c - Ethernet, ARP, IPv4, UDP and echo replies over frame buffers.  Any mode. */
#include "dini/net.h"

#include <string.h>

#define ETHER_BYTES 14
#define ETHER_ARP   0x0806
#define ETHER_IPV4  0x0800
#define ARP_BYTES   28
#define ARP_REQUEST 1
#define ARP_REPLY   2
#define IPV4_BYTES  20
#define IPV4_TTL    64
#define IPV4_ICMP   1
#define IPV4_UDP    17
#define UDP_BYTES   8
#define ICMP_BYTES  8
#define ICMP_ECHO   8

static const uint8_t broadcast_mac[6] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
static const uint8_t no_mac[6];
static const uint8_t no_ip[4];

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, unsigned int value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static bool same_ip(const uint8_t a[4], const uint8_t b[4])
{
	return memcmp(a, b, 4) == 0;
}

/* Eight bytes a step, each carry back in at the bottom, as ones' complement has it. */
static uint64_t word_add(uint64_t sum, const uint8_t *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof word);
	sum += word;
	return sum + (sum < word);
}

/* RFC 1071 sum of big-endian words, not folded; at most 64 KiB. */
static uint64_t sum_add(uint64_t sum, const uint8_t *p, size_t bytes)
{
	/* Ones' complement sums do not care for byte order until the end. */
	uint64_t words = 0;

	for (; bytes >= 32; bytes -= 32, p += 32) {
		words = word_add(words, p);
		words = word_add(words, p + 8);
		words = word_add(words, p + 16);
		words = word_add(words, p + 24);
	}
	for (; bytes >= 8; bytes -= 8, p += 8)
		words = word_add(words, p);
	words = (words & 0xFFFFFFFF) + (words >> 32);
	words = (words & 0xFFFFFFFF) + (words >> 32);
	words = (words & 0xFFFF) + (words >> 16);
	words = (words & 0xFFFF) + (words >> 16);
	sum += __builtin_bswap16((uint16_t)words);
	for (; bytes >= 2; bytes -= 2, p += 2)
		sum += get16(p);
	if (bytes)
		sum += (uint64_t)p[0] << 8;
	return sum;
}

static uint16_t sum_fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xFFFF) + (sum >> 16);
	return (uint16_t)~sum;
}

/* Over the pseudo header, from the addresses in the IPv4 header, and `bytes` of UDP. */
static uint16_t udp_sum(const uint8_t *ipv4, const uint8_t *udp, size_t bytes)
{
	return sum_fold(sum_add(sum_add(IPV4_UDP + bytes, ipv4 + 12, 8), udp, bytes));
}

void nd_net_init(struct nd_net *net, const uint8_t mac[6], const uint8_t ip[4],
		 const uint8_t netmask[4], const uint8_t gateway[4], uint16_t port)
{
	memset(net, 0, sizeof *net);
	memcpy(net->mac, mac, 6);
	memcpy(net->ip, ip, 4);
	memcpy(net->netmask, netmask, 4);
	memcpy(net->gateway, gateway, 4);
	net->port = port;
}

static struct nd_arp_entry *arp_find(struct nd_net *net, const uint8_t ip[4])
{
	for (unsigned int i = 0; i < ND_ARP_ENTRIES; i++)
		if (net->arp[i].used && same_ip(net->arp[i].ip, ip))
			return &net->arp[i];
	return NULL;
}

/* A sender has an address of his own; a group's, and we would answer to everyone. */
static bool is_host(const uint8_t mac[6])
{
	return !(mac[0] & 1) && memcmp(mac, no_mac, 6) != 0;
}

/* Only who was asked for is believed: a stranger cannot fill the table. */
static void arp_learn(struct nd_net *net, const uint8_t ip[4], const uint8_t mac[6])
{
	struct nd_arp_entry *entry = arp_find(net, ip);

	if (!entry)
		return;
	memcpy(entry->mac, mac, 6);
	entry->known = true;
	entry->asking = false;
	entry->asks = 0;
}

static bool arp_input(struct nd_net *net, const uint8_t *arp, size_t bytes)
{
	static const uint8_t ethernet_ipv4[6] = {0, 1, 8, 0, 6, 4};

	if (bytes < ARP_BYTES || memcmp(arp, ethernet_ipv4, sizeof ethernet_ipv4) != 0)
		return false;
	if (!is_host(arp + 8) || same_ip(arp + 14, net->ip))
		return false; /* no one's address, or someone claims ours: nothing to learn from */
	arp_learn(net, arp + 14, arp + 8);
	if (get16(arp + 6) == ARP_REQUEST && same_ip(arp + 24, net->ip)) {
		net->arp_reply_due = true;
		memcpy(net->arp_reply_mac, arp + 8, 6);
		memcpy(net->arp_reply_ip, arp + 14, 4);
	}
	return true;
}

static bool echo_input(struct nd_net *net, const uint8_t *ether, const uint8_t *ipv4,
		       const uint8_t *icmp, size_t bytes)
{
	if (bytes < ICMP_BYTES || bytes > ND_ECHO_BYTES || icmp[0] != ICMP_ECHO || icmp[1] ||
	    sum_fold(sum_add(0, icmp, bytes)) != 0 || !is_host(ether + 6))
		return false;
	memcpy(net->echo, icmp, bytes);
	memcpy(net->echo_mac, ether + 6, 6);
	memcpy(net->echo_ip, ipv4 + 12, 4);
	net->echo_bytes = (uint16_t)bytes;
	return true;
}

static bool udp_input(const struct nd_net *net, const uint8_t *ipv4, const uint8_t *udp,
		      size_t bytes, struct nd_datagram *datagram)
{
	size_t length;

	if (bytes < UDP_BYTES || get16(udp + 2) != net->port)
		return false;
	length = get16(udp + 4);
	if (length < UDP_BYTES || length > bytes)
		return false;
	if (get16(udp + 6) && udp_sum(ipv4, udp, length) != 0)
		return false;
	memcpy(datagram->from_ip, ipv4 + 12, 4);
	datagram->from_port = get16(udp);
	datagram->payload = udp + UDP_BYTES;
	datagram->bytes = length - UDP_BYTES;
	return true;
}

/* True if the packet was of use. */
static bool ipv4_input(struct nd_net *net, const uint8_t *ether, size_t bytes,
		       struct nd_datagram *datagram, bool *has_datagram)
{
	const uint8_t *ipv4 = ether + ETHER_BYTES;
	size_t header, total;

	if (bytes < IPV4_BYTES || ipv4[0] >> 4 != 4)
		return false;
	header = (ipv4[0] & 15) * 4u;
	total = get16(ipv4 + 2);
	if (header < IPV4_BYTES || total < header || total > bytes)
		return false; /* the rest of the frame is padding */
	if (get16(ipv4 + 6) & 0x3FFF || !same_ip(ipv4 + 16, net->ip) ||
	    sum_fold(sum_add(0, ipv4, header)) != 0)
		return false;
	if (ipv4[9] == IPV4_ICMP)
		return echo_input(net, ether, ipv4, ipv4 + header, total - header);
	if (ipv4[9] != IPV4_UDP)
		return false;
	*has_datagram = udp_input(net, ipv4, ipv4 + header, total - header, datagram);
	return *has_datagram;
}

bool nd_net_input(struct nd_net *net, const void *frame, size_t bytes, struct nd_datagram *datagram)
{
	const uint8_t *ether = frame;
	bool has_datagram = false;
	bool good = false;

	if (bytes >= ETHER_BYTES && bytes <= ND_FRAME_MAX &&
	    (memcmp(ether, net->mac, 6) == 0 || memcmp(ether, broadcast_mac, 6) == 0)) {
		if (get16(ether + 12) == ETHER_ARP)
			good = arp_input(net, ether + ETHER_BYTES, bytes - ETHER_BYTES);
		else if (get16(ether + 12) == ETHER_IPV4)
			good = ipv4_input(net, ether, bytes - ETHER_BYTES, datagram, &has_datagram);
	}
	if (!good)
		net->dropped++;
	return has_datagram;
}

static size_t frame_pad(uint8_t *frame, size_t bytes)
{
	if (bytes >= ND_FRAME_MIN)
		return bytes;
	memset(frame + bytes, 0, ND_FRAME_MIN - bytes);
	return ND_FRAME_MIN;
}

static void ether_put(const struct nd_net *net, uint8_t *frame, const uint8_t to[6],
		      unsigned int type)
{
	memcpy(frame, to, 6);
	memcpy(frame + 6, net->mac, 6);
	put16(frame + 12, type);
}

static size_t arp_put(const struct nd_net *net, uint8_t *frame, unsigned int operation,
		      const uint8_t to_mac[6], const uint8_t to_ip[4])
{
	uint8_t *arp = frame + ETHER_BYTES;

	ether_put(net, frame, operation == ARP_REQUEST ? broadcast_mac : to_mac, ETHER_ARP);
	put16(arp, 1);
	put16(arp + 2, ETHER_IPV4);
	arp[4] = 6;
	arp[5] = 4;
	put16(arp + 6, operation);
	memcpy(arp + 8, net->mac, 6);
	memcpy(arp + 14, net->ip, 4);
	memcpy(arp + 18, to_mac, 6);
	memcpy(arp + 24, to_ip, 4);
	return frame_pad(frame, ETHER_BYTES + ARP_BYTES);
}

static void ipv4_put(struct nd_net *net, uint8_t *frame, const uint8_t to_mac[6],
		     const uint8_t to_ip[4], uint8_t protocol, size_t payload_bytes)
{
	uint8_t *ipv4 = frame + ETHER_BYTES;

	ether_put(net, frame, to_mac, ETHER_IPV4);
	ipv4[0] = 0x45;
	ipv4[1] = 0;
	put16(ipv4 + 2, (unsigned int)(IPV4_BYTES + payload_bytes));
	put16(ipv4 + 4, net->ip_id++);
	put16(ipv4 + 6, 0x4000); /* don't fragment */
	ipv4[8] = IPV4_TTL;
	ipv4[9] = protocol;
	put16(ipv4 + 10, 0);
	memcpy(ipv4 + 12, net->ip, 4);
	memcpy(ipv4 + 16, to_ip, 4);
	put16(ipv4 + 10, sum_fold(sum_add(0, ipv4, IPV4_BYTES)));
}

static size_t echo_put(struct nd_net *net, uint8_t *frame)
{
	uint8_t *icmp = frame + ETHER_BYTES + IPV4_BYTES;
	size_t bytes = net->echo_bytes;

	net->echo_bytes = 0;
	memcpy(icmp, net->echo, bytes);
	icmp[0] = 0;
	put16(icmp + 2, 0);
	put16(icmp + 2, sum_fold(sum_add(0, icmp, bytes)));
	ipv4_put(net, frame, net->echo_mac, net->echo_ip, IPV4_ICMP, bytes);
	return frame_pad(frame, ETHER_BYTES + IPV4_BYTES + bytes);
}

size_t nd_net_output(struct nd_net *net, void *frame, uint64_t now_ms)
{
	if (net->arp_reply_due) {
		net->arp_reply_due = false;
		return arp_put(net, frame, ARP_REPLY, net->arp_reply_mac, net->arp_reply_ip);
	}
	for (unsigned int i = 0; i < ND_ARP_ENTRIES; i++) {
		struct nd_arp_entry *entry = &net->arp[i];

		if (entry->used && entry->asking && now_ms >= entry->ask_ms) {
			bool fast = entry->asks < ND_ARP_RETRY_FAST;

			entry->asks += fast;
			entry->ask_ms = now_ms + (fast ? ND_ARP_RETRY_MS : ND_ARP_RETRY_SLOW_MS);
			return arp_put(net, frame, ARP_REQUEST, no_mac, entry->ip);
		}
	}
	if (net->echo_bytes)
		return echo_put(net, frame);
	return 0;
}

/* The host itself where the netmask says so, or where there is no gateway to ask. */
static const uint8_t *next_hop(const struct nd_net *net, const uint8_t ip[4])
{
	if (same_ip(net->gateway, no_ip))
		return ip;
	if (same_ip(net->netmask, no_ip)) /* a lease that names none: the gateway knows */
		return net->gateway;
	for (unsigned int i = 0; i < 4; i++)
		if ((ip[i] ^ net->ip[i]) & net->netmask[i])
			return net->gateway;
	return ip;
}

static const struct nd_arp_entry *hop_entry(struct nd_net *net, const uint8_t ip[4])
{
	const uint8_t *hop = next_hop(net, ip);
	const struct nd_arp_entry *entry = arp_find(net, hop);

	if (entry)
		return entry;
	for (unsigned int i = 0; i < ND_ARP_ENTRIES; i++) {
		if (net->arp[i].used)
			continue;
		net->arp[i].used = true;
		net->arp[i].asking = true;
		memcpy(net->arp[i].ip, hop, 4);
		return &net->arp[i];
	}
	return NULL;
}

bool nd_net_resolve(struct nd_net *net, const uint8_t ip[4])
{
	const struct nd_arp_entry *entry = hop_entry(net, ip);

	return entry && entry->known;
}

void nd_net_refresh(struct nd_net *net)
{
	for (unsigned int i = 0; i < ND_ARP_ENTRIES; i++)
		net->arp[i].asking = net->arp[i].used;
}

size_t nd_net_udp(struct nd_net *net, void *frame, const uint8_t ip[4], uint16_t port, size_t bytes)
{
	const struct nd_arp_entry *entry = hop_entry(net, ip);
	uint8_t *out = frame;
	uint8_t *ipv4 = out + ETHER_BYTES;
	uint8_t *udp = ipv4 + IPV4_BYTES;
	uint16_t sum;

	if (!entry || !entry->known || bytes > ND_FRAME_MAX - ND_FRAME_UDP_PAYLOAD)
		return 0;
	ipv4_put(net, out, entry->mac, ip, IPV4_UDP, UDP_BYTES + bytes);
	put16(udp, net->port);
	put16(udp + 2, port);
	put16(udp + 4, (unsigned int)(UDP_BYTES + bytes));
	put16(udp + 6, 0);
	sum = udp_sum(ipv4, udp, UDP_BYTES + bytes);
	put16(udp + 6, sum ? sum : 0xFFFF);
	return frame_pad(out, ND_FRAME_UDP_PAYLOAD + bytes);
}
