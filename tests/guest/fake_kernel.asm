; SPDX-License-Identifier: GPL-2.0-or-later
; fake_kernel.asm - the protected-mode part of a bzImage, for netdump-wrap: says on COM1 how it
; was entered.  fake_loader.asm enters it.
;
; Position: anywhere.  Prints one line:  fake kernel: ok, N-bit    or    fake kernel: wrong N

%include "tests/guest/fake_boot.inc"

COM1		equ 0x3F8

; A compare that says its number if it fails.  Clobbers nothing.
%macro expect 3
	cmp %1, %2
	mov dl, %3
	jne %%wrong
	jmp short %%right
%%wrong:
	jmp wrong_ %+ BITS
%%right:
%endmacro

%macro expect_selectors 0
	mov ecx, cs
	expect ecx, BOOT_CS, '1'
	mov ecx, ds
	expect ecx, BOOT_DS, '2'
	mov ecx, es
	expect ecx, BOOT_DS, '3'
	mov ecx, ss
	expect ecx, BOOT_DS, '4'
%endmacro

org 0
bits 32
%define BITS 32
kernel:
	mov eax, MARK32			; where the jump is put: what is not put back is not run
	expect eax, MARK32, '0'
	expect esi, PARAMS, '5'
	lea esp, [esi + 0x1E8]		; as Linux does
	expect ebx, 0, '6'
	expect ebp, 0, '7'
	expect edi, 0, '8'
	pushfd
	pop ecx
	and ecx, 0x200
	expect ecx, 0, '9'		; IF
	mov ecx, cr0
	and ecx, 0x80000001
	expect ecx, 1, 'a'
	mov ecx, cr4
	expect ecx, LOADER_CR4, 'b'
	sub esp, 8
	sidt [esp]
	expect word [esp], IDT_LIMIT, 'c'
	expect dword [esp + 2], IDT_BASE, 'd'
	add esp, 8
	expect_selectors
	call .here
.here:
	pop esi
	add esi, ok32 - .here
	jmp print_32
wrong_32:
	lea esp, [PARAMS + 0x1E8]
	call .here
.here:
	pop esi
	mov [esi + wrong_digit - .here], dl
	add esi, wrong - .here
print_32:
	lodsb
	test al, al
	jz stop
	mov ah, al
	mov dx, COM1 + 5
.wait:
	in al, dx
	test al, 0x20
	jz .wait
	mov al, ah
	mov dx, COM1
	out dx, al
	jmp print_32
stop:
	cli
	hlt
	jmp stop

	times 0x200 - ($ - $$) db 0
bits 64
%define BITS 64
	mov eax, MARK64
	expect eax, MARK64, '0'
	expect rsi, PARAMS, '5'
	lea rsp, [rsi + 0x1E8]
	expect rbx, RBX_MARK, '6'
	expect rbp, RBP_MARK, '7'
	expect rdi, RDI_MARK, '8'
	pushfq
	pop rcx
	and ecx, 0x200
	expect ecx, 0, '9'
	mov rcx, cr0
	expect ecx, LOADER_CR0, 'a'
	mov rcx, cr4
	expect ecx, LOADER_CR4, 'b'
	sub rsp, 16
	sidt [rsp]
	expect word [rsp], IDT_LIMIT, 'c'
	expect dword [rsp + 2], IDT_BASE, 'd'
	mov rcx, cr3
	expect rcx, TABLES, 'e'
	mov ecx, 0xC0000080
	rdmsr
	and eax, 0xD00
	expect eax, 0xD00, 'f'		; LME, LMA, NXE
	expect_selectors
	lea rsi, [rel ok64]
	jmp print_64
wrong_64:
	mov [rel wrong_digit], dl
	lea rsi, [rel wrong]
print_64:
	lodsb
	test al, al
	jz stop
	mov ah, al
	mov dx, COM1 + 5
.wait:
	in al, dx
	test al, 0x20
	jz .wait
	mov al, ah
	mov dx, COM1
	out dx, al
	jmp print_64

ok32	db "fake kernel: ok, 32-bit", 13, 10, 0
ok64	db "fake kernel: ok, 64-bit", 13, 10, 0
wrong	db "fake kernel: wrong "
wrong_digit db "?", 13, 10, 0
	align 16
