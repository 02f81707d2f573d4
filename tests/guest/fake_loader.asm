; SPDX-License-Identifier: GPL-2.0-or-later
; fake_loader.asm - enters a kernel by Linux' 32-bit or 64-bit boot protocol.
;
; Mode: 32-bit flat, paging off, entered by a multiboot 1 loader, whose command line is passed
; on.  ORDER, which the test puts into memory, says where to go.

%include "tests/guest/fake_boot.inc"

LOAD		equ 0x100000
MULTIBOOT	equ 0x1BADB002
FLAGS		equ 0x10000		; load addresses in the header
GIBS		equ 6			; mapped one to one

bits 32
org LOAD
header:
	dd MULTIBOOT, FLAGS, -(MULTIBOOT + FLAGS)
	dd header, LOAD, end, end, entry

entry:
	cld
	mov edi, PARAMS
	mov ecx, 0x1000 / 4
	xor eax, eax
	rep stosd
	mov eax, [ebx + 16]		; multiboot information: command line
	mov [PARAMS + 0x228], eax
	mov dword [CORE_HEADER], 0x464C457F
	mov esp, end			; for the far jumps alone
	lidt [idtr]
	cmp dword [ORDER + 8], 0
	jne long_enter

	mov eax, LOADER_CR4
	mov cr4, eax
	lgdt [flat_gdtr]
	jmp BOOT_CS:.flat
.flat:
	call segments_load
	mov esi, PARAMS
	xor ebx, ebx
	xor ebp, ebp
	xor edi, edi
	mov esp, 0x300			; the protocol says nothing about a stack
	jmp [ORDER]

long_enter:
	mov edi, TABLES
	mov ecx, (2 + GIBS) * 0x1000 / 4
	xor eax, eax
	rep stosd
	mov dword [TABLES], TABLES + 0x1000 + 3
	mov eax, TABLES + 0x2000 + 3
	mov ecx, GIBS
	mov edi, TABLES + 0x1000
.gib:
	mov [edi], eax
	add eax, 0x1000
	add edi, 8
	loop .gib
	mov edi, TABLES + 0x2000
	mov ecx, GIBS * 512
	mov eax, 0x83			; 2 MiB
	xor edx, edx
.page:
	mov [edi], eax
	mov [edi + 4], edx
	add eax, 0x200000
	adc edx, 0
	add edi, 8
	loop .page
	mov eax, TABLES
	mov cr3, eax
	mov eax, LOADER_CR4
	mov cr4, eax
	mov ecx, 0xC0000080
	rdmsr
	or eax, 0x900			; LME, NXE
	wrmsr
	mov eax, LOADER_CR0
	mov cr0, eax
	lgdt [long_gdtr]
	jmp BOOT_CS:.long
bits 64
.long:
	call segments_load
	mov esi, PARAMS
	mov ebx, RBX_MARK
	mov ebp, RBP_MARK
	mov edi, RDI_MARK
	mov esp, 0x300
	jmp [ORDER]

; The same in both modes.
segments_load:
	mov eax, BOOT_DS
	mov ds, eax
	mov es, eax
	mov fs, eax
	mov gs, eax
	mov ss, eax
	ret

	align 8
flat_gdt:
	dq 0, 0, 0x00CF9B000000FFFF, 0x00CF93000000FFFF
long_gdt:
	dq 0, 0, 0x00AF9B000000FFFF, 0x00CF93000000FFFF
flat_gdtr:
	dw long_gdt - flat_gdt - 1
	dd flat_gdt
long_gdtr:
	dw 31
	dd long_gdt
idtr:
	dw IDT_LIMIT
	dd IDT_BASE
	times 64 db 0
end:
