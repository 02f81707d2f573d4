; SPDX-License-Identifier: GPL-2.0-or-later
; fake_gate.asm - a gate for DINI's guest that really goes to real mode and back, and has
; guest_server() do what is asked for.
;
; Mode: 32-bit flat protected mode, paging off; moved to GATE_SEG:0 before it is called.

extern guest_server

global guest_gate_image
global guest_gate_image_end

GATE_SEG	equ 0x8000

section .text
bits 32
; Contract: handoff.h "Calling the gate".
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
	cmp byte [.ticks - guest_gate_image], 0
	jne .ticked
	mov ax, 0x40			; once: the BIOS's tick comes through, and nothing else
	mov es, ax
	mov eax, [es:0x6C]
	mov ecx, 1 << 26
	sti
.tick:
	cmp eax, [es:0x6C]
	jne .came
	pause
	loop .tick, ecx
	jmp .ticked
.came:
	mov byte [.ticks - guest_gate_image], 1
.ticked:
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
	lidt [AT(.patient_idt)]
.serve:
	movzx eax, byte [AT(.ticks)]
	push eax
	push dword [AT(.base_kib)]
	push dword [AT(.mode)]
	mov eax, guest_server		; absolute: this code was moved
	call eax
	add esp, 12
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
; A server outside may take longer than DINI gives firmware: its alarm is let pass.
.nmi:
	iretd
	align 8
.idt:
	dq 0, 0
	dw AT(.nmi) & 0xFFFF, 0x08, 0x8E00, AT(.nmi) >> 16
.patient_idt:
	dw $ - .idt - 1
	dd AT(.idt)
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
.ticks:		db 0
guest_gate_image_end:
