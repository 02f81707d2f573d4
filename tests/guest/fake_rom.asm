; SPDX-License-Identifier: GPL-2.0-or-later
; fake_rom.asm - firmware for DINI's guest, under the gate that PXELINUX leaves behind.
;
; Mode: real, one segment, moved to UNDI_SEG:0.  It works as iPXE does: each call goes on in
; flat 32-bit mode, in guest_undi() of dini_guest.c, which knows what lies up to `code` as
; struct rom.  And as in iPXE, what is given up half way leaves it unusable: it says so.

bits 16
org 0

HANGS		equ 0x10000		; guest_undi()'s word for it, and the mode
INVALID_STATUS	equ 0x6A

entry_offset:	dw entry
rom_bytes:	dw rom_end
function:	dd 0			; guest_undi()
under_way:	dw 0
hang_mode:	dw 0
hang_reflects:	dw 0
code:

%include "tests/guest/hang.asm"

bits 16

; far call: BX = opcode, ES:DI = block
entry:
	push ds
	pushad
	mov ax, cs
	mov ds, ax
	cmp word [under_way], 0
	jne .unusable
	inc word [under_way]
	mov [.stack], sp
	mov [.stack + 2], ss
	movzx edi, di
	xor eax, eax
	mov ax, es
	shl eax, 4
	add edi, eax			; linear
	movzx ebx, bx
	o32 lgdt [hang_gdtr]
	o32 lidt [hang_idtr_deaf]	; a server outside may take longer than DINI gives firmware
	mov eax, cr0
	or al, 1
	mov cr0, eax
	jmp dword HANG_CODE32:LINEAR(.flat)
bits 32
.flat:
	mov ax, HANG_FLAT
	mov ds, ax
	mov es, ax
	mov ss, ax
	mov esp, LINEAR(rom_stack)
	push edi
	push ebx
	call [LINEAR(function)]
	add esp, 8
	mov [LINEAR(.result)], eax
	mov ax, HANG_DATA16
	mov ds, ax
	mov es, ax
	mov ss, ax
	jmp HANG_CODE16:.protected16
bits 16
.protected16:
	o32 lidt [hang_idtr_real]
	mov eax, cr0
	and al, 0xFE
	mov cr0, eax
	jmp UNDI_SEG:.real
.real:
	mov ax, cs
	mov ds, ax
	lss sp, [.stack]
	mov eax, [.result]
	mov [hang_mode], ax
	test eax, HANGS
	jnz hang
	mov word [under_way], 0
	popad
	pop ds
	mov ax, [cs:.result]
	retf
.unusable:
	mov word [es:di], INVALID_STATUS
	popad
	pop ds
	mov ax, 1
	retf
.stack:	dw 0, 0
.result: dd 0

	align 16
	times 4096 db 0
rom_stack:
rom_end:
