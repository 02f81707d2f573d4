; SPDX-License-Identifier: GPL-2.0-or-later
; fake_undi.asm - firmware that plays a script, for the gate's guest.
;
; Mode: real, one segment, moved to UNDI_SEG:0 of gate_guest.c, which knows what lies up to
; `code` as struct undi.  It is as rude as firmware may be: whatever UNDI need not keep is
; changed by every call.

bits 16
org 0

EVENTS		equ 32
SENT		equ 16

TRANSMIT	equ 0x08
ISR		equ 0x14
ISR_START	equ 1
ISR_PROCESS	equ 2
ISR_RECEIVE	equ 3
INT15		equ 0xF0		; no UNDI function: INT 15h, with registers from the block

OUT_OF_RESOURCES equ 2

FAULT_ARGUMENTS	equ 1			; stack and registers do not say the same
FAULT_BLOCK	equ 2			; a parameter block with nonsense in it
FAULT_ORDER	equ 4			; PROCESS not behind START, GET_NEXT behind nothing
FAULT_MODE	equ 8			; IF or DF set, or the stack is not the gate's

entry_offset:	dw entry
int15_offset:	dw int15
step_offset:	dw step
tx_room:	dw 0			; frames that can be taken before the ring is full
tx_freed:	dw 0			; so many more at each START
event_count:	dw 0
event_at:	dw 0
event_forever:	dw 0			; after the last comes the first
faults:		dw 0
calls:		dw 0
starts:		dw 0
sent_count:	dw 0
last_isr:	dw 0			; FuncFlag; 0: nothing that GET_NEXT could follow
int15_ax:	dw 0			; what reached the handler behind the gate's
hang_call:	dw 0			; function that does not return, 0: all do
hang_after:	dw 0			; calls of it that still do
hang_mode:	dw 0			; hang.asm
hang_reflects:	dw 0			; interrupts that hang.asm passed on
nmi_call:	dw 0			; function behind whose return an NMI comes, 0: none
nmi_after:	dw 0			; calls of it before
nmi_steps:	dw 0			; instructions of the gate's in between
nmis:		dw 0			; that came: none if firmware was called before
sent_bytes:	times SENT dw 0
sent_first:	times SENT dd 0		; the frame's first four bytes
		; FuncFlag, BufferLength, FrameLength, offset, segment
events:		times EVENTS * 5 dw 0
code:

; far call: BX = opcode, ES:DI = block, the same on the stack
entry:
	push bp
	mov bp, sp
	push ds
	pushad
	mov ax, cs
	mov ds, ax
	inc word [calls]
	mov [function], bx
	cmp bx, [bp + 6]
	jne .arguments
	cmp di, [bp + 8]
	jne .arguments
	mov ax, es
	cmp ax, [bp + 10]
	je .arguments_fit
.arguments:
	or word [faults], FAULT_ARGUMENTS
.arguments_fit:
	pushf
	pop ax
	test ax, 0x600
	jnz .mode
	mov ax, ss
	cmp ax, [bp + 4]		; the gate's CS
	je .mode_fits
.mode:
	or word [faults], FAULT_MODE
.mode_fits:
	cmp bx, [hang_call]
	jne .returns
	dec word [hang_after]
	js hang
.returns:
	cmp bx, TRANSMIT
	je transmit
	cmp bx, ISR
	je isr
	cmp bx, INT15
	je int15_call
	mov word [es:di], 0		; any other: block + opcode, AX = its complement
	mov [es:di + 2], bx
	not bx
	jmp leave_with_bx

; AX = BX, and nothing else that the gate could go on with.
leave_with_bx:
	mov [cs:.ax], bx
	mov ax, [cs:function]
	cmp ax, [cs:nmi_call]
	jne .unseen
	dec word [cs:nmi_after]
	jns .unseen
	mov word [cs:nmi_call], 0
	mov word [cs:.flags], 0x100	; TF
.unseen:
	popad
	pop ds
	pop bp
	mov eax, 0x5EED0000
	mov ebx, eax
	mov ecx, eax
	mov edx, eax
	mov esi, eax
	mov edi, eax
	mov ebp, eax
	mov ds, ax
	mov es, ax
	pushf
	pop ax
	or ax, 0x600			; DF, and IF: the PIC is masked
	or ax, [cs:.flags]
	mov word [cs:.flags], 0
	push ax
	mov ax, [cs:.ax]
	popf				; a trap comes behind the next instruction
	retf
.ax:	dw 0
.flags:	dw 0
function: dw 0

; INT 1, behind each instruction with TF set.
step:
	push bp
	mov bp, sp
	push ax
	mov ax, cs
	cmp [bp + 4], ax
	je .called
	dec word [cs:nmi_steps]
	jns .on
	and word [bp + 6], ~0x100
	inc word [cs:nmis]
	int 2
	jmp .on
.called:
	and word [bp + 6], ~0x100
.on:
	pop ax
	pop bp
	iret

transmit:
	cmp word [es:di + 2], 0		; Protocol, XmitFlag: as they are, to the address in them
	jne .block
	cmp word [tx_room], 0
	je .full
	dec word [tx_room]
	les di, [es:di + 8]		; the TBD
	cmp word [es:di + 6], 0		; DataBlkCount: all is in the immediate part
	jne .block
	mov cx, [es:di]
	les di, [es:di + 2]
	mov si, [sent_count]
	cmp si, SENT
	jae .block
	inc word [sent_count]
	mov eax, [es:di]
	add si, si
	mov [sent_bytes + si], cx
	add si, si
	mov [sent_first + si], eax
	xor bx, bx
	jmp leave_with_bx
.full:
	mov word [es:di], OUT_OF_RESOURCES
	mov bx, 1
	jmp leave_with_bx
.block:
	or word [faults], FAULT_BLOCK
	mov bx, 1
	jmp leave_with_bx

isr:
	mov ax, [es:di + 2]
	mov bx, [last_isr]
	mov [last_isr], ax
	cmp ax, ISR_START
	jne .event
	inc word [starts]
	mov ax, [tx_freed]
	add [tx_room], ax
	mov word [es:di + 2], 1		; NOT_OURS, as some say whatever it is
	jmp .good
.event:
	cmp ax, ISR_PROCESS
	jne .next
	cmp bx, ISR_START
	je .order_fits
	jmp .order
.next:
	cmp bx, ISR_PROCESS
	jae .order_fits
.order:
	or word [faults], FAULT_ORDER
.order_fits:
	mov ax, [event_at]
	cmp ax, [event_count]
	jb .take
	xor ax, ax
	cmp [event_forever], ax
	jne .take
	mov [es:di + 2], ax		; done
	mov [last_isr], ax
	jmp .good
.take:
	imul si, ax, 10
	add si, events
	inc ax
	mov [event_at], ax
	mov ax, [si]
	mov [es:di + 2], ax
	cmp ax, ISR_RECEIVE
	jne .good
	mov eax, [si + 2]
	mov [es:di + 4], eax
	mov word [es:di + 8], 14
	mov eax, [si + 6]
	mov [es:di + 10], eax
.good:
	mov word [es:di], 0
	xor bx, bx
	jmp leave_with_bx

; The block is struct int15_registers of gate_guest.c.
int15_call:
	push es
	push di
	mov eax, [es:di]
	mov ebx, [es:di + 4]
	mov ecx, [es:di + 8]
	mov edx, [es:di + 12]
	mov esi, [es:di + 16]
	push word [es:di + 20]
	mov di, [es:di + 22]
	pop es
	stc				; as a caller may have it: the answer decides
	int 0x15
	mov bp, sp
	push es
	push di
	mov ds, [bp + 2]
	mov di, [bp]
	mov [ds:di], eax
	mov [ds:di + 4], ebx
	mov [ds:di + 8], ecx
	mov [ds:di + 12], edx
	mov [ds:di + 16], esi
	pop word [ds:di + 22]
	pop word [ds:di + 20]
	pushf
	pop word [ds:di + 24]
	add sp, 4
	xor bx, bx
	jmp leave_with_bx

; What was at INT 15h before the gate's hook.
int15:
	mov [cs:int15_ax], ax
	mov ax, 0xBE5A
	iret

%include "tests/guest/hang.asm"
