; SPDX-License-Identifier: GPL-2.0-or-later
; head.asm - the reference kernel's multiboot header and its way into long mode.
;
; Mode: entered in 32-bit flat protected mode, paging off, IF = 0, EAX = the loader's magic,
; EBX = phys of the multiboot information; leaves to nd_ref_main() in long mode on the
; kernel's stack, the first 4 GiB mapped one to one.
;
; AOUT: the header carries the load addresses, so that the image can be a flat file.

MB_MAGIC	equ 0x1BADB002
MB_ALIGN	equ 0x00001		; modules on pages
MB_MEMORY	equ 0x00002		; memory information wanted
MB_ADDRESSES	equ 0x10000		; load addresses below, not in an ELF header
%ifdef AOUT
MB_FLAGS	equ MB_ALIGN | MB_MEMORY | MB_ADDRESSES
%else
MB_FLAGS	equ MB_ALIGN | MB_MEMORY
%endif

STACK_BYTES	equ 0x4000
MSR_EFER	equ 0xC0000080
EFER_LME	equ 0x100
P_USED		equ 0x03
P_LARGE		equ 0x80
SEL_CODE64	equ 0x08
SEL_DATA	equ 0x10
COM1		equ 0x3F8

extern nd_image_start
extern nd_load_end
extern nd_image_end
extern nd_ref_main

global nd_ref_entry
global nd_gdt
global nd_gdtr
global nd_stack_guard
global nd_stack_top

section .multiboot progbits alloc noexec nowrite align=4
header:
	dd MB_MAGIC, MB_FLAGS, -(MB_MAGIC + MB_FLAGS)
	dd header, nd_image_start, nd_load_end, nd_image_end, nd_ref_entry

section .data progbits alloc noexec write align=8
nd_gdt:
	dq 0
	dq 0x00AF9B000000FFFF		; 0x08 SEL_CODE64
	dq 0x00CF93000000FFFF		; 0x10 SEL_DATA
	dq 0x00CF9B000000FFFF		; 0x18 SEL_CODE32
	dq 0, 0				; 0x20 SEL_TSS, filled by trap.c
GDT_BYTES	equ $ - nd_gdt
nd_gdtr:
	dw GDT_BYTES - 1
	dq nd_gdt

section .bss nobits alloc noexec write align=4096
boot_pml4:
	resb 0x1000
boot_pdpt:
	resb 0x1000
boot_pd:
	resb 0x4000			; 4 GiB in 2 MiB pages
nd_stack_guard:
	resb 0x1000
	resb STACK_BYTES
nd_stack_top:

section .text progbits alloc exec nowrite align=16
bits 32
nd_ref_entry:
	cli
	cld
	mov esp, nd_stack_top
	mov edi, eax			; nd_ref_main's arguments, where long mode wants them
	mov esi, ebx
	call long_mode_check32

	mov dword [boot_pml4], boot_pdpt + P_USED
	mov eax, boot_pd + P_USED
	mov ecx, boot_pdpt
.gib:
	mov [ecx], eax
	add eax, 0x1000
	add ecx, 8
	cmp eax, boot_pd + 0x4000
	jb .gib
	mov eax, P_USED | P_LARGE
	mov ecx, boot_pd
.page:
	mov [ecx], eax
	add ecx, 8
	add eax, 0x200000
	jnc .page			; wraps after 4 GiB

	mov eax, boot_pml4
	mov cr3, eax
	mov eax, 0x20			; PAE
	mov cr4, eax
	mov ecx, MSR_EFER
	rdmsr
	or eax, EFER_LME
	wrmsr
	mov eax, 0x80010001		; paging, write protection, protected mode
	mov cr0, eax
	lgdt [nd_gdtr]
	jmp SEL_CODE64:.long
bits 64
.long:
	mov eax, SEL_DATA
	mov ds, eax
	mov es, eax
	mov fs, eax
	mov gs, eax
	mov ss, eax
	xor ebp, ebp
	call nd_ref_main		; does not return

; long_mode_check32 - does not return on a CPU without long mode.  Keeps ESI, EDI.
bits 32
long_mode_check32:
	mov eax, 0x80000000
	cpuid
	cmp eax, 0x80000001
	jb .none
	mov eax, 0x80000001
	cpuid
	bt edx, 29
	jnc .none
	ret
.none:
	mov esi, .text_none
.character:
	mov dx, COM1 + 5
	in al, dx
	test al, 0x20
	jz .character
	lodsb
	mov dx, COM1
	out dx, al
	test al, al
	jnz .character
.halt:
	cli
	hlt
	jmp .halt
.text_none:
	db "ref: this CPU has no long mode", 13, 10, 0

section .note.GNU-stack noalloc noexec nowrite progbits
