/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ports.h - ports, and PCI configuration space behind them, for the guest's own code. */
#ifndef GUEST_PORTS_H
#define GUEST_PORTS_H

#include <stdint.h>

static inline void outb(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint8_t inb(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static inline uint32_t config_read(uint16_t bdf, uint32_t at)
{
	uint32_t value;

	__asm__ volatile("outl %0, %1" : : "a"(0x80000000u | (uint32_t)bdf << 8 | at), "d"(0xCF8));
	__asm__ volatile("inl %1, %0" : "=a"(value) : "d"(0xCFC));
	return value;
}

static inline void config_write(uint16_t bdf, uint32_t at, uint32_t value)
{
	__asm__ volatile("outl %0, %1" : : "a"(0x80000000u | (uint32_t)bdf << 8 | at), "d"(0xCF8));
	__asm__ volatile("outl %0, %1" : : "a"(value), "d"(0xCFC));
}

#endif
