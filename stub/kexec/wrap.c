// SPDX-License-Identifier: GPL-2.0-or-later
/* wrap.c - the part of a wrapped kernel: only a crash is ours.  32-bit flat, paging off. */
#include "stub/common/serial.h"
#include "stub/common/words.h"
#include "stub/kexec/stub.h"

void nd_wrap_main(uint32_t params_phys)
{
	struct nd_word value;

	if (!nd_word_find(nd_stub_line(params_phys), "elfcorehdr=", &value))
		return;
	nd_stub_main(params_phys);
	nd_serial_print("stub: on to the crash kernel\n");
}
