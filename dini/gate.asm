; SPDX-License-Identifier: GPL-2.0-or-later
; gate.asm - between long mode and 32-bit flat mode, and the call of the gate.
;
; Mode: as each label says.  The switches run at the image's identity alias, because
; paging goes off under them.  IF = 0 throughout.

%include "dini/boot.inc"

extern nd_boot
extern nd_stack32_top

global nd_mode_long32
global nd_mode_flat64
global nd_gate_enter64

section .text progbits alloc exec nowrite align=16

; nd_mode_long32 - near-called in 32-bit flat mode, paging off, own GDT loaded;
; returns in long mode.
; In:       EBP = base phys, ESP = identity alias of an own stack
; Out:      64-bit code at the return address's identity alias, ESP as before the call,
;           own tables, SSE on, %fs at nd_boot.fs_block, image write-protected
; Clobbers: RAX, RCX, RDX; the high halves of all registers
bits 32
nd_mode_long32:
	mov eax, CR4_PAE | CR4_SSE | CR4_MCE
	mov cr4, eax
	lea eax, [ebp + tables_off]
	mov cr3, eax
	mov ecx, MSR_EFER
	rdmsr
	or eax, EFER_LME
	wrmsr
	mov eax, CR0_PE | CR0_MP | CR0_NE | CR0_WP | CR0_PG
	mov cr0, eax
	mov eax, SEL_DATA
	mov ds, eax
	mov es, eax
	mov fs, eax
	mov gs, eax
	mov ss, eax
	pop edx
	push dword SEL_CODE64
	call .next
.next:
	add dword [esp], .long - .next
	retf
bits 64
.long:
	mov esp, esp			; the high half is undefined after the switch
	mov ebp, ebp
	mov eax, edx
	push rax
	mov rdx, nd_boot + B_FS_BLOCK	; home address
	mov eax, edx
	shr rdx, 32
	mov ecx, MSR_FS_BASE
	wrmsr
	push qword 0x1F80
	ldmxcsr [rsp]
	add rsp, 8
	fninit
	ret

; nd_mode_flat64 - near-called in long mode, from the home or the identity alias;
; returns in 32-bit flat mode.
; In:       EBP = base phys, RSP = identity alias of an own stack
; Out:      32-bit code at the return address's identity alias, ESP as before the call,
;           CR0 = PE only, CR4 = 0, EFER.LME = 0, flat segments of the own GDT
; Clobbers: RAX, RCX, RDX; R8 to R15 stay as long as nobody enters long mode
bits 64
nd_mode_flat64:
	pop rdx
	mov eax, edx
	cmp rdx, rax
	je .low				; called from the identity alias
	add eax, ebp
.low:
	mov edx, eax
	lea rax, [rel .compat]
	mov ecx, eax
	cmp rax, rcx
	je .here
	add ecx, ebp
.here:
	push qword SEL_CODE32
	push rcx
	retfq
bits 32
.compat:
	push edx
	mov eax, SEL_DATA
	mov ds, eax
	mov es, eax
	mov fs, eax
	mov gs, eax
	mov ss, eax
	mov eax, CR0_PE | CR0_NE | CR0_MP
	mov cr0, eax			; paging off
	mov ecx, MSR_EFER
	rdmsr
	and eax, ~EFER_LME
	wrmsr
	xor eax, eax
	mov cr4, eax
	ret

; nd_gate_enter64(EDI = entry_phys) - see boot.h.
bits 64
nd_gate_enter64:
	push rbx
	push rbp
	push r12
	push r13
	push r14
	push r15
	mov [rel nd_boot + B_RSP], rsp
	mov ebp, [rel nd_boot + B_BASE]
	lea rcx, [rel nd_stack32_top]
	lea esp, [rcx + rbp]
	mov ebx, edi
	call nd_mode_flat64
bits 32
	call ebx
	call nd_mode_long32
bits 64
	mov rax, .home
	jmp rax
.home:
	mov rsp, [rel nd_boot + B_RSP]
	pop r15
	pop r14
	pop r13
	pop r12
	pop rbp
	pop rbx
	cld
	ret
