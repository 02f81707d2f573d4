/* SPDX-License-Identifier: GPL-2.0-or-later */
/* boot.h - the modes of the fuzzer `boot` that stub.c and acpi.c have. */
#ifndef TESTS_FUZZ_BOOT_H
#define TESTS_FUZZ_BOOT_H

#include "tests/fuzz/input.h"

void nd_fuzz_words(struct nd_input *in);    /* a kernel's command line, as the stubs read it */
void nd_fuzz_ram(struct nd_input *in);      /* the reference kernel's list of memory */
void nd_fuzz_bootinfo(struct nd_input *in); /* what a multiboot loader says */
void nd_fuzz_handoff(struct nd_input *in);  /* handoff blocks that were written over */
void nd_fuzz_acpi(struct nd_input *in);     /* ACPI's tables */

#endif
