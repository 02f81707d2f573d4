; SPDX-License-Identifier: GPL-2.0-or-later
; boot.asm - a bare multiboot image: its entry, and calls of what is to be tested.
;
; Mode: 32-bit flat protected mode, paging off, as a multiboot loader enters it.

extern guest_main

global guest_call

MULTIBOOT_MAGIC	equ 0x1BADB002
SEL_CODE	equ 0x18		; not where what is called has its own, to see them come back
SEL_DATA	equ 0x20
SEL_EXTRA	equ 0x28

section .multiboot align=4
	dd MULTIBOOT_MAGIC, 0, -MULTIBOOT_MAGIC

section .text
bits 32
global guest_start
guest_start:
	cli
	mov esp, stack_top
	lgdt [gdtr]
	lidt [idtr]
	jmp SEL_CODE:.flat
.flat:
	mov ax, SEL_DATA
	mov ds, ax
	mov es, ax
	mov ss, ax
	mov ax, SEL_EXTRA
	mov fs, ax
	mov gs, ax
	push ebx
	call guest_main
.stop:
	hlt
	jmp .stop

; uint32_t guest_call(uint32_t entry, uint32_t eax, uint32_t ebx, uint32_t esi)
; Near-calls entry with sentinels in what it must keep; returns its EAX, or ~0 if anything
; but EAX, ECX, EDX and flags came back changed.
guest_call:
	push ebp
	push ebx
	push esi
	push edi
	mov [before_esp], esp
	sgdt [before_tables]
	sidt [before_tables + 6]
	mov edx, [esp + 20]
	mov eax, [esp + 24]
	mov ebx, [esp + 28]
	mov esi, [esp + 32]
	mov edi, 0x5EED0001
	mov ebp, 0x5EED0002
	call edx
	cmp esp, [before_esp]
	jne .bad
	cmp ebx, [esp + 28]
	jne .bad
	cmp esi, [esp + 32]
	jne .bad
	cmp edi, 0x5EED0001
	jne .bad
	cmp ebp, 0x5EED0002
	jne .bad
	mov cx, cs
	cmp cx, SEL_CODE
	jne .bad
	mov cx, ds
	cmp cx, SEL_DATA
	jne .bad
	mov cx, es
	cmp cx, SEL_DATA
	jne .bad
	mov cx, ss
	cmp cx, SEL_DATA
	jne .bad
	mov cx, fs
	cmp cx, SEL_EXTRA
	jne .bad
	mov cx, gs
	cmp cx, SEL_EXTRA
	jne .bad
	sgdt [after_tables]
	sidt [after_tables + 6]
	mov esi, before_tables
	mov edi, after_tables
	mov ecx, 12
	repe cmpsb
	jne .bad
	mov ecx, cr0
	test ecx, 0x80000000
	jz .out
.bad:
	mov esp, [before_esp]
	mov eax, -1
.out:
	pop edi
	pop esi
	pop ebx
	pop ebp
	ret

section .data
	align 8
gdt:
	dq 0, 0, 0
	dq 0x00CF9B000000FFFF		; SEL_CODE
	dq 0x00CF93000000FFFF		; SEL_DATA
	dq 0x00CF93000000FFFF		; SEL_EXTRA
gdtr:
	dw 47
	dd gdt
idtr:
	dw 7
	dd gdt
before_tables: times 12 db 0
after_tables: times 12 db 0
before_esp: dd 0

section .bss
	alignb 16
	resb 0x4000
stack_top:
