; SPDX-License-Identifier: GPL-2.0-or-later
; image.asm - where kexec's purgatory enters the crash image that stands alone.
;
; Mode: 32-bit protected mode, flat segments, paging off.  Position: anywhere below 4 GiB;
; every address is taken relative to the global offset table, so nothing needs relocating.

extern _GLOBAL_OFFSET_TABLE_
extern nd_image_main

global nd_image_entry

SEL_CODE	equ 0x08
SEL_DATA	equ 0x10
STACK_BYTES	equ 0x1000

section .rodata progbits alloc noexec nowrite align=8
gdt:
	dq 0
	dq 0x00CF9B000000FFFF		; SEL_CODE: base 0, 4 GiB, accessed already
	dq 0x00CF93000000FFFF		; SEL_DATA
GDT_BYTES	equ $ - gdt

section .bss nobits alloc noexec write align=16
stack:
	resb STACK_BYTES
stack_top:

section .text progbits alloc exec nowrite align=16
bits 32

; nd_image_entry - jumped to after a crash.
; In:    ESI = phys of the Linux boot parameters, or 0.  Any flat CS, DS, ES, SS.
; State: loads its own stack, GDT, segments; IDT limit 0, so that an exception resets the
;        machine instead of running on through what the crashed kernel left; IF = 0, CR4 = 0.
nd_image_entry:
	cli
	cld
	call .here
.here:
	pop ebx
	add ebx, _GLOBAL_OFFSET_TABLE_ + $$ - .here wrt ..gotpc
	lea esp, [ebx + stack_top wrt ..gotoff]

	lea eax, [ebx + gdt wrt ..gotoff]
	push eax
	push word GDT_BYTES - 1
	lgdt [esp]
	push dword 0
	push word 0
	lidt [esp]
	lea esp, [ebx + stack_top wrt ..gotoff]

	push dword SEL_CODE
	lea eax, [ebx + .flat wrt ..gotoff]
	push eax
	retf
.flat:
	mov eax, SEL_DATA
	mov ds, eax
	mov es, eax
	mov fs, eax
	mov gs, eax
	mov ss, eax
	xor eax, eax
	mov cr4, eax
	xor ebp, ebp
	sub esp, 12			; the ABI's alignment at the call
	push esi
	call nd_image_main		; does not return

section .note.GNU-stack noalloc noexec nowrite progbits
