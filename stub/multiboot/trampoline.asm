; SPDX-License-Identifier: GPL-2.0-or-later
; trampoline.asm - from long mode to DINI, and back if it refuses.
;
; The kernel is linked where it is loaded, below 4 GiB, and mapped one to one, so this
; code goes on running when paging ends.

MSR_EFER	equ 0xC0000080
EFER_LME	equ 0x100
CR0_PG		equ 0x80000000
CR4_PCIDE	equ 0x20000
SEL_CODE64	equ 0x08
SEL_DATA	equ 0x10
SEL_CODE32	equ 0x18
ND_DINI_ENTER	equ 0x494E4944

extern nd_gdtr
global nd_flat_call

section .bss nobits alloc noexec write align=16
saved_cr0	resd 1
saved_cr3	resd 1
saved_cr4	resd 1
saved_rsp	resd 1
saved_idtr	resb 16
result		resd 1

section .rodata progbits alloc noexec nowrite align=8
no_idt:
	dw 0				; any exception in DINI's entry: a reset, not a stray jump
	dq 0

section .text progbits alloc exec nowrite align=16
bits 64
; uint32_t nd_flat_call(uint32_t entry_phys, uint32_t handoff_phys, uint32_t crash_phys)
; In:   EDI, ESI, EDX.  IF = 0; the stack below 4 GiB, mapped one to one.
; Out:  EAX = what DINI returned; everything else as the C ABI wants it, GDT, IDT and
;       page tables as before.
; In between: 32-bit flat segments, paging off, EFER.LME = 0, CR4 = 0, IDT limit 0.
nd_flat_call:
	push rbx
	push rbp
	push r12
	push r13
	push r14
	push r15
	mov rax, cr0
	mov [saved_cr0], eax
	mov rax, cr3
	mov [saved_cr3], eax
	mov rax, cr4
	and eax, ~CR4_PCIDE		; paging cannot be turned off with it: Intel SDM 3, section 2.5
	mov cr4, rax
	mov [saved_cr4], eax
	mov [saved_rsp], esp
	sidt [saved_idtr]
	lidt [no_idt]
	lgdt [nd_gdtr]
	mov ebp, edi			; entry
	mov ebx, edx			; crash; ESI is the handoff block already
	push qword SEL_CODE32
	mov eax, .compatible
	push rax
	retfq
bits 32
.compatible:
	mov eax, SEL_DATA
	mov ds, eax
	mov es, eax
	mov fs, eax
	mov gs, eax
	mov ss, eax
	mov eax, cr0
	and eax, ~CR0_PG
	mov cr0, eax
	jmp .flat
.flat:
	mov ecx, MSR_EFER
	rdmsr
	and eax, ~EFER_LME
	wrmsr
	xor eax, eax
	mov cr4, eax
	mov eax, ND_DINI_ENTER
	call ebp

	mov [result], eax
	mov eax, [saved_cr4]
	mov cr4, eax
	mov eax, [saved_cr3]
	mov cr3, eax
	mov ecx, MSR_EFER
	rdmsr
	or eax, EFER_LME
	wrmsr
	mov eax, [saved_cr0]
	mov cr0, eax
	jmp SEL_CODE64:.long
bits 64
.long:
	mov esp, [saved_rsp]
	lidt [saved_idtr]
	mov eax, [result]
	pop r15
	pop r14
	pop r13
	pop r12
	pop rbp
	pop rbx
	ret

section .note.GNU-stack noalloc noexec nowrite progbits
