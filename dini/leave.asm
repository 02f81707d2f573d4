; SPDX-License-Identifier: GPL-2.0-or-later
;
; leave.asm - off a stack that had secrets on it.
;
; Mode: long mode, on DINI's home stack or on what an exception left of it.

global nd_stack_leave64

extern nd_stack64
extern nd_stack64_top

section .text progbits alloc exec nowrite align=16
bits 64
; nd_stack_leave64 - jumps to a function that never returns, on an empty stack, when the whole
; stack and the SSE registers hold zeros.
; In: RDI = the function.  Clobbers everything.
nd_stack_leave64:
	mov rdx, rdi
	mov rsp, nd_stack64_top
	mov rdi, nd_stack64
	mov rcx, rsp
	sub rcx, rdi
	shr rcx, 3
	xor eax, eax
	cld
	rep stosq
%assign i 0
%rep 16
	pxor xmm%[i], xmm%[i]
%assign i i + 1
%endrep
	call rdx
