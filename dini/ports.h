/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ports.h - the chipset's ports and registers that more than one file goes to.  Motorola
 * MC146818A, with NMI's bit as in any ICH; Intel 82093AA (I/O APIC).
 */
#ifndef DINI_PORTS_H
#define DINI_PORTS_H

#define CMOS_INDEX   0x70
#define CMOS_DATA    0x71
#define CMOS_NMI_OFF 0x80 /* the chipset's own: the I/O APIC's are not held by it */
#define POST_PORT    0x80 /* a write to it takes about 1 us */

#define IOAPIC_INDEX   0x00
#define IOAPIC_DATA    0x10
#define IOAPIC_VERSION 0x01
#define IOAPIC_TABLE   0x10 /* two registers each */

#endif
