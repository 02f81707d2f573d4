; SPDX-License-Identifier: GPL-2.0-or-later
;
; gate.asm - the resident gate: what is kept of PXELINUX after boot.
;
; One real-mode segment of 64 KiB just below the top of base memory.  It holds
; the handoff block (struct nd_handoff, at offset 0), this code, the memory map
; that the INT 15h hook serves, copies of what the system will overwrite, a stack,
; the call block (struct nd_gate_call) and the frame buffers.
;
; netdump.c32 copies the image to its place and fills in the header's fields.
; From then on nothing between gate_header and sealed_end is written to: the
; seal's checksum covers it.  All working storage lies behind it.
;
; Contract: include/netdump/handoff.h, "Calling the gate".

		bits 16

SEGMENT_BYTES	equ 0x10000
HANDOFF_BYTES	equ 0xc00	; room kept for struct nd_handoff
TX_SLOTS	equ 16		; ND_GATE_* of handoff.h; netdump.c32 compares them
RX_SLOTS	equ 12
SLOT_BYTES	equ 1536
PARAM_BYTES	equ 160
E820_MAX	equ 64
E820_BYTES	equ 20
LOW_COPY_BYTES	equ 0x500
PCI_COPIES	equ 8
PCI_COPY_BYTES	equ 260
STACK_BYTES	equ 6144

TX_TRIES	equ 48		; times a full transmit ring is pumped before giving up
ISR_LIMIT	equ 96		; UNDI_ISR calls in one pump

OP_UNDI		equ 1
OP_BATCH	equ 2

NMI		equ 2		; its vector

UNDI_TRANSMIT	equ 0x08
UNDI_ISR	equ 0x14
ISR_IN_START	equ 1
ISR_IN_PROCESS	equ 2
ISR_IN_GET_NEXT	equ 3
ISR_OUT_DONE	equ 0
ISR_OUT_TX	equ 2
ISR_OUT_RX	equ 3

SEL_CODE16	equ 0x08	; this segment, 16-bit
SEL_DATA16	equ 0x10
SEL_CODE32	equ 0x18	; this segment, 32-bit
SEL_FLAT	equ 0x20	; data, 4 GiB from 0

		org HANDOFF_BYTES

; struct nd_gate_call
		struc call_block
.op		resw 1
.undi_opcode	resw 1
.undi_ax	resw 1
.tx_count	resw 1
.tx_done	resw 1
.tx_status	resw 1
.rx_count	resw 1
.rx_dropped	resw 1
.isr_calls	resw 1
.undi_hung	resw 1
.tx_bytes	resw TX_SLOTS
.rx_bytes	resw RX_SLOTS
.undi_param	resb PARAM_BYTES
.tx_sent	resw 1
.zero2		resw 1
		endstruc

		section .text

; struct netdump_gate_header of <syslinux/netdump.h>; offsets are from the segment's start.
gate_header:
		db "NDGATE03"
		dw sealed_end		; the image ends here
		dw entry32
		dw int15_hook
		dw call_area
		dw tx_slots
		dw rx_slots
		dw low_copy
		dw pci_copy
		dw e820_table
		dw call_block_size
		dw TX_SLOTS
		dw RX_SLOTS
		dw SLOT_BYTES
e820_count:	dw 0			; from here on netdump.c32 fills in
e801_low:	dw 0			; KiB from 1 MiB to 16 MiB
e801_high:	dw 0			; 64 KiB units from 16 MiB
ext88:		dw 0			; KiB from 1 MiB, at most 63 MiB
int15_old:	dd 0			; seg:off of the hook before ours
undi_entry:	dd 0			; seg:off

; ---------------------------------------------------------------------------
; entry32: the gate.
; Mode:     32-bit protected, paging off, flat segments, IF=0, A20 on; near call
; Inputs:   call_area
; Outputs:  call_area
; Clobbers: EAX ECX EDX, flags.  GDT and IDT are ours in between, and restored.
; ---------------------------------------------------------------------------
		bits 32
entry32:
		push ebx
		push esi
		push edi
		push ebp
		push ds
		push es
		push fs
		push gs
		call .here
.here:		pop ebx
		sub ebx, .here		; EBX = linear base of the segment
		sgdt [ebx+caller_gdtr]
		sidt [ebx+caller_idtr]
		mov [ebx+caller_esp], esp
		mov [ebx+caller_ss], ss
		mov [ebx+caller_cs], cs
		mov eax, cr0
		mov [ebx+caller_cr0], eax
		mov [ebx+base_linear], ebx

		; The GDT is made afresh at each call: nothing kept from boot is
		; trusted that does not lie under the seal.
		lea esi, [ebx+gdt_template]
		lea edi, [ebx+gdt]
		mov ecx, (gdt_template_end - gdt_template) / 4
		cld
		rep movsd
		mov eax, ebx
		mov [ebx+gdt+SEL_CODE16+2], ax
		mov [ebx+gdt+SEL_DATA16+2], ax
		mov [ebx+gdt+SEL_CODE32+2], ax
		shr eax, 16
		mov [ebx+gdt+SEL_CODE16+4], al
		mov [ebx+gdt+SEL_DATA16+4], al
		mov [ebx+gdt+SEL_CODE32+4], al
		mov word [ebx+gdt_reg], gdt_template_end - gdt_template - 1
		lea eax, [ebx+gdt]
		mov [ebx+gdt_reg+2], eax
		mov word [ebx+real_idtr], 0x3ff
		mov dword [ebx+real_idtr+2], 0
		mov eax, ebx
		shr eax, 4
		mov [ebx+real_segment], ax

		lgdt [ebx+gdt_reg]
		push dword SEL_CODE16
		push dword protected16
		retf

; protected16: 16-bit protected mode in this segment, on the way to real mode.
		bits 16
protected16:
		mov ax, SEL_DATA16
		mov ds, ax
		mov es, ax
		mov fs, ax
		mov gs, ax
		mov ss, ax
		mov esp, stack_top
		o32 lidt [real_idtr]
		push word [real_segment]
		push word real16
		mov eax, cr0
		and eax, 0x1ffffffe	; PG, CD, NW and PE off
		mov cr0, eax
		retf

; real16: real mode, CS = this segment.
real16:
		mov ax, cs
		mov ds, ax
		mov es, ax
		mov fs, ax
		mov gs, ax
		mov ss, ax
		mov esp, stack_top
		call nmi_take16
		call dispatch16
leave16:
		cli
		cld
		call nmi_give16
		mov ax, cs
		mov ds, ax
		o32 lgdt [gdt_reg]
		mov eax, [caller_cr0]
		or eax, 1
		mov cr0, eax
		jmp dword SEL_CODE32:protected32

		bits 32
protected32:
		mov ax, SEL_FLAT
		mov ds, ax
		mov es, ax
		mov ebx, [cs:base_linear]
		mov edx, [ebx+caller_esp]
		movzx ecx, word [ebx+caller_ss]
		movzx eax, word [ebx+caller_cs]
		lgdt [ebx+caller_gdtr]
		lidt [ebx+caller_idtr]
		mov ss, cx
		mov esp, edx
		push eax
		lea eax, [ebx+.caller_segment]
		push eax
		retf
.caller_segment:
		pop gs
		pop fs
		pop es
		pop ds
		pop ebp
		pop edi
		pop esi
		pop ebx
		ret

; ---------------------------------------------------------------------------
; Real mode from here on: DS = ES = SS = CS = this segment, DF=0, IF=0.
; ---------------------------------------------------------------------------
		bits 16
dispatch16:
		cld
		xor ax, ax
		mov [call_area+call_block.tx_done], ax
		mov [call_area+call_block.rx_count], ax
		mov [call_area+call_block.rx_dropped], ax
		mov [call_area+call_block.isr_calls], ax
		mov [call_area+call_block.tx_sent], ax
		mov [call_area+call_block.undi_hung], ax
		mov [rx_fill], ax
		mov ax, [call_area+call_block.op]
		cmp ax, OP_UNDI
		je undi_single16
		cmp ax, OP_BATCH
		je batch16
		ret

undi_single16:
		mov word [call_area+call_block.undi_ax], 1	; should it not be made
		mov bx, [call_area+call_block.undi_opcode]
		mov di, call_area+call_block.undi_param
		call undi16
		mov [call_area+call_block.undi_ax], ax
		ret

; undi16: call UNDI function BX with the parameter block DS:DI; AX = its exit code.
; Both conventions are met at once: !PXE takes its arguments from the stack,
; PXENV+ from ES:DI and BX.  All other registers are kept.
; Once an NMI has come there is no further call: all that the gate does ends here.
undi16:
		pushad
		mov [undi_under_way], bx	; first, so that none falls between
		cmp word [nmi_came], 0
		jne .late
		push es
		push di
		push bx
		call far [undi_entry]
		add sp, 6
		cli
		cld
		mov cx, cs
		mov ds, cx
		mov es, cx
		mov word [undi_under_way], 0
		mov [undi_result], ax
		popad
		mov ax, [undi_result]
		ret
.late:
		mov word [undi_under_way], 0
		jmp leave16

; nmi_take16, nmi_give16: the NMI's vector to nmi16, and back.  Clobber AX ES; ES = DS.
nmi_take16:
		mov word [undi_under_way], 0
		mov word [nmi_came], 0
		xor ax, ax
		mov es, ax
		mov eax, [es:4*NMI]
		mov [nmi_old], eax
		mov word [es:4*NMI], nmi16
		mov [es:4*NMI+2], cs
		jmp nmi_done16
nmi_give16:
		xor ax, ax
		mov es, ax
		mov eax, [nmi_old]
		mov [es:4*NMI], eax
nmi_done16:
		mov ax, cs
		mov es, ax
		ret

; nmi16: an NMI.  If UNDI has the CPU, its call is given up, and all that the gate does
; with it; else the next call is not made: the alarm does not come twice.
; Mode:    real mode, entered by the CPU or, as from iPXE's protected mode, by INT 2.
;          Nothing is known of the stack and segments but CS.
nmi16:
		cmp word [cs:undi_under_way], 0
		jne .hung
		mov word [cs:nmi_came], 1
		iret
.hung:
		mov ax, cs
		mov ds, ax
		mov ss, ax
		mov esp, stack_top
		pushf			; IF=0, TF=0 here
		push cs
		push .open
		iret			; what lets the CPU take the next NMI
.open:
		mov ax, [undi_under_way]
		mov [call_area+call_block.undi_hung], ax
		jmp leave16

; batch16: send the frames of the transmit slots, pump, fill the receive slots.
; No pump between frames that UNDI takes: each costs two calls more, and what a call costs is
; UNDI's own way into protected mode and back.
batch16:
		xor si, si		; SI = slot
.next:
		cmp si, [call_area+call_block.tx_count]
		jae pump16
		cmp si, TX_SLOTS
		jae pump16
		mov cx, TX_TRIES
.try:
		call transmit16
		jz .sent
		call pump16
		loop .try
		jmp pump16
.sent:
		inc word [call_area+call_block.tx_done]
		inc si
		jmp .next

; transmit16: UNDI_TRANSMIT the frame in slot SI; ZF=1 if UNDI took it.
; Clobbers AX BX DX DI.
transmit16:
		push cx
		mov di, transmit_block
		mov cx, (transmit_end - transmit_block) / 2
		xor ax, ax
		rep stosw
		pop cx			; protocol 0: the frame has its header already
		mov ax, si
		mov bx, SLOT_BYTES
		mul bx
		add ax, tx_slots
		mov [transmit_block+4], ax	; DestAddr: the frame's first bytes
		mov [transmit_block+6], ds
		mov word [transmit_block+8], transmit_tbd
		mov [transmit_block+10], ds
		mov [transmit_tbd+2], ax
		mov [transmit_tbd+4], ds
		mov bx, si
		add bx, bx
		mov ax, [call_area+call_block.tx_bytes+bx]
		mov [transmit_tbd], ax
		mov bx, UNDI_TRANSMIT
		mov di, transmit_block
		call undi16
		mov bx, [transmit_block]
		mov [call_area+call_block.tx_status], bx
		or ax, bx
		ret

; pump16: let UNDI finish what it has sent and take what it has received, until
; it has nothing more, the receive slots are full, or the limit is reached.
; OURS and NOT_OURS are ignored: several ROMs get them wrong.
; Clobbers AX BX DX DI.
pump16:
		push cx
		cmp word [call_area+call_block.rx_count], RX_SLOTS
		jae .end
		mov cx, ISR_LIMIT
		mov ax, ISR_IN_START
		call isr16
		mov ax, ISR_IN_PROCESS
.event:
		call isr16
		cmp ax, ISR_OUT_RX
		je .received
		cmp ax, ISR_OUT_TX
		jne .end		; done, busy, or nonsense
		inc word [call_area+call_block.tx_sent]
		jmp .more
.received:
		call receive16
		cmp word [call_area+call_block.rx_count], RX_SLOTS
		jae .end
.more:
		mov ax, ISR_IN_GET_NEXT
		loop .event
.end:
		pop cx
		ret

; isr16: one UNDI_ISR with FuncFlag AX; AX = FuncFlag that came back, or
; ISR_OUT_DONE if the call failed.  Clobbers BX DI.
isr16:
		push cx
		push ax
		mov di, isr_block
		mov cx, (isr_end - isr_block) / 2
		xor ax, ax
		rep stosw
		pop ax
		mov [isr_block+2], ax
		inc word [call_area+call_block.isr_calls]
		mov bx, UNDI_ISR
		mov di, isr_block
		call undi16
		pop cx
		or ax, [isr_block]
		mov ax, [isr_block+2]
		jz .ok
		xor ax, ax
.ok:
		ret

; receive16: take the piece of a frame that isr_block describes.
; A frame may come in several pieces, each with the length of the whole; one too long for a
; slot is dropped whole, one whose pieces do not fit together up to where the next begins.
; Clobbers AX BX DX DI.
receive16:
		pushad
		mov dx, [isr_block+4]		; BufferLength
		mov bp, [isr_block+6]		; FrameLength
		test dx, dx
		jz .malformed
		cmp bp, dx
		jae .length_sane
		mov bp, dx			; VMware's is known to be less
.length_sane:
		mov bx, [rx_fill]		; BX = bytes that there are of its frame
		test bx, bx
		jz .begin
		mov ax, bp
		sub ax, bx
		cmp ax, dx
		jb .lost
		cmp bp, [rx_frame]
		je .piece
.lost:
		inc word [call_area+call_block.rx_dropped]
		xor bx, bx
.begin:
		mov [rx_frame], bp
.piece:
		cmp bp, SLOT_BYTES
		ja .taken			; counted only
		push dx
		mov ax, SLOT_BYTES
		mul word [call_area+call_block.rx_count]
		pop cx
		mov dx, cx
		add ax, bx
		add ax, rx_slots
		mov di, ax
		push ds
		lds si, [isr_block+10]
		rep movsb
		pop ds
.taken:
		add bx, dx
		mov [rx_fill], bx
		cmp bx, bp
		jb .end				; more pieces to come
		mov word [rx_fill], 0
		cmp bp, SLOT_BYTES
		ja .malformed
		mov si, [call_area+call_block.rx_count]
		add si, si
		mov [call_area+call_block.rx_bytes+si], bx
		inc word [call_area+call_block.rx_count]
		jmp .end
.malformed:
		inc word [call_area+call_block.rx_dropped]
.end:
		popad
		ret

; ---------------------------------------------------------------------------
; int15_hook: INT 15h, so that a kernel that asks the BIOS sees the fence.
; Mode:    real mode, entered by INT
; Inputs:  AX=E820h (EBX, ECX, EDX, ES:DI), AX=E801h, AH=88h: answered from here
;          (ACPI 6.4 section 15); everything else goes to the hook before ours
; Clobbers: as the BIOS interface says
; ---------------------------------------------------------------------------
int15_hook:
		cmp ax, 0xe820
		je .e820
		cmp ax, 0xe801
		je .e801
		cmp ah, 0x88
		je .ext88
		jmp far [cs:int15_old]
.e820:
		cmp edx, "PAMS"			; 'SMAP' as the interface spells it
		jne .unsupported
		cmp ecx, E820_BYTES
		jb .unsupported
		push eax
		movzx eax, word [cs:e820_count]
		cmp ebx, eax
		pop eax
		jae .unsupported
		push ds
		push si
		push di
		mov si, cs
		mov ds, si
		imul si, bx, E820_BYTES
		add si, e820_table
		mov cx, E820_BYTES
		cld
		rep movsb
		pop di
		pop si
		pop ds
		mov eax, edx
		mov ecx, E820_BYTES
		inc bx
		movzx ebx, bx
		cmp bx, [cs:e820_count]
		jb .good
		xor ebx, ebx
.good:
		push bp
		mov bp, sp
		and byte [bp+6], 0xfe		; CF=0 in the caller's flags
		pop bp
		iret
.e801:
		mov ax, [cs:e801_low]
		mov bx, [cs:e801_high]
		mov cx, ax
		mov dx, bx
		jmp .good
.ext88:
		mov ax, [cs:ext88]
		jmp .good
.unsupported:
		mov ah, 0x86
		push bp
		mov bp, sp
		or byte [bp+6], 0x01
		pop bp
		iret

		align 8
gdt_template:
		dq 0
		dq 0x00009b000000ffff	; SEL_CODE16, base filled in
		dq 0x000093000000ffff	; SEL_DATA16, base filled in
		dq 0x00409b000000ffff	; SEL_CODE32, base filled in
		dq 0x00cf93000000ffff	; SEL_FLAT
gdt_template_end:

		align 4
e820_table:	times E820_MAX * E820_BYTES db 0
		align 4
low_copy:	times LOW_COPY_BYTES db 0
pci_copy:	times PCI_COPIES * PCI_COPY_BYTES db 0
sealed_end:

; Working storage: not in the image, not under the seal.
BSS_ALIGN	equ 16
		section .bss nobits align=BSS_ALIGN
gdt:		resb gdt_template_end - gdt_template
gdt_reg:	resb 6
real_idtr:	resb 6
caller_gdtr:	resb 6
caller_idtr:	resb 6
caller_esp:	resd 1
caller_cr0:	resd 1
nmi_old:	resd 1
base_linear:	resd 1
caller_ss:	resw 1
caller_cs:	resw 1
real_segment:	resw 1
undi_result:	resw 1
undi_under_way:	resw 1		; function that UNDI was called for, 0: it is not
nmi_came:	resw 1		; while UNDI was not under way
rx_fill:	resw 1		; bytes that came of the frame under way, 0: none is
rx_frame:	resw 1		; its length
		alignb 16
transmit_block:	resb 20
transmit_tbd:	resb 72
transmit_end:
		alignb 4
isr_block:	resb 32
isr_end:
		alignb 16
		resb STACK_BYTES
stack_top:
call_area:	resb call_block_size
		alignb 16
tx_slots:	resb TX_SLOTS * SLOT_BYTES
rx_slots:	resb RX_SLOTS * SLOT_BYTES
segment_end:
; The rest of the segment.  Less than nothing is an error here: the gate has grown too large.
SEGMENT_LEFT	equ SEGMENT_BYTES - HANDOFF_BYTES - (sealed_end - gate_header) - BSS_ALIGN \
			- (segment_end - gdt)
		times SEGMENT_LEFT resb 1
