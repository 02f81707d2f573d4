; SPDX-License-Identifier: GPL-2.0-or-later
; hang.asm - firmware that does not return, in each mode in which firmware runs.
;
; Part of fake firmware in one segment, UNDI_SEG, which has hang_mode and hang_reflects.

%ifndef UNDI_SEG
UNDI_SEG	equ 0x7000
%endif
UNDI_LINEAR	equ UNDI_SEG * 16
HANG_TABLES	equ 0x64000		; page tables, three pages that nobody else uses

HANG_REAL	equ 0
HANG_PROTECTED	equ 1			; with vectors of its own, which pass interrupts on
HANG_LONG	equ 2			; the same
HANG_DEAF	equ 3			; protected mode with vectors that pass nothing on
HANG_OPEN	equ 4			; protected mode without vectors

HANG_CODE32	equ 0x08
HANG_FLAT	equ 0x10
HANG_CODE16	equ 0x18
HANG_DATA16	equ 0x20
HANG_CODE64	equ 0x28

%define LINEAR(label) (UNDI_LINEAR + (label) - $$)

; hang: jumped to in real mode with IF=0 and any stack.
hang:
	mov ax, cs
	mov ds, ax
	mov cx, [hang_mode]
	cmp cx, HANG_REAL
	jne .protected
	jmp $
.protected:
	o32 lgdt [hang_gdtr]
	cmp cx, HANG_LONG
	je .long
	mov bx, hang_idtr32
	cmp cx, HANG_PROTECTED
	je .vectors
	mov bx, hang_idtr_deaf
	cmp cx, HANG_DEAF
	je .vectors
	mov bx, hang_idtr_none
.vectors:
	o32 lidt [bx]
	mov eax, cr0
	or al, 1
	mov cr0, eax
	jmp dword HANG_CODE32:LINEAR(hang32)
.long:
	mov ax, HANG_TABLES >> 4	; 2 MiB at their own addresses
	mov es, ax
	xor di, di
	xor eax, eax
	mov cx, 3 * 1024
	cld
	rep stosd
	mov dword [es:0], HANG_TABLES + 0x1003
	mov dword [es:0x1000], HANG_TABLES + 0x2003
	mov dword [es:0x2000], 0x83
	mov eax, 0x20			; PAE
	mov cr4, eax
	mov eax, HANG_TABLES
	mov cr3, eax
	mov ecx, 0xC0000080		; EFER
	rdmsr
	or ah, 1			; LME
	wrmsr
	o32 lidt [hang_idtr64]
	mov eax, cr0
	or eax, 0x80000001
	mov cr0, eax
	jmp dword HANG_CODE64:LINEAR(hang64)

bits 32
hang32:
	mov ax, HANG_FLAT
	mov ds, ax
	mov es, ax
	mov ss, ax
	mov esp, LINEAR(hang_stack)
	jmp $

; An interrupt: to real mode for the handler there, as iPXE does.
hang_reflect32:
	mov ax, HANG_DATA16
	mov ds, ax
	mov es, ax
	mov fs, ax
	mov gs, ax
	mov ss, ax
	inc word [hang_reflects]
	o32 lidt [hang_idtr_real]
	jmp HANG_CODE16:hang_reflect16
hang_deaf32:
	iretd

bits 16
hang_reflect16:
	mov eax, cr0
	and eax, 0x7FFFFFFE
	mov cr0, eax
	jmp UNDI_SEG:.real
.real:
	mov ax, cs
	mov ds, ax
	mov ss, ax
	mov sp, hang_stack
	int 2
	jmp $				; it came back: nobody wanted it

bits 64
hang64:
	mov ax, HANG_FLAT
	mov ss, ax
	mov esp, LINEAR(hang_stack)
	jmp $
hang_reflect64:
	push qword HANG_CODE32
	push qword LINEAR(.compatible)
	retfq
bits 32
.compatible:
	mov eax, cr0
	and eax, 0x7FFFFFFF		; paging off
	mov cr0, eax
	mov ecx, 0xC0000080
	rdmsr
	and ah, 0xFE
	wrmsr
	jmp hang_reflect32

	align 8
hang_gdt:
	dq 0
	dq 0x00CF9B000000FFFF		; HANG_CODE32
	dq 0x00CF93000000FFFF		; HANG_FLAT
	dq 0x00009B000000FFFF | UNDI_LINEAR << 16
	dq 0x000093000000FFFF | UNDI_LINEAR << 16
	dq 0x00AF9B000000FFFF		; HANG_CODE64
hang_gdtr:
	dw $ - hang_gdt - 1
	dd LINEAR(hang_gdt)
	align 8
hang_idt32:
	dq 0, 0
	dw LINEAR(hang_reflect32) & 0xFFFF, HANG_CODE32, 0x8E00, LINEAR(hang_reflect32) >> 16
hang_idtr32:
	dw $ - hang_idt32 - 1
	dd LINEAR(hang_idt32)
	align 8
hang_idt_deaf:
	dq 0, 0
	dw LINEAR(hang_deaf32) & 0xFFFF, HANG_CODE32, 0x8E00, LINEAR(hang_deaf32) >> 16
hang_idtr_deaf:
	dw $ - hang_idt_deaf - 1
	dd LINEAR(hang_idt_deaf)
hang_idtr_none:
	dw 0
	dd 0
	align 16
hang_idt64:
	dq 0, 0, 0, 0
	dw LINEAR(hang_reflect64) & 0xFFFF, HANG_CODE64, 0x8E00, LINEAR(hang_reflect64) >> 16
	dq 0
hang_idtr64:
	dw $ - hang_idt64 - 1
	dd LINEAR(hang_idt64)
hang_idtr_real:
	dw 0x3FF
	dd 0
	align 16
	times 512 db 0
hang_stack:
