; SPDX-License-Identifier: GPL-2.0-or-later
; boot.asm - a multiboot image that plays the crashed system for DINI: its entry, its
; calls of DINI, and a gate that really goes to real mode and back.
;
; Mode: 32-bit flat protected mode, paging off, as a multiboot loader enters it.

extern guest_main
extern guest_server

global guest_dini_call
global guest_gate_image
global guest_gate_image_end
global guest_gate_far

MULTIBOOT_MAGIC	equ 0x1BADB002
GATE_SEG	equ 0x8000
SEL_CODE	equ 0x18		; not where DINI has its own, to see them come back
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

; uint32_t guest_dini_call(uint32_t entry, uint32_t eax, uint32_t ebx, uint32_t esi)
; Enters DINI with sentinels in what it must keep; returns its EAX, or ~0 if anything
; else came back changed.
guest_dini_call:
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

; The gate, copied to GATE_SEG:0.  Contract: handoff.h "Calling the gate".
guest_gate_image:
%define AT(label) (GATE_SEG * 16 + (label) - guest_gate_image)
	pushad
	mov [AT(.esp)], esp
	sgdt [AT(.caller_gdt)]
	sidt [AT(.caller_idt)]
	mov word [AT(.segments)], ds
	mov word [AT(.segments + 2)], ss
	mov word [AT(.code)], cs
	mov eax, cr4
	mov [AT(.cr4)], eax
	test eax, eax
	jnz .wrong			; contract: CR4 is 0
	lgdt [AT(.gdtr)]
	lidt [AT(.real_idt)]
	jmp 0x18:.pm16 - guest_gate_image
.wrong:
	mov dword [AT(.mode)], 0
	jmp .serve
bits 16
.pm16:
	mov ax, 0x20
	mov ds, ax
	mov es, ax
	mov fs, ax
	mov gs, ax
	mov ss, ax
	mov eax, cr0
	and al, 0xFE
	mov cr0, eax
	jmp GATE_SEG:.real - guest_gate_image
.real:
	mov ax, cs
	mov ds, ax
	mov ss, ax
	mov sp, 0xFFF0
	smsw ax				; PE is 0 here, or this was no real mode
	not ax
	and ax, 1
	mov [.mode - guest_gate_image], ax
	mov ah, 0x12			; INT 12h needs vectors and BDA as the BIOS had them
	int 0x12
	mov [.base_kib - guest_gate_image], ax
	cli
	lgdt [.gdtr - guest_gate_image]
	mov eax, cr0
	or al, 1
	mov cr0, eax
	jmp dword 0x08:AT(.pm32)
bits 32
.pm32:
	mov ax, 0x10
	mov ds, ax
	mov es, ax
	mov ss, ax
	mov esp, [AT(.esp)]
.serve:
	push dword [AT(.base_kib)]
	push dword [AT(.mode)]
	mov eax, guest_server		; absolute: this code was moved
	call eax
	add esp, 8
	lgdt [AT(.caller_gdt)]
	lidt [AT(.caller_idt)]
	mov ax, [AT(.segments)]
	mov ds, ax
	mov es, ax
	mov fs, ax
	mov gs, ax
	mov ax, [AT(.segments + 2)]
	mov ss, ax
	movzx eax, word [AT(.code)]
	push eax
	push dword AT(.back)
	retf
.back:
	popad
	ret
	align 8
.gdt:
	dq 0
	dq 0x00CF9B000000FFFF		; 08 flat code
	dq 0x00CF93000000FFFF		; 10 flat data
	dq 0x00009B080000FFFF		; 18 16-bit code at GATE_SEG
	dq 0x000093080000FFFF		; 20 16-bit data at GATE_SEG
.gdtr:
	dw 39
	dd AT(.gdt)
.real_idt:
	dw 0x3FF
	dd 0
.caller_gdt:
	dw 0
	dd 0
.caller_idt:
	dw 0
	dd 0
	align 4
.esp:		dd 0
.cr4:		dd 0
.mode:		dd 0
.base_kib:	dd 0
.segments:	dw 0, 0
.code:		dw 0
guest_gate_image_end:

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
