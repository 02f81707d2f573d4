; SPDX-License-Identifier: GPL-2.0-or-later
; entry.asm - where kexec's purgatory enters the crash image, and the calls that C cannot make.
;
; Mode: 32-bit protected mode, flat segments, paging off.  Position: anywhere below 4 GiB;
; every address is taken relative to the global offset table, so nothing needs relocating.

extern _GLOBAL_OFFSET_TABLE_
extern nd_stub_main

global nd_stub_entry
global nd_stub_dini
global nd_stub_reboot
global nd_stub_halt

SEL_CODE	equ 0x08
SEL_DATA	equ 0x10
STACK_BYTES	equ 0x1000

KBC_PORT	equ 0x64
KBC_INPUT_FULL	equ 0x02
KBC_RESET	equ 0xFE
KBC_POLLS	equ 0x10000
RESET_PORT	equ 0xCF9
RESET_HARD	equ 0x02		; kind, then the same with bit 2: do it
RESET_POLLS	equ 0x100000

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

; nd_stub_entry - jumped to after a crash.
; In:    ESI = phys of the Linux boot parameters, or 0.  Any flat CS, DS, ES, SS.
; State: loads its own stack, GDT, segments; IDT limit 0, so that an exception resets the
;        machine instead of running on through what the crashed kernel left; IF = 0, CR4 = 0.
nd_stub_entry:
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
	call nd_stub_main		; does not return

; uint32_t nd_stub_dini(uint32_t entry_phys, uint32_t handoff_phys, uint32_t crash_phys)
nd_stub_dini:
	push ebx
	push esi
	push edi
	push ebp
	mov ecx, [esp + 20]
	mov esi, [esp + 24]
	mov ebx, [esp + 28]
	mov eax, 0x494E4944		; ND_DINI_ENTER
	call ecx
	pop ebp
	pop edi
	pop esi
	pop ebx
	ret

; nd_stub_reboot - resets the machine; needs no stack.
nd_stub_reboot:
	mov ecx, KBC_POLLS
.kbc:
	in al, KBC_PORT
	test al, KBC_INPUT_FULL
	loopnz .kbc
	mov al, KBC_RESET
	out KBC_PORT, al
	call settle

	mov dx, RESET_PORT
	mov al, RESET_HARD
	out dx, al
	or al, 0x04
	out dx, al
	call settle

	ud2				; the IDT has limit 0: triple fault

; settle - time for a reset to happen; about a second.  Clobbers EAX, ECX.
settle:
	mov ecx, RESET_POLLS
.wait:
	in al, 0x80
	loop .wait
	ret

nd_stub_halt:
	cli
	hlt
	jmp nd_stub_halt

section .note.GNU-stack noalloc noexec nowrite progbits
