; SPDX-License-Identifier: GPL-2.0-or-later
; vectors.asm - where exceptions enter the reference kernel.  Long mode, IF = 0.

VECTORS		equ 33			; ND_TRAP_VECTORS
VECTOR_BYTES	equ 16			; ND_VECTOR_BYTES

extern nd_trap
global nd_vectors

section .text progbits alloc exec nowrite align=16
bits 64

; One entry per vector.  The stack gets the layout of struct nd_regs; an exception without
; an error code gets 0 in its place.
align 16
nd_vectors:
%assign vector 0
%rep VECTORS
	align VECTOR_BYTES
%if vector != 8 && (vector < 10 || vector > 14) && vector != 17 && vector != 21 && vector != 29 && vector != 30
	push byte 0
%endif
	push rdi
	mov edi, vector
	jmp near trap
%assign vector vector + 1
%endrep

trap:
	push rsi
	push rdx
	push rcx
	push rax
	push r8
	push r9
	push r10
	push r11
	push rbx
	push rbp
	push r12
	push r13
	push r14
	push r15
	mov rsi, rsp
	cld
	and rsp, -16
	call nd_trap			; does not return

section .note.GNU-stack noalloc noexec nowrite progbits
