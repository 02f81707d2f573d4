; SPDX-License-Identifier: GPL-2.0-or-later
; flat.asm - where out.S enters the flat part: its first byte.
;
; Mode: 32-bit protected mode, flat segments, paging off.  Position: anywhere below 4 GiB.

extern nd_flat_main

section .head progbits alloc exec nowrite align=16
bits 32

; nd_flat_entry - void nd_flat_entry(uint32_t handoff_phys, uint32_t crash_phys), a near call.
; Returns only if there is no dump; EBX, ESI, EDI, EBP, ESP as before.
nd_flat_entry:
	jmp nd_flat_main

section .note.GNU-stack noalloc noexec nowrite progbits
