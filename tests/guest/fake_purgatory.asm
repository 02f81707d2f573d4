; SPDX-License-Identifier: GPL-2.0-or-later
; fake_purgatory.asm - enters the crash image as kexec's purgatory does, without a Linux.
;
; Mode: 32-bit flat, paging off, entered by a multiboot 1 loader.  The test puts the
; crash image's one segment at STUB_BASE; the loader's command line is passed on.

LOAD		equ 0x100000
PARAMS		equ 0x300000		; Linux boot parameters
CORE_HEADER	equ 0x301000		; something that looks like an ELF core header
STUB_BASE	equ 0x345000
MULTIBOOT	equ 0x1BADB002
FLAGS		equ 0x10000		; load addresses in the header

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
	mov esi, PARAMS
	mov esp, 0x300			; what purgatory leaves is not ours to use
	mov eax, [STUB_BASE + 24]	; e_entry
	add eax, STUB_BASE
	xor ebx, ebx
	jmp eax
end:
