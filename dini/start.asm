; SPDX-License-Identifier: GPL-2.0-or-later
; start.asm - DINI's file header, its entry from a stub, its way back when it refuses.
;
; Mode: entered in 32-bit flat protected mode with paging off (handoff.h "Entering
; DINI"), goes on in long mode.  Position: anywhere; EBP holds the region's physical
; address throughout the 32-bit code.

%include "dini/boot.inc"

ND_DINI_ENTER		equ 0x494E4944
ND_DINI_VISIT		equ 0x54495356
ND_VISIT_LIVE		equ 0x4556494C	; visit.h
ND_DINI_FILE_MAGIC	equ 0x46494E44
ND_HANDOFF_VERSION	equ 3
ND_REFUSED_MAGIC	equ 1
ND_REFUSED_CPU		equ 4

; page tables, in order, one page each (four for T_LOW_PD)
T_PML4		equ 0x0000
T_LOW_PDPT	equ 0x1000
T_LOW_PD	equ 0x2000		; identity, 4 GiB
T_HOME_PDPT	equ 0x6000
T_HOME_PD	equ 0x7000
T_HOME_PT	equ 0x8000		; DINI's region at ND_DINI_LINEAR
T_WINDOW_PDPT	equ 0x9000
T_WINDOW_PD	equ 0xA000		; filled by memory.c
T_REGISTERS_PD	equ 0xB000		; filled by registers.c
T_BYTES		equ 0xC000
PML4_HOME	equ 2			; 1 TiB / 512 GiB
PML4_WINDOW	equ 4			; 2 TiB / 512 GiB
PORT_A		equ 0x92
PORT_A_RESET	equ 0x01
PORT_A_A20	equ 0x02
P_READ		equ 0x01
P_WRITE		equ 0x03
P_LARGE		equ 0x80

extern image_bytes
extern memory_bytes
extern entry_offset
extern nd_main64
extern nd_mode_long32
extern nd_mode_flat64

global nd_entry32
global nd_return64
global nd_gdt
global nd_boot
global nd_visit_live
global nd_tables
global nd_window_directory
global nd_registers_directory
global nd_stack32_top
global nd_stack64
global nd_stack64_top

section .header progbits alloc noexec nowrite align=16
	dd ND_DINI_FILE_MAGIC
	dw ND_HANDOFF_VERSION
	dw 20
	dd image_bytes
	dd memory_bytes
	dd entry_offset

	align 16
; Every descriptor has its accessed bit set already: the CPU must not write to the image.
nd_gdt:
	dq 0
	dq 0x00CF9B000000FFFF		; SEL_CODE32
	dq 0x00CF93000000FFFF		; SEL_DATA
	dq 0x00AF9B000000FFFF		; SEL_CODE64
GDT_BYTES equ $ - nd_gdt

section .bss nobits alloc noexec write align=4096
nd_tables:
	resb T_WINDOW_PD
nd_window_directory:
	resb T_REGISTERS_PD - T_WINDOW_PD
nd_registers_directory:
	resb T_BYTES - T_REGISTERS_PD
nd_stack64:
	resb 0x8000
nd_stack64_top:
nd_stack32:
	resb 0x1000
nd_stack32_top:
	alignb 16
nd_boot:
	resb B_BYTES
nd_visit_live:
	resd 1

section .text progbits alloc exec nowrite align=16
bits 32
; nd_entry32 - see handoff.h "Entering DINI" and "Visiting DINI".
; Clobbers nothing but EAX when it returns; needs 64 bytes of the caller's stack.
nd_entry32:
	cmp eax, ND_DINI_ENTER
	je .ours
	cmp eax, ND_DINI_VISIT
	je .ours
	mov eax, ND_REFUSED_MAGIC
	ret
.ours:
	pushad
	pushfd
	cli
	cld
	call .here
.here:
	pop ebp
	sub ebp, entry_offset + (.here - nd_entry32)
	push eax
	call cpu_has_long32
	pop eax
	jc refuse_cpu32
	push eax
	call a20_open32
	pop eax

	cmp eax, ND_DINI_VISIT
	jne .zero
	cmp dword [ebp + live_off], ND_VISIT_LIVE
	je .zeroed			; what it knows from its visits before
.zero:
	mov edx, eax
	mov edi, ebp			; memory behind the image: whatever the last
	add edi, image_bytes		; run or the system left there
	mov ecx, memory_bytes
	sub ecx, image_bytes
	shr ecx, 2
	xor eax, eax
	rep stosd
	mov eax, edx
.zeroed:
	mov [ebp + boot_off + B_MAGIC], eax
	call caller_save32
	call tables_build32

	lea eax, [ebp + gdt_off]
	mov word [ebp + boot_off + B_OWN_GDTR], GDT_BYTES - 1
	mov [ebp + boot_off + B_OWN_GDTR + 2], eax
	lgdt [ebp + boot_off + B_OWN_GDTR]
	lea esp, [ebp + stack32_top_off]
	call nd_mode_long32
bits 64
	mov rax, .home
	jmp rax
.home:
	mov rsp, nd_stack64_top
	call nd_main64
	mov edi, eax
; nd_return64(EDI = enum nd_refusal) - long mode, on any stack of DINI's; does not come back.
nd_return64:
	mov eax, edi
	mov [rel nd_boot + B_REFUSAL], eax
	mov eax, [rel nd_boot + B_BASE]
	mov ebp, eax
	lea rcx, [rel nd_stack32_top]
	lea esp, [rcx + rax]		; low half of the home address + base: identity alias
	call nd_mode_flat64
bits 32
	jmp caller_restore32

refuse_cpu32:
	popfd
	popad
	mov eax, ND_REFUSED_CPU
	ret

; a20_open32 - every second MiB is memory of its own, as the firmware has it.  Bit 0 of the
; port is a reset.  Clobbers EAX.
a20_open32:
	in al, PORT_A
	test al, PORT_A_A20
	jnz .open
	or al, PORT_A_A20
	and al, ~PORT_A_RESET & 0xFF
	out PORT_A, al
.open:
	ret

; cpu_has_long32 - CF = 1 if the CPU has no CPUID, no long mode or no SSE2.
; Clobbers EAX, ECX, EDX; keeps EBX.
cpu_has_long32:
	push ebx
	pushfd
	pop eax
	mov ecx, eax
	xor eax, 1 << 21		; EFLAGS.ID can be changed: there is CPUID
	push eax
	popfd
	pushfd
	pop eax
	push ecx
	popfd
	xor eax, ecx
	jz .no
	mov eax, 0x80000000
	cpuid
	cmp eax, 0x80000001
	jb .no
	mov eax, 0x80000001
	cpuid
	bt edx, 29
	jnc .no
	mov eax, 1
	cpuid
	bt edx, 26
	jnc .no
	pop ebx
	clc
	ret
.no:
	pop ebx
	stc
	ret

; caller_save32 - remembers what a refusal has to give back.
; In: ESP = where pushfd left it, plus this call.  Clobbers EAX, ECX, EDX, EDI.
caller_save32:
	lea edi, [ebp + boot_off]
	mov [edi + B_BASE], ebp
	mov [edi + B_HANDOFF], esi
	mov [edi + B_CRASH], ebx
	lea eax, [esp + 4]
	mov [edi + B_ESP], eax
	mov eax, cr0
	mov [edi + B_CR0], eax
	mov eax, cr3
	mov [edi + B_CR3], eax
	mov eax, cr4
	mov [edi + B_CR4], eax
	mov ecx, MSR_EFER
	rdmsr
	mov [edi + B_EFER], eax
	mov [edi + B_CS], cs
	mov [edi + B_DS], ds
	mov [edi + B_ES], es
	mov [edi + B_FS], fs
	mov [edi + B_GS], gs
	mov [edi + B_SS], ss
	sgdt [edi + B_GDTR]
	sidt [edi + B_IDTR]
	ret

; caller_restore32 - jumped to in 32-bit flat mode, paging off, own GDT: returns to the
; caller of nd_entry32 with nd_boot.refusal in EAX and all else as it was.
caller_restore32:
	lea edi, [ebp + boot_off]
	mov eax, [edi + B_CR4]
	mov cr4, eax
	mov eax, [edi + B_CR3]
	mov cr3, eax
	mov ecx, MSR_EFER
	rdmsr
	mov eax, [edi + B_EFER]
	wrmsr
	mov eax, [edi + B_CR0]
	mov cr0, eax
	lgdt [edi + B_GDTR]
	lidt [edi + B_IDTR]
	mov ss, [edi + B_SS]
	mov esp, [edi + B_ESP]
	mov eax, [edi + B_REFUSAL]
	mov [esp + 4 + 28], eax		; EAX among what pushad left, above the flags
	movzx eax, word [edi + B_CS]
	push eax
	call .next
.next:
	add dword [esp], .caller_cs - .next
	retf
.caller_cs:
	mov es, [edi + B_ES]
	mov fs, [edi + B_FS]
	mov gs, [edi + B_GS]
	mov ds, [edi + B_DS]
	popfd
	popad
	ret

; tables_build32 - DINI's page tables in its zeroed memory.  Clobbers EAX, ECX, EDX, EDI.
tables_build32:
	lea edi, [ebp + tables_off]
	lea eax, [edi + T_LOW_PDPT + P_WRITE]
	mov [edi + T_PML4], eax
	lea eax, [edi + T_HOME_PDPT + P_WRITE]
	mov [edi + T_PML4 + PML4_HOME * 8], eax
	lea eax, [edi + T_WINDOW_PDPT + P_WRITE]
	mov [edi + T_PML4 + PML4_WINDOW * 8], eax
	lea eax, [edi + T_HOME_PD + P_WRITE]
	mov [edi + T_HOME_PDPT], eax
	lea eax, [edi + T_HOME_PT + P_WRITE]
	mov [edi + T_HOME_PD], eax
	lea eax, [edi + T_WINDOW_PD + P_WRITE]
	mov [edi + T_WINDOW_PDPT], eax
	lea eax, [edi + T_REGISTERS_PD + P_WRITE]
	mov [edi + T_WINDOW_PDPT + 8], eax

	lea eax, [edi + T_LOW_PD + P_WRITE]
	xor ecx, ecx
.gib:
	mov [edi + T_LOW_PDPT + ecx * 8], eax
	add eax, 0x1000
	inc ecx
	cmp ecx, 4
	jb .gib

	mov eax, P_WRITE | P_LARGE
	xor ecx, ecx
.low:
	mov [edi + T_LOW_PD + ecx * 8], eax
	add eax, 0x200000
	inc ecx
	cmp ecx, 4 * 512
	jb .low

	xor ecx, ecx			; the image read-only, what follows it writable
.home:
	mov edx, ecx
	shl edx, 12
	cmp edx, memory_bytes
	jae .done
	lea eax, [ebp + edx + P_READ]
	cmp edx, image_bytes
	jb .put
	or eax, P_WRITE
.put:
	mov [edi + T_HOME_PT + ecx * 8], eax
	inc ecx
	jmp .home
.done:
	ret
