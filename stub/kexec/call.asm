; SPDX-License-Identifier: GPL-2.0-or-later
; call.asm - the call that C cannot make.
;
; Mode: 32-bit protected mode, flat segments, paging off.

global nd_stub_dini

section .text progbits alloc exec nowrite align=16
bits 32

; uint32_t nd_stub_dini(uint32_t entry_phys, uint32_t handoff_phys, uint32_t what_phys,
;	uint32_t magic)
nd_stub_dini:
	push ebx
	push esi
	push edi
	push ebp
	mov ecx, [esp + 20]
	mov esi, [esp + 24]
	mov ebx, [esp + 28]
	mov eax, [esp + 32]
	call ecx
	pop ebp
	pop edi
	pop esi
	pop ebx
	ret

section .note.GNU-stack noalloc noexec nowrite progbits
