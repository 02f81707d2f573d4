/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * config.h - PCI configuration space: how it is reached, and the names in it (PCI 3.0
 * chapter 6, PCI-to-PCI Bridge 1.2 chapter 3, PCI Express 4.0 section 7.5).
 *
 * What works on it knows these two functions only: tests put a model behind them.
 */
#ifndef DINI_CONFIG_H
#define DINI_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

/* One dword; bdf is bus << 8 | device << 3 | function, `at` a multiple of 4 below 256. */
uint32_t nd_config_read(uint16_t bdf, unsigned int at);
void nd_config_write(uint16_t bdf, unsigned int at, uint32_t value);

#define PCI_ID          0x00
#define PCI_COMMAND     0x04
#define PCI_CLASS       0x08 /* class, subclass, interface, revision: high to low */
#define PCI_CACHE_LINE  0x0C
#define PCI_HEADER_TYPE 0x0E
#define PCI_BAR0        0x10
#define PCI_CAP_POINTER 0x34
#define PCI_INTERRUPT   0x3C

#define PCI_MEMORY      0x00000002u /* in the command register */
#define PCI_MASTER      0x00000004u
#define PCI_LINE_OFF    0x00000400u
#define PCI_STATUS_CAPS 0x00100000u /* in the dword of PCI_COMMAND */
#define PCI_NO_DEVICE   0xFFFFFFFFu /* read where nothing answers, */
#define PCI_NOT_READY   0x0001u     /* and as the vendor of what asks to be asked again */

#define BRIDGE_BUSES         0x18
#define BRIDGE_WINDOWS       0x1C
#define BRIDGE_CONTROL       0x3C
#define BRIDGE_RESET         0x00400000u /* in its dword */
#define BRIDGE_CLEARS_BY_ONE 0x04000000u

#define CAP_PM      0x01
#define CAP_MSI     0x05
#define CAP_EXPRESS 0x10
#define CAP_MSIX    0x11
#define CAP_AF      0x13

#define PM_CONTROL       4
#define PM_STATE         0x0003u
#define PM_D3HOT         0x0003u
#define PM_NO_SOFT_RESET 0x0008u
#define PM_EVENT_ON      0x0100u
#define PM_CLEARS_BY_ONE 0x8000u

#define EXPRESS_DEVICE_BYTES   0x0C /* what every one has */
#define EXPRESS_LINK_BYTES     0x14 /* what has a link */
#define EXPRESS_2_BYTES        0x2C /* what every one has from version 2 on */
#define EXPRESS_TYPE           0x00
#define EXPRESS_DEVICE_CAPS    0x04
#define EXPRESS_DEVICE_CONTROL 0x08
#define EXPRESS_LINK_CAPS      0x0C
#define EXPRESS_LINK_CONTROL   0x10
#define EXPRESS_2_CONTROL      0x28 /* device control 2 */
#define EXPRESS_ROOT_PORT      4    /* in bits 23:20 of EXPRESS_TYPE; 19:16 are the version */
#define EXPRESS_DOWN_PORT      6
#define EXPRESS_IN_ROOT        9  /* an endpoint in the root complex; */
#define EXPRESS_ROOT_EVENTS    10 /* its event collector: both without a link */
#define DEVICE_HAS_FLR         0x10000000u
#define DEVICE_FLR             0x00008000u
#define DEVICE_PENDING         0x00200000u /* status, the upper half of device control */
#define LINK_TELLS_ACTIVE      0x00100000u
#define LINK_ASPM              0x00000003u /* active state power management: L0s, L1 */
#define LINK_OFF               0x00000010u
#define LINK_RETRAIN           0x00000020u
#define LINK_ACTIVE            0x20000000u /* status, the upper half of link control */

#define AF_CAPS        0x00
#define AF_CONTROL     0x04
#define AF_HAS_PENDING 0x01000000u
#define AF_HAS_FLR     0x02000000u
#define AF_FLR         0x00000001u
#define AF_PENDING     0x00000100u

/* Intel's bridge to ISA from ICH on: where it is, and whether it is there. */
#define LPC       (0x1F << 3)
#define LPC_CLASS 0x0601
#define INTEL     0x8086

static inline bool nd_config_has_lpc(void)
{
	return (nd_config_read(LPC, PCI_ID) & 0xFFFF) == INTEL &&
	       nd_config_read(LPC, PCI_CLASS) >> 16 == LPC_CLASS;
}

#endif
