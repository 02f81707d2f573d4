/* SPDX-License-Identifier: GPL-2.0-or-later */
/* exception.h - DINI's interrupt table: every exception is told, then ends the run. */
#ifndef DINI_EXCEPTION_H
#define DINI_EXCEPTION_H

#define ND_EXCEPTIONS 32

/* Builds the table and loads it.  The table is lost in every gate call: */
void nd_exception_init(void);
void nd_exception_load(void);

/*
 * NMIs come again, if the system crashed in one: until an IRET the CPU holds back the next, and
 * lets it go at the first in the firmware.  Needs the table.
 */
void nd_nmi_open64(void);

#endif
