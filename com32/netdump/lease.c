/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lease.c - addresses from the DHCP packets that PXE keeps.  32-bit, PXELINUX running. */
#include <stdlib.h>
#include <string.h>
#include <syslinux/pxe.h>

#include "netdump.h"

/* RFC 2131, figure 1 and section 3 */
#define YIADDR  16
#define SIADDR  20
#define CHADDR  28
#define OPTIONS 240

static const uint8_t cookie[4] = {99, 130, 83, 99};

/* Option `code` (RFC 2132), or NULL; *length is its length. */
static const uint8_t *option(const uint8_t *packet, size_t bytes, uint8_t code, uint8_t *length)
{
	size_t at = OPTIONS;

	if (bytes < OPTIONS || memcmp(packet + OPTIONS - 4, cookie, 4))
		return NULL;
	while (at < bytes && packet[at] != 255) {
		if (packet[at] == 0) {
			at++;
			continue;
		}
		if (bytes - at < 2 || bytes - at - 2 < packet[at + 1])
			return NULL;
		if (packet[at] == code) {
			*length = packet[at + 1];
			return packet + at + 2;
		}
		at += 2u + packet[at + 1];
	}
	return NULL;
}

static void address_option(const uint8_t *packet, size_t bytes, uint8_t code, uint8_t ip[4])
{
	uint8_t length;
	const uint8_t *value = option(packet, bytes, code, &length);

	if (value && length >= 4)
		memcpy(ip, value, 4);
}

static void host_option(const uint8_t *packet, size_t bytes, char host[ND_HOST_BYTES])
{
	uint8_t length;
	const uint8_t *value = option(packet, bytes, 12, &length);

	if (value && length && length < ND_HOST_BYTES)
		memcpy(host, value, length);
}

static bool is_zero(const uint8_t ip[4])
{
	return !(ip[0] | ip[1] | ip[2] | ip[3]);
}

/* As PXE got it. */
static bool lease_read(struct nd_lease *lease)
{
	void *data = NULL;
	size_t bytes = 0;

	memset(lease, 0, sizeof *lease);
	if (pxe_get_cached_info(PXENV_PACKET_TYPE_DHCP_ACK, &data, &bytes) || bytes < OPTIONS) {
		free(data);
		nd_error("PXE has no DHCP lease to give; is this PXELINUX?");
		return false;
	}
	memcpy(lease->client_ip, (uint8_t *)data + YIADDR, 4);
	memcpy(lease->server_ip[0], (uint8_t *)data + SIADDR, 4);
	lease->server_count = 1;
	memcpy(lease->mac, (uint8_t *)data + CHADDR, 6);
	address_option(data, bytes, 1, lease->netmask);
	address_option(data, bytes, 3, lease->gateway);
	host_option(data, bytes, lease->host);
	free(data);

	/* Behind a proxy DHCP server the TFTP server is named in another packet. */
	if (!pxe_get_cached_info(PXENV_PACKET_TYPE_CACHED_REPLY, &data, &bytes)) {
		if (bytes >= OPTIONS && !is_zero((uint8_t *)data + SIADDR))
			memcpy(lease->server_ip[0], (uint8_t *)data + SIADDR, 4);
		free(data);
	}
	return true;
}

static void options_put(struct nd_lease *lease, const struct nd_options *o)
{
	if (o->has_client_ip)
		memcpy(lease->client_ip, o->client_ip, 4);
	if (o->has_gateway)
		memcpy(lease->gateway, o->gateway, 4);
	if (o->server_count) {
		memcpy(lease->server_ip, o->server_ip, sizeof lease->server_ip);
		lease->server_count = o->server_count;
	}
}

bool nd_lease_get(struct nd_lease *lease, const struct nd_options *o)
{
	if (!lease_read(lease))
		return false;
	options_put(lease, o);
	if (o->has_mac && memcmp(o->mac, lease->mac, sizeof o->mac)) {
		nd_error("mac=: the firmware drives the NIC that booted, "
			 "%02x:%02x:%02x:%02x:%02x:%02x, and no other: remove mac= (or nic=), or "
			 "boot "
			 "from the NIC that it names",
			 lease->mac[0], lease->mac[1], lease->mac[2], lease->mac[3], lease->mac[4],
			 lease->mac[5]);
		return false;
	}
	if (is_zero(lease->client_ip)) {
		nd_error("no client address: give it with ip=");
		return false;
	}
	if (is_zero(lease->server_ip[0])) {
		nd_error("no server address: give it with server=");
		return false;
	}
	return true;
}
