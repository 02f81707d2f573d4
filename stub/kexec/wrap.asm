; SPDX-License-Identifier: GPL-2.0-or-later
; wrap.asm - the stub inside a Linux bzImage: runs first at the kernel's two entries, and goes on
; to them if there is no dump.
;
; netdump-wrap appends this part to the kernel's protected-mode code, and puts jumps to its
; entries in the place of that code's first bytes and of those at 200h.
; Position: anywhere; everything is addressed relative to `part`.

extern nd_wrap_main
extern wrap_stack_top			; wrap.ld

MSR_EFER	equ 0xC0000080
EFER_LME	equ 0x100
CR0_PG		equ 0x80000000
CR4_PCIDE	equ 0x20000
PARAMS_SCRATCH	equ 0x1E4		; in the boot parameters: the kernel begins its stack there, too
ENTRY64		equ 0x200		; Linux boot protocol: from the start of the kernel
PATCH_BYTES	equ 5			; a near jump

; Linux boot protocol: __BOOT_CS is 10h in either mode, __BOOT_DS 18h.
SEL_BOOT_CS	equ 0x10
SEL_BOOT_DS	equ 0x18
SEL_CODE32	equ 0x20		; of the 64-bit entry

COM1		equ 0x3F8
LSR_EMPTY	equ 0x20
WAIT_POLLS	equ 500000

section .head progbits alloc exec write align=16
; netdump-wrap knows the layout up to `flat_gdt`.
part:
	db "$NETDUMP-WRAPPED"
	dd entry32 - part
	dd entry64 - part
kernel_distance:
	dd 0				; filled in: from the kernel's start to `part`
kernel_bytes32:
	times 8 db 0			; filled in: what was where the jumps are, PATCH_BYTES each
kernel_bytes64:
	times 8 db 0

	align 8
; Accessed already: the CPU need not write to them.
flat_gdt:
	dq 0, 0
	dq 0x00CF9B000000FFFF		; SEL_BOOT_CS
	dq 0x00CF93000000FFFF		; SEL_BOOT_DS
long_gdt:
	dq 0, 0
	dq 0x00AF9B000000FFFF		; SEL_BOOT_CS
	dq 0x00CF93000000FFFF		; SEL_BOOT_DS
	dq 0x00CF9B000000FFFF		; SEL_CODE32
long_gdt_end:
gdtr:
	dw 0
	dq 0
no_idt:
	dw 0				; any exception meanwhile: a reset, not a stray jump
	dq 0
idtr:
	dw 0
	dq 0
stack_distance	dd wrap_stack_top - $	; from here
saved_cr0	dd 0
saved_cr3	dd 0
saved_cr4	dd 0

too_high_text:
	db 13, 10, "stub: loaded above 4 GiB, where no dump begins: on to the kernel", 13, 10, 0

; The kernel's own bytes back in their places; its start in %1ax.  Clobbers %1cx.
; %1: e or r, the mode's registers; %1bp: `part`.
%macro kernel_restore 1
	mov eax, [%1bp + kernel_distance - part]
	neg %1ax
	add %1ax, %1bp
%assign i 0
%rep PATCH_BYTES
	mov cl, [%1bp + kernel_bytes32 - part + i]
	mov [%1ax + i], cl
	mov cl, [%1bp + kernel_bytes64 - part + i]
	mov [%1ax + ENTRY64 + i], cl
%assign i i + 1
%endrep
%endmacro

%macro segments_load 0
	mov eax, SEL_BOOT_DS
	mov ds, eax
	mov es, eax
	mov fs, eax
	mov gs, eax
	mov ss, eax
%endmacro

; entry32 - jumped to from the kernel's start.
; In:    Linux' 32-bit boot protocol: flat protected mode, paging off, IF = 0, ESI = phys of the
;        boot parameters, EBX, EBP, EDI.
; Out:   jumps to the kernel's start, as the protocol has it.
; In between: CR4 = 0, IDT limit 0.
bits 32
entry32:
	cli
	cld
	lea esp, [esi + PARAMS_SCRATCH + 4]
	call .here
.here:
	pop eax
	mov esp, [eax + stack_distance - .here]
	lea esp, [eax + esp + stack_distance - .here]
	push ebx
	push ebp
	push edi
	lea ebp, [eax + part - .here]

	lea eax, [ebp + flat_gdt - part]
	mov word [ebp + gdtr - part], long_gdt - flat_gdt - 1
	mov [ebp + gdtr - part + 2], eax
	lgdt [ebp + gdtr - part]
	sidt [ebp + idtr - part]
	lidt [ebp + no_idt - part]
	push dword SEL_BOOT_CS
	lea eax, [ebp + .flat - part]
	push eax
	retf
.flat:
	segments_load
	mov eax, cr4
	mov [ebp + saved_cr4 - part], eax
	xor eax, eax
	mov cr4, eax
	push esi			; the ABI's alignment: three pushes above
	call nd_wrap_main
	pop esi

	mov eax, [ebp + saved_cr4 - part]
	mov cr4, eax
	lidt [ebp + idtr - part]
	kernel_restore e
	pop edi
	pop ebp
	pop ebx
	jmp eax

; entry64 - jumped to from the kernel's start + 200h.
; In:    Linux' 64-bit boot protocol: long mode, IF = 0, the kernel and RSI = its boot parameters
;        mapped one to one.
; Out:   jumps there, as the protocol has it; CR0, CR3, CR4, EFER, IDTR, RBX, RBP, RDI as before.
; In between: 32-bit flat mode, paging off, CR4 = 0, EFER.LME = 0, IDT limit 0; so all must lie
;        below 4 GiB, or nothing is done.
bits 64
entry64:
	cli
	cld
	lea rsp, [rel wrap_stack_top]
	push rbx
	push rbp
	push rdi
	push rsi
	lea rbp, [rel part]
	mov rax, cr3
	or rax, rbp
	or rax, rsi
	shr rax, 32
	jnz .too_high

	lea rax, [rel long_gdt]
	mov word [rel gdtr], long_gdt_end - long_gdt - 1
	mov [rel gdtr + 2], rax
	lgdt [rel gdtr]
	sidt [rel idtr]
	lidt [rel no_idt]
	mov rax, cr0
	mov [rel saved_cr0], eax
	mov rax, cr3
	mov [rel saved_cr3], eax
	mov rax, cr4
	mov [rel saved_cr4], eax
	and eax, ~CR4_PCIDE		; or paging cannot be left
	mov cr4, rax
	push qword SEL_CODE32
	lea rax, [rel .compatible]
	push rax
	retfq
bits 32
.compatible:
	segments_load
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
	sub esp, 12			; the ABI's alignment
	push esi
	call nd_wrap_main
	add esp, 16

	mov eax, [ebp + saved_cr4 - part]
	and eax, ~CR4_PCIDE
	mov cr4, eax
	mov eax, [ebp + saved_cr3 - part]
	mov cr3, eax
	mov ecx, MSR_EFER
	rdmsr
	or eax, EFER_LME
	wrmsr
	mov eax, [ebp + saved_cr0 - part]
	mov cr0, eax
	push dword SEL_BOOT_CS
	lea eax, [ebp + .long - part]
	push eax
	retf
bits 64
.long:
	mov eax, [rel saved_cr4]
	mov cr4, rax
	lidt [rel idtr]
	mov ebp, ebp			; what a mode switch leaves above bit 31 is undefined
	mov esp, esp
.on:
	kernel_restore r
	add rax, ENTRY64
	pop rsi
	pop rdi
	pop rbp
	pop rbx
	jmp rax

.too_high:
	lea rsi, [rel too_high_text]
.character:
	lodsb
	test al, al
	jz .on
	mov ah, al
	mov ecx, WAIT_POLLS
	mov dx, COM1 + 5
.wait:
	in al, dx
	test al, LSR_EMPTY
	loopz .wait
	mov al, ah
	mov dx, COM1
	out dx, al
	jmp .character

section .note.GNU-stack noalloc noexec nowrite progbits
