; SPDX-License-Identifier: GPL-2.0-or-later
; maps.asm - a system that asks for memory in every form that the BIOS has, prints the answers,
; and halts.
;
; Built twice: as a bzImage, whose real-mode set-up it is; with MULTIBOOT defined as a multiboot
; image, which goes back to real mode.  What its loader left in memory it only points to: the test
; reads that through QEMU's monitor.
;
; Each line is "maps: NAME", then hexadecimal words: flags, EAX, EBX, ECX, EDX as the call left
; them, and the six dwords at ES:DI, which were FILL before.

FILL		equ 0xEEEEEEEE
BUFFER_BYTES	equ 24
SMAP		equ "PAMS"		; 'SMAP' as the interface spells it
CALLS_MAX	equ 128
COM1		equ 0x3F8
BDA_BASE_KIB	equ 0x13		; of segment 40h

%ifdef MULTIBOOT
; ---------------------------------------------------------------------------
; Mode: 32-bit flat protected mode, paging off, IF=0, EBX = the multiboot information.
; ---------------------------------------------------------------------------
LOAD_PHYS	equ 0x100000
REAL_PHYS	equ 0x60000		; a multiboot loader puts what it leaves far below
MB_MAGIC	equ 0x1BADB002
MB_FLAGS	equ 0x10003		; addresses below, memory map wanted, modules on pages
SEL_CODE16	equ 0x08
SEL_DATA16	equ 0x10
STACK_TOP	equ 0xF000

		section .text32 start=0 vstart=LOAD_PHYS
		bits 32
header:
		dd MB_MAGIC, MB_FLAGS, -(MB_MAGIC + MB_FLAGS)
		dd header, LOAD_PHYS, 0, 0, enter32
enter32:
		cli
		cld
		mov esi, LOAD_PHYS + REAL_AT
		mov edi, REAL_PHYS
		mov ecx, (real_end - enter16 + 3) / 4
		rep movsd
		mov [REAL_PHYS + given], ebx
		lgdt [gdtr]
		jmp SEL_CODE16:enter16
		align 8
gdt:		dq 0
		dq 0x00009b000000ffff | (REAL_PHYS & 0xffffff) << 16
		dq 0x000093000000ffff | (REAL_PHYS & 0xffffff) << 16
gdtr:		dw gdtr - gdt - 1
		dd gdt
		times 0x100 - ($ - $$) db 0
REAL_AT		equ 0x100

		section .real start=REAL_AT vstart=0
		bits 16
; enter16: 16-bit protected mode in this segment, on the way to real mode.
enter16:
		mov ax, SEL_DATA16
		mov ds, ax
		mov es, ax
		mov ss, ax
		o32 lidt [real_idtr]
		mov eax, cr0
		and al, 0xFE
		mov cr0, eax
		jmp (REAL_PHYS >> 4):.real
.real:
		mov ax, cs
		mov ss, ax
		mov esp, STACK_TOP
		jmp main16
real_idtr:	dw 0x3FF
		dd 0
%else
; ---------------------------------------------------------------------------
; Linux/x86 boot protocol 2.12: two sectors of set-up, and a protected-mode part that never runs.
; Mode: real, DS = ES = SS = this segment, entered at 200h with CS = it + 20h.
; ---------------------------------------------------------------------------
		bits 16
		org 0
		times 0x1F1 - ($ - $$) db 0
		db SETUP_SECTORS
		dw 0
		dd PROTECTED_BYTES / 16
		times 0x1FE - ($ - $$) db 0
		dw 0xAA55
		jmp short set_up
		db "HdrS"
		dw 0x020C
		times 0x211 - ($ - $$) db 0
		db 1				; loadflags: LOADED_HIGH
		dw 0
		dd 0x100000			; code32_start
		times 0x22C - ($ - $$) db 0
		dd 0x7FFFFFFF			; initrd_addr_max
		dd 0x100000			; kernel_alignment
		db 1				; relocatable
		times 0x238 - ($ - $$) db 0
		dd 255				; cmdline_size
		times 0x258 - ($ - $$) db 0
		dq 0x100000			; pref_address
		dd 0x100000			; init_size
		times 0x268 - ($ - $$) db 0
set_up:
		xor eax, eax
		mov ax, ds
		shl eax, 4
		mov [given], eax
		push ds
		push main16
		retf
%endif

; ---------------------------------------------------------------------------
; Real mode from here on: CS = SS = this segment.
; ---------------------------------------------------------------------------
main16:
		cld
		mov ax, cs
		mov ds, ax
		mov es, ax
		mov si, name_given
		call text16
		mov eax, [given]
		call dword16
		call end16
		mov si, name_bda
		call text16
		push es
		mov ax, 0x40
		mov es, ax
		movzx eax, word [es:BDA_BASE_KIB]
		pop es
		call dword16
		call end16

		xor ebx, ebx
		mov cx, CALLS_MAX
.walk:
		push cx
		mov [walk + request.ebx], ebx
		mov si, walk
		call ask16
		mov ebx, [after.ebx]
		pop cx
		test byte [after.flags], 1
		jnz .walked
		test ebx, ebx
		loopnz .walk
.walked:
		mov si, requests
.next:
		push si
		call ask16
		pop si
		add si, request_size
		cmp si, requests_end
		jb .next
		mov si, name_end
		call text16
		call end16
		cli
.stop:
		hlt
		jmp .stop

		struc request
.name		resb 12
.vector		resd 1
.eax		resd 1
.ebx		resd 1
.ecx		resd 1
.edx		resd 1
		endstruc

; ask16: makes the request at SI and prints what came of it.  Clobbers all.
ask16:
		push si
		mov al, [si + request.vector]
		mov [.int + 1], al
		mov di, buffer
		mov eax, FILL
		mov cx, BUFFER_BYTES / 4
		rep stosd
		mov di, buffer
		mov eax, [si + request.eax]
		mov ebx, [si + request.ebx]
		mov ecx, [si + request.ecx]
		mov edx, [si + request.edx]
		jmp short .int			; what was just written is not prefetched
.int:		int 0
		pushf
		push ds
		push cs
		pop ds
		pop word [after.ds]
		pop word [after.flags]
		mov [after.eax], eax
		mov [after.ebx], ebx
		mov [after.ecx], ecx
		mov [after.edx], edx
		mov ax, cs
		mov es, ax
		cld
		pop si
		call text16
		mov si, after
		mov cx, (buffer.end - after) / 4
.word:
		lodsd
		call dword16
		loop .word

; end16: ends the line.  Clobbers AX.
end16:
		mov al, 13
		call byte16
		mov al, 10
		jmp byte16

; text16: "maps: " and the text at SI.  Clobbers AX SI.
text16:
		push si
		mov si, name_maps
		call .put
		pop si
.put:
		lodsb
		test al, al
		jz .out
		call byte16
		jmp .put
.out:
		ret

; dword16: a blank and EAX, eight digits.  All registers are kept.
dword16:
		push eax
		push cx
		mov cx, 8
		push ax
		mov al, ' '
		call byte16
		pop ax
.digit:
		rol eax, 4
		push ax
		and al, 15
		cmp al, 10
		sbb al, 0x69
		das				; 0-9, A-F
		call byte16
		pop ax
		loop .digit
		pop cx
		pop eax
		ret

; byte16: AL to COM1, which the loader has set up.  All registers are kept.
byte16:
		push dx
		push ax
		mov dx, COM1 + 5
.wait:
		in al, dx
		test al, 0x20
		jz .wait
		pop ax
		mov dx, COM1
		out dx, al
		pop dx
		ret

name_maps:	db "maps: ", 0
name_given:	db "given", 0
name_bda:	db "40:13", 0
name_end:	db "end", 0

%macro ask 6				; name, vector, EAX, EBX, ECX, EDX
		db %1
		times 12 - %strlen(%1) db 0
		dd %2, %3, %4, %5, %6
%endmacro
		align 4
walk:		ask "e820", 0x15, 0xE820, 0, BUFFER_BYTES, SMAP
requests:
		ask "exact", 0x15, 0xE820, 0, 20, SMAP
		ask "short", 0x15, 0xE820, 0, 19, SMAP
		ask "no-smap", 0x15, 0xE820, 0, BUFFER_BYTES, 0
		ask "beyond", 0x15, 0xE820, 0x7FFF, BUFFER_BYTES, SMAP
		ask "beyond-high", 0x15, 0xE820, 0x10000, BUFFER_BYTES, SMAP
		ask "e801", 0x15, 0xE801, 0, 0, 0
		ask "88", 0x15, 0x8800, 0, 0, 0
		ask "c0", 0x15, 0xC000, 0, 0, 0	; not the fence's: the BIOS's
		ask "int12", 0x12, 0, 0, 0, 0
requests_end:

given:		dd 0			; the multiboot information, or where the set-up lies
after:
.flags:		dw 0
.ds:		dw 0
.eax:		dd 0
.ebx:		dd 0
.ecx:		dd 0
.edx:		dd 0
buffer:		times BUFFER_BYTES db 0
.end:

real_end:

%ifndef MULTIBOOT
		times 511 - ($ - $$ + 511) % 512 db 0
SETUP_SECTORS	equ ($ - $$) / 512 - 1
PROTECTED_BYTES	equ 4096
		times PROTECTED_BYTES db 0xF4
%endif
