; SPDX-License-Identifier: GPL-2.0-or-later
; vectors.asm - the first instructions of DINI's exception handlers, and the end of one of the
; system's.
;
; Mode: long mode, the handlers entered by the CPU on the current stack, IF = 0.

extern nd_exception_report
extern nd_alarm_nmis

global nd_vectors
global nd_nmi_open64

EXCEPTIONS	equ 32
WITH_ERROR	equ 0x60227D00		; vectors whose frame holds an error code already
PROTECTION	equ 13
OP_RDMSR		equ 0x320F		; as they lie in memory
OP_WRMSR		equ 0x300F

section .text progbits alloc exec nowrite align=16
bits 64

%assign n 0
%rep EXCEPTIONS
vector_%+n:
%if n == 2
	inc dword [rel nd_alarm_nmis]	; NMI: the alarm's, and no firmware runs
	iretq
%elif n == PROTECTION
	jmp protection
%else
%if ((WITH_ERROR >> n) & 1) == 0
	push qword 0
%endif
	push qword n
	jmp report
%endif
%assign n n + 1
%endrep

; An MSR that this CPU does not have, whatever its maker: it reads as 0, and takes no write.
; Stack: error code, RIP, CS, RFLAGS, RSP, SS.
protection:
	push rax
	mov rax, [rsp + 16]
	cmp word [rax], OP_RDMSR
	je .read
	cmp word [rax], OP_WRMSR
	je .written
	pop rax
	push qword PROTECTION
	jmp report
.read:
	xor edx, edx
	mov [rsp], rdx
.written:
	pop rax
	add rsp, 8
	add qword [rsp], 2		; behind it
	iretq

; Stack: vector, error code, RIP, CS, RFLAGS, RSP, SS: struct nd_exception_frame.
; Does not return.
report:
	mov rdi, rsp
	and rsp, -16
	cld
	call nd_exception_report

; nd_nmi_open64 - see exception.h.  Clobbers RAX, RCX.
nd_nmi_open64:
	mov rcx, rsp
	mov eax, ss
	push rax
	push rcx
	pushfq
	mov eax, cs
	push rax
	lea rax, [rel .open]
	push rax
	iretq
.open:
	ret

section .rodata progbits alloc noexec nowrite align=16
nd_vectors:
%assign n 0
%rep EXCEPTIONS
	dq vector_%+n
%assign n n + 1
%endrep
