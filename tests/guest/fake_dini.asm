; SPDX-License-Identifier: GPL-2.0-or-later
; fake_dini.asm - stands in for DINI: says on COM1 how it was entered, then refuses.
;
; Mode: 32-bit flat, paging off (handoff.h "Entering DINI").  Loaded at BASE, which the
; test's handoff block names.  Prints one line:
;   fake dini: entered ok elfcorehdr H bytes H cr3 H idt H    or    fake dini: wrong N

BASE		equ 0x7000000
COM1		equ 0x3F8
REFUSAL		equ 3

bits 32
org BASE
	dd 0x46494E44			; ND_DINI_FILE_MAGIC
	dw 1, 20
	dd end - $$, 0x10000, entry - $$

; check what, wrong number: jumps to .wrong with EBP = number unless equal
%macro expect_equal 3
	mov ebp, %3
	cmp %1, %2
	jne wrong
%endmacro

entry:
	pushad
	pushfd
	expect_equal eax, 0x494E4944, 1
	expect_equal dword [esi], 0x45585024, 2		; "$PXE"
	expect_equal dword [ebx], 0x48534143, 3		; ND_CRASH_MAGIC
	expect_equal word [ebx + 6], 168, 4		; its length
	test dword [esp], 0x200
	mov ebp, 5
	jnz wrong			; interrupts are on
	mov eax, cr0
	and eax, 0x80000001
	expect_equal eax, 1, 6		; paging, protection
	mov eax, cr4
	expect_equal eax, 0, 7
	mov ecx, 0xC0000080
	rdmsr
	and eax, 0x100
	expect_equal eax, 0, 8		; EFER.LME
	mov ecx, ss
	lsl eax, ecx
	expect_equal eax, 0xFFFFFFFF, 9	; flat
	mov ecx, ds
	lsl eax, ecx
	expect_equal eax, 0xFFFFFFFF, 10
	mov eax, [ebx + 8]		; elfcorehdr_phys
	test eax, eax
	jz .no_elf
	expect_equal dword [eax], 0x464C457F, 11
.no_elf:
	mov esi, text_entered
	call text_put
	mov esi, text_elf
	lea edi, [ebx + 8]
	call number_put
	mov esi, text_bytes
	lea edi, [ebx + 16]
	call number_put
	mov esi, text_cr3
	lea edi, [ebx + 24]
	call number_put
	mov esi, text_idt
	lea edi, [ebx + 32]
	call number_put
back:
	mov esi, text_end
	call text_put
	popfd
	popad
	mov eax, REFUSAL
	ret

wrong:
	mov esi, text_wrong
	call text_put
	mov [number], ebp
	mov edi, number
	mov esi, text_number
	call number_put
	jmp back

; text_put - prints the NUL-terminated text at ESI.  Clobbers EAX, EDX, ESI.
text_put:
	lodsb
	test al, al
	jz .end
	call byte_put
	jmp text_put
.end:
	ret

; number_put - prints the text at ESI, then the 64-bit number at EDI in hexadecimal.
number_put:
	call text_put
	mov ecx, 7
.byte:
	mov al, [edi + ecx]
	shr al, 4
	call nibble_put
	mov al, [edi + ecx]
	and al, 15
	call nibble_put
	dec ecx
	jns .byte
	ret

nibble_put:
	cmp al, 10
	jb .digit
	add al, 'a' - '0' - 10
.digit:
	add al, '0'
; byte_put - prints AL once the port can take it.  Clobbers EDX.
byte_put:
	push eax
	mov dx, COM1 + 5
.wait:
	in al, dx
	test al, 0x20
	jz .wait
	pop eax
	mov dx, COM1
	out dx, al
	ret

text_entered	db "fake dini: entered ok", 0
text_elf	db " elfcorehdr 0x", 0
text_bytes	db " bytes 0x", 0
text_cr3	db " cr3 0x", 0
text_idt	db " idt 0x", 0
text_wrong	db "fake dini: wrong", 0
text_number	db " 0x", 0
text_end	db 13, 10, 0
align 8
number		dq 0
end:
